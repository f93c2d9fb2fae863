//! What is drawn from the real target with drafts has the target's distribution.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

mod common;

use common::{CAPTION, Garbled, fastest, target_folder, views, vlm};
use drafthorse_draft::{
    Decoding, Distribution, Lengths, Proposer, Seen, Speculator, Target, TargetOptions,
};
use std::collections::BTreeMap;

/// Texts that are drawn.
const TEXTS: u64 = 500;
/// Words of each.
const WORDS: usize = 3;
const TEMPERATURE: f64 = 1.5;

/// The target's distribution after some words.
fn after(target: &mut Target, seen: &Seen<'_>, words: &[u32]) -> Distribution {
    target.begin(seen, &[CAPTION]).unwrap();
    let mut row = seen.places().len();
    for &word in words {
        target.feed(&[word], &[None]).unwrap();
        target.keep(1, &[0]).unwrap();
        row = 0;
    }
    Distribution::of(target.logits(row).unwrap(), &[], TEMPERATURE)
}

/// Texts that are expected five times and more, with their probabilities.
fn frequent(target: &mut Target, seen: &Seen<'_>, ends: &[u32]) -> BTreeMap<Vec<u32>, f64> {
    let mut texts = BTreeMap::from([(Vec::new(), 1.0)]);
    for _ in 0..WORDS {
        let mut longer = BTreeMap::new();
        for (text, p) in texts {
            if text.last().is_some_and(|last| ends.contains(last)) {
                longer.insert(text, p);
                continue;
            }
            let next = after(target, seen, &text);
            for (word, &share) in (0..).zip(next.probabilities()) {
                if p * share * TEXTS as f64 >= 5.0 {
                    longer.insert([&text[..], &[word]].concat(), p * share);
                }
            }
        }
        texts = longer;
    }
    texts
}

#[test]
fn drawn_texts_have_the_targets_distribution() {
    let backend = fastest();
    let view = views(&mut vlm(backend.as_ref()), 1, 2).remove(1);
    let kept: Vec<usize> = (0..view.len()).step_by(4).collect();
    let view = view.keep(&kept).unwrap();
    let seen = Seen::of(&view).unwrap();
    let open = |trees| {
        let options = TargetOptions {
            trees,
            ..TargetOptions::default()
        };
        Target::open(&target_folder(), backend.as_ref(), &options).unwrap()
    };
    let mut reference = open(false);
    let ends = reference.rules().end_tokens.clone();
    let texts = frequent(&mut reference, &seen, &ends);
    let covered: f64 = texts.values().sum();
    assert!(
        texts.len() > 5 && covered > 0.2,
        "{} texts of {covered:.2}",
        texts.len()
    );
    for (name, branches, drawn_drafts) in [
        ("drawn chains", 1, true),
        ("chosen chains", 1, false),
        ("trees", 3, false),
    ] {
        let mut verifier = open(branches > 1);
        let mut drafter = Garbled::new(open(false), 0.2, 5);
        let mut lengths = Lengths::Fixed(3);
        let mut seen_texts: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
        let (mut drafted, mut stayed) = (0, 0);
        for seed in 0..TEXTS {
            let decoding = Decoding {
                temperature: TEMPERATURE,
                seed: seed * 7919,
                branches,
                drawn_drafts,
                longest: Some(WORDS),
                ..Decoding::default()
            };
            let proposer: &mut (dyn Proposer + 'static) = &mut drafter;
            let mut speculator = Speculator::new(&mut verifier, Some(proposer), &mut lengths);
            let said = speculator.say(&seen, &[CAPTION], &decoding).unwrap();
            (drafted, stayed) = (drafted + said.drafted, stayed + said.stayed);
            let mut ids = said.ids;
            if said.ended {
                ids.push(ends[0]);
            }
            *seen_texts.entry(ids).or_default() += 1.0;
        }
        assert!(
            stayed > 0 && stayed < drafted,
            "{name}: {stayed} of {drafted}"
        );
        let (mut sum, mut rest) = (0.0, TEXTS as f64);
        for (text, p) in &texts {
            let (expected, seen) = (p * TEXTS as f64, seen_texts.get(text).copied());
            let seen = seen.unwrap_or(0.0);
            sum += (seen - expected).powi(2) / expected;
            rest -= seen;
        }
        let expected = (1.0 - covered) * TEXTS as f64;
        sum += (rest - expected).powi(2) / expected;
        let freedom = texts.len() as f64;
        let spread = 2.0 / (9.0 * freedom);
        let off = ((sum / freedom).cbrt() - (1.0 - spread)) / spread.sqrt();
        println!(
            "{name}: {freedom} bins, {off:.2} standard deviations, {stayed} of {drafted} stayed"
        );
        assert!(off < 4.0, "{name}: {off:.1}");
    }
}
