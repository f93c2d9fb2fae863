//! A drafter's layers without an engine beside the same graph on one.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

mod common;

use common::{CAPTION, backends, model, target_folder};
use drafthorse_draft::{
    Draft, Drafter, DrafterFolder, DrafterOptions, Draws, Form, Plan, Proposer, Seen, Settled,
    Target, TargetOptions,
};
use drafthorse_engine::Backend;

const RUNGS: [(Form, Option<&str>); 6] = [
    (Form::Standalone, None),
    (Form::Standalone, Some("no-vision")),
    (Form::Colocated, None),
    (Form::Colocated, Some("plain")),
    (Form::Colocated, Some("compressed")),
    (Form::Colocated, Some("global")),
];
const PLACES: [usize; 7] = [0, 3, 17, 40, 77, 90, 127];
const TEXT: [u32; 14] = [CAPTION, 20, 21, 22, 30, 31, 9, 45, 61, 7, 33, 128, 150, 12];

fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut draws = Draws::new(seed);
    (0..count).map(|_| draws.unit() as f32 - 0.5).collect()
}

fn open(target: &Target, backend: &dyn Backend, options: &DrafterOptions) -> Drafter {
    let folder = DrafterFolder::open(&model("scene-drafter-s")).unwrap();
    Drafter::open(&folder, target.words(), target.rules(), backend, options).unwrap()
}

/// What a drafter gives after each of some settled stretches of a text, with drafts between them.
fn given(drafter: &mut Drafter, seen: &Seen<'_>, states: &[f32]) -> Vec<f32> {
    let mut all = Vec::new();
    drafter.begin(seen).unwrap();
    let mut before = 0;
    for tokens in [1, 2, 5, 9, TEXT.len()] {
        let settled = Settled {
            tokens: &TEXT[..tokens],
            prompt: 1,
            states: &states[before * 192..tokens * 192],
        };
        drafter.settle(&settled).unwrap();
        all.extend_from_slice(drafter.logits().unwrap());
        all.extend_from_slice(drafter.hidden_state().unwrap());
        let tree = Plan {
            length: 5,
            branches: 3,
            total: 8,
            ..Plan::chain(0)
        };
        let mut draft = Draft::default();
        let last = Settled {
            states: &settled.states[(tokens - before - 1) * 192..],
            ..settled
        };
        let draws = &mut Draws::new(0);
        drafter.draft(&last, &tree, draws, &mut draft).unwrap();
        before = tokens;
    }
    all
}

#[test]
fn every_shipped_drafter_gives_what_its_graph_gives_on_an_engine() {
    let features = numbers(1, PLACES.len() * 192);
    let seen = Seen::new(&features, &PLACES, 128).unwrap();
    let states = numbers(2, TEXT.len() * 192);
    for backend in backends() {
        let backend = backend.as_ref();
        let target = Target::open(&target_folder(), backend, &TargetOptions::default()).unwrap();
        for (form, rung) in RUNGS {
            let options = |on_engine| DrafterOptions {
                rung: rung.map(str::to_owned),
                on_engine,
                ..DrafterOptions::of(form)
            };
            let mut native = open(&target, backend, &options(false));
            let mut engine = open(&target, backend, &options(true));
            assert!(
                native.is_native() && !engine.is_native(),
                "{form:?} {rung:?}"
            );
            let (ours, theirs) = (
                given(&mut native, &seen, &states),
                given(&mut engine, &seen, &states),
            );
            assert_eq!(ours.len(), theirs.len());
            let largest = theirs.iter().fold(0.0f32, |a, x| a.max(x.abs()));
            let apart = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs());
            let apart = apart.fold(0.0, f32::max);
            println!(
                "{} {form:?} {rung:?}: {apart:e} of {largest}",
                backend.name()
            );
            assert!(
                apart < 1e-3 * largest,
                "{form:?} {rung:?}: {apart} of {largest}"
            );
            // What was drafted in between leaves no trace.
            assert_eq!(given(&mut native, &seen, &states), ours);
        }
    }
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let backend = &backends()[0];
    let features = numbers(1, PLACES.len() * 192);
    let seen = Seen::new(&features, &PLACES, 128).unwrap();
    let target = Target::open(
        &target_folder(),
        backend.as_ref(),
        &TargetOptions::default(),
    );
    let options = DrafterOptions::of(Form::Standalone);
    let mut drafter = open(&target.unwrap(), backend.as_ref(), &options);
    drafter.begin(&seen).unwrap();
    let text = vec![20; 129];
    let settled = |tokens: usize| Settled {
        tokens: &text[..tokens],
        prompt: 1,
        states: &[],
    };
    drafter.settle(&settled(128)).unwrap();
    let error = drafter.settle(&settled(129)).unwrap_err().to_string();
    assert!(
        error.contains("position 256 is past the 256 places"),
        "{error}"
    );
}

#[test]
fn a_graph_that_is_stored_otherwise_in_part_is_left_to_an_engine() {
    let backend = &backends()[0];
    let target = Target::open(
        &target_folder(),
        backend.as_ref(),
        &TargetOptions::default(),
    );
    let target = target.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let shipped = model("scene-drafter-s");
    std::fs::create_dir(dir.path().join("onnx")).unwrap();
    for file in ["config.json", "onnx/compress.onnx"] {
        std::fs::copy(shipped.join(file), dir.path().join(file)).unwrap();
    }
    let bytes = std::fs::read(shipped.join("onnx/standalone.onnx")).unwrap();
    let is_native = |change: &dyn Fn(&mut drafthorse_onnx::proto::Model)| {
        let mut graph = drafthorse_onnx::parse(&bytes).unwrap();
        change(&mut graph);
        let bytes = drafthorse_onnx::encode(&graph);
        std::fs::write(dir.path().join("onnx/standalone.onnx"), bytes).unwrap();
        let folder = DrafterFolder::open(dir.path()).unwrap();
        let options = DrafterOptions::of(Form::Standalone);
        let (words, rules) = (target.words(), target.rules());
        let drafter = Drafter::open(&folder, words, rules, backend.as_ref(), &options);
        drafter.unwrap().is_native()
    };
    assert!(is_native(&|_| ()));
    // The last layer's last matrix in 32 bits.
    assert!(!is_native(&|model| {
        let graph = model.graph.as_mut().unwrap();
        let product = graph.node.iter().find(|node| {
            node.output
                .iter()
                .any(|output| output == "/layers.1/down/MatMul_output_0")
        });
        let weight = product.unwrap().input[1].clone();
        graph.node.retain(|node| !node.output.contains(&weight));
        let wide = vec![0.01f32; 512 * 192];
        let tensor = drafthorse_onnx::proto::Tensor::new(&weight, &[512, 192], &wide);
        graph.initializer.push(tensor);
    }));
}
