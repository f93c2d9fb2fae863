//! Exact verification on small models whose every text can be listed.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_draft::{Distribution, Draft, Draws, verify};
use proptest::prelude::*;
use std::convert::Infallible;

const WORDS: u32 = 4;
/// Ends a text.
const END: u32 = 0;
const LONGEST: usize = 4;

/// A model: its distribution after a text follows from a seed, some words never coming.
fn after(seed: u64, text: &[u32]) -> Distribution {
    let hash = text.iter().fold(seed, |hash, &word| {
        Draws::new(hash ^ u64::from(word + 1)).bits()
    });
    let mut draws = Draws::new(hash);
    let weight = |_| match draws.unit() {
        x if x < 0.15 => 0.0,
        x => (4.0 * x).exp(),
    };
    let mut weights: Vec<f64> = (0..WORDS).map(weight).collect();
    weights[1] += 0.2;
    Distribution::of_weights(weights)
}

/// A text of the target's, with the help of drafts.
fn say(draws: &mut Draws, target: u64, draft: impl Fn(&[u32], &mut Draws) -> Draft) -> Vec<u32> {
    let mut text: Vec<u32> = Vec::new();
    while text.len() < LONGEST && text.last() != Some(&END) {
        let draft = draft(&text, draws);
        let said = verify::drawn(&draft, &[END], draws, |_, words, p| {
            *p = after(target, &[&text[..], words].concat());
            Ok::<(), Infallible>(())
        });
        let said = said.unwrap();
        text.extend(said.path.iter().map(|&at| draft.tokens[at]));
        text.extend(said.next);
    }
    text.truncate(LONGEST);
    text
}

/// Every text with its probability.
fn all(target: u64, text: &mut Vec<u32>, p: f64, found: &mut Vec<(Vec<u32>, f64)>) {
    if text.len() == LONGEST || text.last() == Some(&END) {
        found.push((text.clone(), p));
        return;
    }
    let next = after(target, text);
    for word in 0..WORDS {
        text.push(word);
        all(target, text, p * next.of_token(word), found);
        text.pop();
    }
}

/// A chain drawn from another model.
fn drawn_chain(drafter: u64, length: usize) -> impl Fn(&[u32], &mut Draws) -> Draft {
    move |text, draws| {
        let (mut draft, mut stand) = (Draft::default(), text.to_vec());
        while draft.len() < length && stand.last() != Some(&END) {
            let q = after(drafter, &stand);
            let word = q.draw(draws);
            draft.push(
                word,
                draft.len().checked_sub(1),
                q.of_token(word).ln() as f32,
            );
            draft.drawn_from.push(q);
            stand.push(word);
        }
        draft
    }
}

/// Another model's likeliest words as a tree.
fn tree(drafter: u64, branches: usize, depth: usize) -> impl Fn(&[u32], &mut Draws) -> Draft {
    move |text, _| {
        let mut draft = Draft::default();
        let mut level: Vec<(Option<usize>, Vec<u32>)> = vec![(None, text.to_vec())];
        for _ in 0..depth {
            let mut next = Vec::new();
            for (at, stand) in level {
                let q = after(drafter, &stand);
                let mut words: Vec<u32> = (0..WORDS).collect();
                words.sort_by(|&a, &b| q.of_token(b).total_cmp(&q.of_token(a)));
                for &word in &words[..branches] {
                    let child = draft.push(word, at, q.of_token(word).max(1e-9).ln() as f32);
                    if word != END {
                        next.push((Some(child), [&stand[..], &[word]].concat()));
                    }
                }
            }
            level = next;
        }
        draft.rerank(7);
        draft
    }
}

