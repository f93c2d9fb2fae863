//! What a user may add to a search: a detector of pictures, and a language model as the gate.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse::find::{FindOptions, Found, find};
use drafthorse::run::{RunOptions, TimedNote, run};
use drafthorse_engine::{Asset, Dim, Manifest, ModelFile, Precision};
use drafthorse_keyframes_endpoint::Endpoint;
use drafthorse_onnx::proto::Tensor;
use drafthorse_onnx::{Builder, DataType, attr};
use drafthorse_tests::{of_source, run_source};
use prost::Message as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// Grey levels of the pictures.
const DIM: u8 = 60;
const BRIGHT: u8 = 220;
/// Height and width of the detector's input, px.
const INPUT: [usize; 2] = [16, 32];

/// A log of twelve grey pictures, two a second; the fifth is bright on the left, the ninth on the right.
fn pictures(dir: &Path) -> PathBuf {
    let folder = dir.join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    let [width, height] = [64_u16, 32];
    for number in 0..12 {
        let level = |x: u16| match (number, x < width / 2) {
            (4, true) | (8, false) => BRIGHT,
            _ => DIM,
        };
        let row: Vec<u8> = (0..width).flat_map(|x| [level(x); 3]).collect();
        let path = folder.join(format!("{number:02}.jpg"));
        let encoder = jpeg_encoder::Encoder::new_file(path, 98).unwrap();
        let rgb = row.repeat(usize::from(height));
        encoder
            .encode(&rgb, width, height, jpeg_encoder::ColorType::Rgb)
            .unwrap();
    }
    let source = format!("jpeg:{}?fps=2", folder.display());
    run_source(&source, &dir.join("log"), |_| ()).log.unwrap()
}

/// A detector with four boxes side by side, whose scores are how bright the picture is there: of the first
/// class as it is, of the second what is missing to 1; with `texts` times the embedding of each class, which is
/// an input then, and with the candidates in front.
fn detector(dir: &Path, texts: Option<[f32; 2]>) -> PathBuf {
    let folder = dir.join(if texts.is_some() { "open" } else { "fixed" });
    std::fs::create_dir_all(&folder).unwrap();
    let fixed = |dims: &[usize]| dims.iter().map(|d| Dim::Fixed(*d)).collect::<Vec<_>>();
    let mut net = Builder::new("bright", 17);
    let image = net.input("images", DataType::F32, &fixed(&[1, 3, INPUT[0], INPUT[1]]));
    let column = [INPUT[0] as i64, INPUT[1] as i64 / 4];
    let window = vec![
        attr::ints("kernel_shape", &column),
        attr::ints("strides", &column),
    ];
    let means = net.node("means", "AveragePool", &[&image], window);
    let over = vec![attr::ints("axes", &[1, 2]), attr::int("keepdims", 0)];
    let mean = net.node("mean", "ReduceMean", &[&means], over);
    let shape = net.weight("shape", &[3], &[1_i64, 1, 4]);
    let mean = net.node("row", "Reshape", &[&mean, &shape], Vec::new());
    let width = INPUT[1] as f32 / 4.0;
    let middles: Vec<f32> = (0..4).map(|i| (i as f32 + 0.5) * width).collect();
    let places = [
        middles,
        vec![INPUT[0] as f32 / 2.0; 4],
        vec![width; 4],
        vec![INPUT[0] as f32; 4],
    ];
    let places = net.weight("places", &[1, 4, 4], &places.concat());
    let along = || vec![attr::int("axis", 1)];
    let scores = match texts {
        Some(_) => {
            let texts = net.input("texts", DataType::F32, &fixed(&[1, 2, 1]));
            net.node("scores", "Mul", &[&texts, &mean], Vec::new())
        }
        None => {
            let one = net.weight("one", &[1], &[1.0_f32]);
            let rest = net.node("rest", "Sub", &[&one, &mean], Vec::new());
            net.node("scores", "Concat", &[&mean, &rest], along())
        }
    };
    let boxes = net.node("boxes", "Concat", &[&places, &scores], along());
    match texts {
        Some(embeddings) => {
            let swapped = vec![attr::ints("perm", &[0, 2, 1])];
            let rows = net.node("rows", "Transpose", &[&boxes], swapped);
            net.output("output0", &rows, DataType::F32, &fixed(&[1, 4, 6]));
            let tensor = Tensor::new("", &[1, 2, 1], &embeddings);
            std::fs::write(folder.join("texts_0.pb"), tensor.encode_to_vec()).unwrap();
        }
        None => net.output("output0", &boxes, DataType::F32, &fixed(&[1, 6, 4])),
    }
    let network = net.finish().encode_to_vec();
    std::fs::write(folder.join("it.onnx"), &network).unwrap();
    let table = "least_score = 0.1\n\
        [[classes]]\nname = \"lantern\"\nwords = [\"street lamp\"]\n\
        [[classes]]\nname = \"shadow\"\n";
    std::fs::write(folder.join("detector.toml"), table).unwrap();
    let manifest = Manifest {
        name: "bright".to_owned(),
        description: "says how bright a picture is".to_owned(),
        licence: "MIT OR Apache-2.0".to_owned(),
        origin: "made by hand".to_owned(),
        files: vec![ModelFile::of("it.onnx", Precision::F32, &network)],
        assets: vec![Asset::of("detector.toml", table.as_bytes())],
        ..Manifest::default()
    };
    manifest.write(&folder).unwrap();
    folder
}

fn with(detector: PathBuf, cache: &Path) -> FindOptions {
    let mut engine = of_source("synth:").engine;
    engine.cache = cache.join("cache");
    FindOptions {
        count: 1,
        detector: Some((detector, engine)),
        ..FindOptions::default()
    }
}

