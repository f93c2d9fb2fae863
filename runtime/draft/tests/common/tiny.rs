//! An untrained drafter of the shipped ones' contract, with seeded weights: for what a drafter's weights do not
//! matter to.

use drafthorse_draft::{Draws, Words};
use drafthorse_onnx::{Builder, DataType, Dim, TensorRef, attr, encode};
use std::path::Path;

const WIDTH: usize = 192;
const HEAD: usize = 16;
const SLOTS: usize = 2;

/// Writes it into a folder.
pub(crate) fn write(folder: &Path, words: &Words) {
    std::fs::create_dir_all(folder.join("onnx")).unwrap();
    let config = format!(
        r#"{{"model_type": "drafthorse-scene-drafter", "name": "tiny", "target": "scene-vlm-s", "hidden_size": {WIDTH},
            "vocab_size": {}, "slots": {SLOTS}, "slot_positions": [126, 127], "code": {{"dims": 16, "levels": 16}}}}"#,
        words.vocabulary()
    );
    std::fs::write(folder.join("config.json"), config).unwrap();
    let onnx = |name: &str| folder.join(format!("onnx/{name}.onnx"));
    std::fs::write(onnx("compress"), compress()).unwrap();
    std::fs::write(onnx("standalone"), decoder(words, false)).unwrap();
    std::fs::write(onnx("colocated"), decoder(words, true)).unwrap();
    std::fs::write(onnx("router"), router()).unwrap();
}

fn dynamic(name: &str) -> Dim {
    Dim::Dynamic(name.to_owned())
}

fn weight(b: &mut Builder, name: &str, dims: [usize; 2], scale: f64) -> TensorRef {
    let mut draws = Draws::new(name.bytes().map(u64::from).sum());
    let values: Vec<f32> = (0..dims[0] * dims[1])
        .map(|_| ((draws.unit() - 0.5) * scale) as f32)
        .collect();
    b.weight(name, &dims, &values)
}

fn compress() -> Vec<u8> {
    let mut b = Builder::new("compress", 17);
    let features = [Dim::Fixed(1), dynamic("tokens"), Dim::Fixed(WIDTH)];
    let features = b.input("image_features", DataType::F32, &features);
    b.input(
        "position_ids",
        DataType::I64,
        &[Dim::Fixed(1), dynamic("tokens")],
    );
    let mean = |keep: i64| vec![attr::ints("axes", &[1]), attr::int("keepdims", keep)];
    let whole = b.node("whole", "ReduceMean", &[&features], mean(0));
    let slot = b.node("slot", "ReduceMean", &[&features], mean(1));
    let slots = b.node(
        "both",
        "Concat",
        &[&slot, &slot],
        vec![attr::int("axis", 1)],
    );
    let [one, width] = [1, WIDTH].map(Dim::Fixed);
    b.output(
        "slots",
        &slots,
        DataType::F32,
        &[one.clone(), Dim::Fixed(SLOTS), width.clone()],
    );
    b.output("global", &whole, DataType::F32, &[one, width]);
    encode(&b.finish())
}