/// How many standard deviations of chance a chi-square lies above its mean (Wilson and Hilferty 1931).
fn chi_square(expected: &[(Vec<u32>, f64)], said: impl Fn(&mut Draws) -> Vec<u32>) -> f64 {
    let count = 8_000;
    let mut draws = Draws::new(11);
    let mut seen = vec![0.0; expected.len()];
    for _ in 0..count {
        let text = said(&mut draws);
        let at = expected.iter().position(|(known, _)| *known == text);
        seen[at.unwrap()] += 1.0;
    }
    let (mut sum, mut bins, mut rest) = (0.0, 0.0, [0.0; 2]);
    for ((text, p), seen) in expected.iter().zip(seen) {
        let expected = p * f64::from(count);
        assert!(*p > 0.0 || seen == 0.0, "{text:?} cannot be said");
        if expected < 5.0 {
            rest = [rest[0] + expected, rest[1] + seen];
        } else {
            sum += (seen - expected).powi(2) / expected;
            bins += 1.0;
        }
    }
    if rest[0] > 1.0 {
        sum += (rest[1] - rest[0]).powi(2) / rest[0];
        bins += 1.0;
    }
    let freedom: f64 = bins - 1.0;
    let spread = 2.0 / (9.0 * freedom);
    ((sum / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

#[test]
fn what_is_drawn_has_the_targets_distribution_whatever_is_drafted() {
    for target in 1..3 {
        let mut texts = Vec::new();
        all(target, &mut Vec::new(), 1.0, &mut texts);
        for drafter in [target, 77] {
            for length in [1, 3] {
                let draft = drawn_chain(drafter, length);
                let off = chi_square(&texts, |draws| say(draws, target, &draft));
                assert!(off < 4.0, "chain {target} {drafter} {length}: {off:.1}");
                for branches in [1, 2, 3] {
                    let draft = tree(drafter, branches, length);
                    let off = chi_square(&texts, |draws| say(draws, target, &draft));
                    assert!(
                        off < 4.0,
                        "tree {target} {drafter} {length} {branches}: {off:.1}"
                    );
                }
            }
        }
    }
}

/// The test above is worth something: rules that look right and are wrong do not pass it.
#[test]
fn wrong_rules_are_found_out() {
    let mut texts = Vec::new();
    all(2, &mut Vec::new(), 1.0, &mut texts);
    let drafter = drawn_chain(77, 3);
    let says = |kept: fn(f64, f64) -> f64| {
        let drafter = &drafter;
        chi_square(&texts, move |draws| {
            let mut text: Vec<u32> = Vec::new();
            while text.len() < LONGEST && text.last() != Some(&END) {
                let draft = drafter(&text, draws);
                for (&word, q) in draft.tokens.iter().zip(&draft.drawn_from) {
                    let p = after(2, &text);
                    let stays = draws.unit() < kept(p.of_token(word), q.of_token(word));
                    text.push(if stays { word } else { p.draw(draws) });
                    if !stays || text.len() == LONGEST {
                        break;
                    }
                }
            }
            text
        })
    };
    // What is refused is drawn from the whole of p again.
    assert!(says(|p, q| p / q) > 8.0);
    // Nothing the target could say is refused.
    assert!(says(|p, _| if p > 0.0 { 1.0 } else { 0.0 }) > 8.0);
}

fn drafts() -> impl Strategy<Value = Draft> {
    let token = (0..WORDS, any::<prop::sample::Index>(), -3.0f32..0.0);
    prop::collection::vec(token, 0..12).prop_map(|tokens| {
        let mut draft = Draft::default();
        for (token, above, log_p) in tokens {
            let above = above.index(draft.len() + 1).checked_sub(1);
            let known = |child: usize| draft.tokens[child] != token;
            if draft.children(above).all(known) && above.is_none_or(|at| draft.tokens[at] != END) {
                draft.push(token, above, log_p);
            }
        }
        draft
    })
}

proptest! {
    #[test]
    fn greedy_says_what_the_target_says_alone(draft in drafts(), seed in any::<u64>(), begun in 0usize..3) {
        let choice = |text: &[u32]| {
            let p = after(seed, text);
            (0..WORDS).max_by(|&a, &b| p.of_token(a).total_cmp(&p.of_token(b))).unwrap()
        };
        let begun = vec![1; begun];
        let mut asked = 0;
        let said = verify::greedy(&draft, &[END], |at, words| {
            asked += 1;
            let mut path = Vec::new();
            draft.path(at, &mut path);
            let on_path: Vec<u32> = path.iter().map(|&at| draft.tokens[at]).collect();
            assert_eq!(on_path, words);
            Ok::<u32, Infallible>(choice(&[&begun[..], words].concat()))
        }).unwrap();
        let mut text = begun.clone();
        text.extend(said.path.iter().map(|&at| draft.tokens[at]));
        text.extend(said.next);
        let mut alone = begun.clone();
        while alone.len() < text.len() {
            alone.push(choice(&alone));
        }
        prop_assert_eq!(&text, &alone);
        prop_assert_eq!(said.next.is_none(), text.last() == Some(&END) && !said.path.is_empty() && asked == said.path.len());
        // As much of the draft stays as could.
        if let Some(next) = said.next {
            let last = said.path.last().copied();
            prop_assert!(draft.children(last).all(|child| draft.tokens[child] != next));
        }
    }

    #[test]
    fn what_remains_after_the_re_rank_is_a_tree(draft in drafts(), total in 0usize..12) {
        let mut kept = draft.clone();
        kept.rerank(total);
        prop_assert_eq!(kept.len(), draft.len().min(total));
        for (at, parent) in kept.parents.iter().enumerate() {
            prop_assert!(parent.is_none_or(|above| above < at));
        }
        let least = kept.log_probabilities.iter().copied().fold(f32::INFINITY, f32::min);
        let left = draft.log_probabilities.iter().filter(|&&p| p > least).count();
        prop_assert!(left <= kept.len());
    }
}