fn is_close(score: f32, wanted: f32) -> bool {
    (score - wanted).abs() < 0.01
}

#[test]
fn a_detector_finds_what_it_alone_has_a_name_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = pictures(dir.path());
    let bright = f32::from(BRIGHT) / 255.0;
    let options = with(detector(dir.path(), None), dir.path());
    for (text, at, score) in [
        ("lantern on the left", "00:02", bright),
        ("street lamps on the right", "00:04", bright),
        ("shadow on the left", "00:00", 1.0 - f32::from(DIM) / 255.0),
    ] {
        let found = find(text, &log, &options).unwrap();
        let hit = &found.hits[0];
        assert_eq!(hit.anchor, at, "{text}\n{}", found.table());
        assert!(is_close(hit.raw.grounding, score), "{text}: {hit:?}");
        assert!(hit.why[0].starts_with("detector: "), "{hit:?}");
        assert_eq!(
            (found.weights.grounding, found.detector.is_some()),
            (1.0, true)
        );
    }
    // Text embeddings are what the classes mean: here the second one is half a lantern.
    let options = with(detector(dir.path(), Some([1.0, 0.5])), dir.path());
    for (text, at, score) in [
        ("lantern on the right", "00:04", bright),
        ("shadow on the left", "00:02", 0.5 * bright),
    ] {
        let found = find(text, &log, &options).unwrap();
        let hit = &found.hits[0];
        assert_eq!(hit.anchor, at, "{text}\n{}", found.table());
        assert!(is_close(hit.raw.grounding, score), "{text}: {hit:?}");
    }
}

#[test]
fn a_detector_that_is_none_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let log = pictures(dir.path());
    let refused = |folder: &Path| {
        let error = find("lantern", &log, &with(folder.to_owned(), dir.path())).unwrap_err();
        format!("{error:#}")
    };
    assert!(refused(&dir.path().join("none")).contains("cannot be used"));
    let folder = detector(dir.path(), Some([1.0, 0.5]));
    std::fs::remove_file(folder.join("texts_0.pb")).unwrap();
    let error = refused(&folder);
    assert!(error.contains("texts_0.pb"), "{error}");
    let folder = detector(dir.path(), None);
    let mut manifest = Manifest::read(&folder).unwrap();
    let rewrite = |manifest: &mut Manifest, table: &str| {
        std::fs::write(folder.join("detector.toml"), table).unwrap();
        manifest.assets = vec![Asset::of("detector.toml", table.as_bytes())];
        manifest.write(&folder).unwrap();
    };
    rewrite(&mut manifest, "[[classes]]\nname = \"lantern\"\n");
    let error = refused(&folder);
    assert!(
        error.contains("1 classes") && error.contains("5 values"),
        "{error}"
    );
    rewrite(
        &mut manifest,
        "[[classes]]\nname = \"lantern\"\ncolour = \"red\"\n",
    );
    let error = refused(&folder);
    assert!(error.contains("detector.toml is wrong"), "{error}");
    manifest.assets.clear();
    manifest.write(&folder).unwrap();
    let error = refused(&folder);
    assert!(error.contains("[[assets]]"), "{error}");
}

/// A server that gives one chat completion with that content.
fn gate_server(content: &str) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let body = serde_json::json!({"choices": [{"message": {"content": content}}]}).to_string();
    let server = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut length = 0;
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            if let Some(given) = line.to_lowercase().strip_prefix("content-length:") {
                length = given.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        lines.read_exact(&mut vec![0; length]).unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
    });
    (base, server)
}

#[test]
fn a_language_model_shares_the_query_out_and_one_that_fails_costs_no_search() {
    let dir = tempfile::tempdir().unwrap();
    let begin_ns = drafthorse_synth::EPOCH_NS;
    let note = |at_ms: u64, text: &str| TimedNote {
        at_ns: begin_ns + at_ms * 1_000_000,
        text: text.to_owned(),
    };
    let options = RunOptions {
        notes: vec![
            note(2000, "tram depot gate"),
            note(6250, "ambulance behind us"),
        ],
        ..RunOptions::new(dir.path())
    };
    let source = of_source("synth:?seed=11&seconds=8&camera_fps=0");
    let log = run(&source, &options).unwrap().log.unwrap();
    let ask = |answer: &str| -> Found {
        let (base, server) = gate_server(answer);
        let endpoint = Endpoint::new(&base, "small", None, Duration::from_secs(20));
        let options = FindOptions {
            count: 1,
            gate: Some(endpoint.unwrap()),
            ..FindOptions::default()
        };
        // Words that the built-in gate has no meaning for and that no note holds.
        let found = find("paramedics rushing past", &log, &options).unwrap();
        server.join().unwrap();
        found
    };
    let found = ask(
        "{\"grounding\": {\"weight\": 0, \"words\": \"\"}, \"global\": {\"weight\": 0, \"words\": \"\"}, \
         \"context\": {\"weight\": 1, \"words\": \"ambulance, siren\"}}",
    );
    assert_eq!(found.hits[0].anchor, "00:06", "{}", found.table());
    let gate = found.gate.unwrap();
    assert!(gate.by.starts_with("small at http://127.0.0.1:") && gate.failure.is_none());
    assert_eq!(found.asked.context, "ambulance, siren");

    let found = ask("I would look for ambulances.");
    let gate = found.gate.as_ref().unwrap();
    assert_eq!(gate.by, "words");
    let failure = gate.failure.as_ref().unwrap();
    assert!(failure.contains("not the JSON"), "{failure}");
    assert!(
        found.table().contains("built in was used instead"),
        "{}",
        found.table()
    );
    // No text holds any of its words, so that every stream was given the whole query at last.
    assert_eq!(found.asked.context, "paramedics rushing past");
}