/// One head of attention, whose keys carry their positions along so that none looks ahead.
fn decoder(words: &Words, colocated: bool) -> Vec<u8> {
    let mut b = Builder::new("tiny", 17);
    let rows = [Dim::Fixed(1), dynamic("sequence"), Dim::Fixed(WIDTH)];
    let embeds = b.input("inputs_embeds", DataType::F32, &rows);
    let whole = b.input("global", DataType::F32, &[1, WIDTH].map(Dim::Fixed));
    let places = [Dim::Fixed(1), dynamic("sequence")];
    let places = b.input("position_ids", DataType::I64, &places);
    b.input(
        "attention_mask",
        DataType::I64,
        &[Dim::Fixed(1), dynamic("total")],
    );
    let mut x = b.node("with whole", "Add", &[&embeds, &whole], vec![]);
    if colocated {
        let states = b.input("hidden_states_in", DataType::F32, &rows);
        let mixing = weight(&mut b, "mixing", [WIDTH, WIDTH], 0.1);
        let mixed = b.node("mixed", "MatMul", &[&states, &mixing], vec![]);
        x = b.node("with states", "Add", &[&x, &mixed], vec![]);
    }
    let cache = |name: &str, width| {
        [
            Dim::Fixed(1),
            Dim::Fixed(1),
            dynamic(name),
            Dim::Fixed(width),
        ]
    };
    let past_key = b.input(
        "past_key_values.0.key",
        DataType::F32,
        &cache("past", HEAD + 1),
    );
    let past_value = b.input(
        "past_key_values.0.value",
        DataType::F32,
        &cache("past", HEAD),
    );
    let head_axis = b.weight("head axis", &[1], &[1i64]);
    let project = |b: &mut Builder, name: &str| {
        let w = weight(b, &format!("{name} weight"), [WIDTH, HEAD], 0.5);
        let rows = b.node(name, "MatMul", &[&x, &w], vec![]);
        b.node(
            &format!("{name} head"),
            "Unsqueeze",
            &[&rows, &head_axis],
            vec![],
        )
    };
    let [query, key, value] = ["query", "key", "value"].map(|name| project(&mut b, name));
    let float = vec![attr::int("to", 1)];
    let places = b.node("places", "Cast", &[&places], float.clone());
    let place_axes = b.weight("place axes", &[2], &[1i64, 3]);
    let places = b.node(
        "places column",
        "Unsqueeze",
        &[&places, &place_axes],
        vec![],
    );
    let last = |axis| vec![attr::int("axis", axis)];
    let key = b.node("placed key", "Concat", &[&key, &places], last(3));
    let keys = b.node("keys", "Concat", &[&past_key, &key], last(2));
    let values = b.node("values", "Concat", &[&past_value, &value], last(2));
    let sizes = b.weight("sizes", &[2], &[HEAD as i64, 1]);
    let parts = b.nodes("parts", "Split", &[&keys, &sizes], last(3), 2);
    let turn = vec![attr::ints("perm", &[0, 1, 3, 2])];
    let turned = b.node("turned", "Transpose", &[&parts[0]], turn.clone());
    let key_places = b.node("key places", "Transpose", &[&parts[1]], turn);
    let ahead = b.node("ahead", "Greater", &[&key_places, &places], vec![]);
    let ahead = b.node("ahead number", "Cast", &[&ahead], float);
    let unseen = b.weight("unseen", &[1], &[-1e4f32]);
    let bias = b.node("bias", "Mul", &[&ahead, &unseen], vec![]);
    let scores = b.node("scores", "MatMul", &[&query, &turned], vec![]);
    let scores = b.node("biased", "Add", &[&scores, &bias], vec![]);
    let shares = b.node("shares", "Softmax", &[&scores], vec![attr::int("axis", -1)]);
    let seen = b.node("seen", "MatMul", &[&shares, &values], vec![]);
    let seen = b.node("seen rows", "Squeeze", &[&seen, &head_axis], vec![]);
    let out = weight(&mut b, "out", [HEAD, WIDTH], 2.0);
    let seen = b.node("seen wide", "MatMul", &[&seen, &out], vec![]);
    let hidden = b.node("hidden", "Add", &[&x, &seen], vec![]);
    let mut table = Vec::new();
    for word in 0..words.vocabulary() as u32 {
        words.append(word, &mut table).unwrap();
    }
    let count = words.vocabulary();
    let turned: Vec<f32> = (0..WIDTH * count)
        .map(|at| 20.0 * table[at % count * WIDTH + at / count])
        .collect();
    let head = b.weight("head", &[WIDTH, count], &turned);
    let logits = b.node("scored", "MatMul", &[&hidden, &head], vec![]);
    let words = [Dim::Fixed(1), dynamic("sequence"), Dim::Fixed(count)];
    b.output("logits", &logits, DataType::F32, &words);
    b.output("hidden_states", &hidden, DataType::F32, &rows);
    b.output(
        "present.0.key",
        &keys,
        DataType::F32,
        &cache("total", HEAD + 1),
    );
    b.output(
        "present.0.value",
        &values,
        DataType::F32,
        &cache("total", HEAD),
    );
    encode(&b.finish())
}

/// The least `ln p` of a word, so that tests can tell what comes out.
fn router() -> Vec<u8> {
    let mut b = Builder::new("router", 17);
    let rows = |width| [Dim::Fixed(1), dynamic("sequence"), Dim::Fixed(width)];
    b.input("hidden_states", DataType::F32, &rows(WIDTH));
    let confidence = b.input("confidence", DataType::F32, &rows(3));
    b.input("global", DataType::F32, &[1, WIDTH].map(Dim::Fixed));
    let axes = vec![attr::ints("axes", &[1]), attr::int("keepdims", 0)];
    let least = b.node("least", "ReduceMin", &[&confidence], axes);
    let sizes = b.weight("sizes", &[2], &[1i64, 2]);
    let parts = b.nodes(
        "parts",
        "Split",
        &[&least, &sizes],
        vec![attr::int("axis", 1)],
        2,
    );
    let axis = b.weight("axis", &[1], &[1i64]);
    let score = b.node("flat", "Squeeze", &[&parts[0], &axis], vec![]);
    b.output("score", &score, DataType::F32, &[Dim::Fixed(1)]);
    encode(&b.finish())
}
