//! The real target with drafts says what it says alone: every word, on pictures of the town that nothing was trained
//! on. `DRAFTHORSE_LOSSLESS_PROMPTS=500` asks for as many prompts.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

mod common;

use common::{CAPTION, Garbled, fastest, model, target_folder, views, vlm};
use drafthorse_draft::{
    Decoding, Drafter, DrafterFolder, DrafterOptions, Form, Lengths, Lookup, Proposer, Said, Seen,
    Speculator, Target, TargetOptions, length,
};
use drafthorse_engine::Backend;
use drafthorse_vision::PictureTokens;
use std::time::Duration;

/// Prompts where nobody asks for more.
const PROMPTS: usize = 40;
const VIEWS: usize = 10;
/// Logits that are nearer than this are a tie, which sums in another order may decide otherwise.
const TIE: f32 = 1e-4;

fn prompts() -> usize {
    let asked = std::env::var("DRAFTHORSE_LOSSLESS_PROMPTS").ok();
    asked.map_or(PROMPTS, |count| count.parse().unwrap())
}

fn target(backend: &dyn Backend, trees: bool) -> Target {
    let options = TargetOptions {
        trees,
        ..TargetOptions::default()
    };
    Target::open(&target_folder(), backend, &options).unwrap()
}

fn say(
    target: &mut Target,
    proposer: Option<&mut (dyn Proposer + 'static)>,
    lengths: &mut Lengths,
    view: &PictureTokens,
    decoding: &Decoding,
) -> Said {
    let seen = Seen::of(view).unwrap();
    let mut speculator = Speculator::new(target, proposer, lengths);
    speculator.say(&seen, &[CAPTION], decoding).unwrap()
}

/// Whether the target's two best words behind the first `place` of a text are a tie.
fn is_tie(target: &mut Target, view: &PictureTokens, ids: &[u32]) -> bool {
    let seen = Seen::of(view).unwrap();
    target.begin(&seen, &[CAPTION]).unwrap();
    let mut row = seen.places().len();
    for &id in ids {
        target.feed(&[id], &[None]).unwrap();
        target.keep(1, &[0]).unwrap();
        row = 0;
    }
    let mut logits = target.logits(row).unwrap().to_vec();
    logits.sort_unstable_by(|a, b| b.total_cmp(a));
    logits[0] - logits[1] < TIE
}

/// Every proposer at hand: a garbled target, what was said before, and the trained drafters.
fn proposers(backend: &dyn Backend) -> Vec<(String, Box<dyn Proposer>)> {
    let garbled = Garbled::new(target(backend, false), 0.25, 17);
    let mut all: Vec<(String, Box<dyn Proposer>)> = vec![
        ("garbled".to_owned(), Box::new(garbled)),
        ("lookup".to_owned(), Box::new(Lookup::new(3, 100))),
    ];
    let reference = target(backend, false);
    let (words, rules) = (reference.words(), reference.rules());
    let tiny = tempfile::tempdir().unwrap();
    common::tiny::write(tiny.path(), words);
    let tiny = DrafterFolder::open(tiny.path()).unwrap();
    let options = DrafterOptions::of(Form::Colocated);
    let drafter = Drafter::open(&tiny, words, rules, backend, &options).unwrap();
    all.push(("untrained".to_owned(), Box::new(drafter)));
    if !model("scene-drafter-s").join("config.json").is_file() {
        println!("the trained drafter is not here and is left out");
        return all;
    }
    let folder = DrafterFolder::open(&model("scene-drafter-s")).unwrap();
    for form in [Form::Colocated, Form::Standalone] {
        for precision in [None, Some("q4")] {
            let options = DrafterOptions {
                precision: precision.map(str::to_owned),
                ..DrafterOptions::of(form)
            };
            let name = format!("{} {}", form.name(), precision.unwrap_or("f32"));
            // Products of 4-bit weights are an operator of ONNX Runtime's own.
            if precision.is_some() && backend.name() != "onnxruntime" {
                println!("{name} is left out: {} does not run it", backend.name());
                continue;
            }
            let drafter = Drafter::open(&folder, words, rules, backend, &options).unwrap();
            all.push((name, Box::new(drafter)));
        }
    }
    all
}

#[test]
fn greedy_text_with_drafts_is_the_targets_own() {
    let backend = fastest();
    let mut vlm = vlm(backend.as_ref());
    let count = prompts();
    let mut views = views(&mut vlm, count.div_ceil(VIEWS), VIEWS);
    views.truncate(count);
    let mut alone = target(backend.as_ref(), false);
    let nothing = &mut Lengths::Fixed(0);
    let decoding = Decoding::default();
    let expected: Vec<Said> = views
        .iter()
        .map(|view| say(&mut alone, None, nothing, view, &decoding))
        .collect();
    for (view, said) in views.iter().zip(&expected).take(5) {
        let answer = vlm.answer(&[view], None).unwrap();
        assert_eq!((&said.ids, said.ended), (&answer.ids, answer.ended));
        for (ours, theirs) in said.log_probabilities.iter().zip(answer.log_probabilities) {
            assert!((ours - theirs).abs() < 1e-4);
        }
    }
    let mut ties = 0;
    for trees in [false, true] {
        let mut verifier = target(backend.as_ref(), trees);
        for (name, mut proposer) in proposers(backend.as_ref()) {
            let decoding = Decoding {
                branches: if trees { 3 } else { 1 },
                total: if trees { 8 } else { usize::MAX },
                ..Decoding::default()
            };
            let expecting = length::Expected::new(8, Duration::ZERO);
            let mut lengths = match trees {
                true => Lengths::Fixed(4),
                false => Lengths::Expected(expecting),
            };
            let (mut tokens, mut calls, mut stayed) = (0, 0, 0);
            for (view, expected) in views.iter().zip(&expected) {
                let proposer = Some(proposer.as_mut());
                let said = say(&mut verifier, proposer, &mut lengths, view, &decoding);
                let same = said
                    .ids
                    .iter()
                    .zip(&expected.ids)
                    .take_while(|(a, b)| a == b);
                let same = same.count();
                let equal = (&said.ids, said.ended) == (&expected.ids, expected.ended);
                if !equal {
                    let tie = is_tie(&mut alone, view, &expected.ids[..same]);
                    assert!(tie, "{name}: {:?} for {:?}", said.ids, expected.ids);
                    ties += 1;
                }
                tokens += said.ids.len() + usize::from(said.ended) - 1;
                calls += said.calls - 1;
                stayed += said.stayed;
            }
            let kind = if trees { "tree" } else { "chain" };
            println!(
                "{name}, {kind}: {:.2} tokens a call",
                tokens as f64 / calls as f64
            );
            assert!(
                stayed > 0 || name == "untrained",
                "{name}: nothing of any draft stayed"
            );
        }
    }
    println!("{count} prompts; {ties} texts differ behind a tie");
    assert!(
        ties <= count / 20,
        "{ties} ties of {count} prompts are too many to be chance"
    );
}
