//! Adaptive choice by splitting where scores are even, after AKS: a stretch whose best moments stand well
//! above its mean gives its whole share at once, any other is halved and each half gives half of it. A
//! reconstruction; the published code has no licence.

use super::fusion::min_max;

/// How far the mean of a stretch's best moments must stand above the stretch's, as published.
const STANDS_OUT: f32 = 0.8;
/// Halvings at most, as published.
const DEEPEST: u32 = 5;

/// About `count` moments by their scores, one value a moment, the best first. What halving leaves over of
/// the count goes to the highest scores that are left.
#[must_use]
pub fn adaptive(scores: &[f32], count: usize) -> Vec<usize> {
    let scaled: Vec<f32> = min_max(scores)
        .into_iter()
        .map(|value| value.unwrap_or(0.0))
        .collect();
    let mut chosen = Vec::new();
    split(&scaled, 0, count, 0, &mut chosen);
    let mut rest: Vec<usize> = (0..scaled.len()).filter(|i| !chosen.contains(i)).collect();
    let best_first = |a: &usize, b: &usize| scaled[*b].total_cmp(&scaled[*a]).then(a.cmp(b));
    rest.sort_by(best_first);
    chosen.extend(rest.into_iter().take(count.saturating_sub(chosen.len())));
    chosen.sort_by(best_first);
    chosen
}

/// `share` moments of a stretch that begins at `from`.
fn split(scores: &[f32], from: usize, share: usize, depth: u32, chosen: &mut Vec<usize>) {
    if share == 0 || scores.is_empty() {
        return;
    }
    let mut best: Vec<usize> = (0..scores.len()).collect();
    best.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    best.truncate(share);
    let mean = |sum: f32, of: usize| sum / of.max(1) as f32;
    let of_best = mean(best.iter().map(|i| scores[*i]).sum(), best.len());
    let of_all = mean(scores.iter().sum(), scores.len());
    if of_best - of_all > STANDS_OUT || depth == DEEPEST || share == 1 || scores.len() <= share {
        chosen.extend(best.into_iter().map(|i| from + i));
        return;
    }
    let middle = scores.len() / 2;
    split(&scores[..middle], from, share / 2, depth + 1, chosen);
    split(
        &scores[middle..],
        from + middle,
        share / 2,
        depth + 1,
        chosen,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_many_as_asked_each_once(scores in prop::collection::vec(0.0_f32..1.0, 1..200), count in 1_usize..20) {
            let mut chosen = adaptive(&scores, count);
            prop_assert_eq!(chosen.len(), count.min(scores.len()));
            chosen.sort_unstable();
            chosen.dedup();
            prop_assert_eq!(chosen.len(), count.min(scores.len()));
        }
    }

    #[test]
    fn peaks_take_all_and_even_scores_are_spread() {
        let mut scores = vec![0.01; 64];
        for peak in [40, 41, 42, 43] {
            scores[peak] = 1.0;
        }
        let mut chosen = adaptive(&scores, 4);
        chosen.sort_unstable();
        assert_eq!(chosen, [40, 41, 42, 43]);
        let even: Vec<f32> = (0..64)
            .map(|i| 0.5 + 0.4 * (i as f32 * 0.7).sin())
            .collect();
        let chosen = adaptive(&even, 4);
        for quarter in 0..4 {
            assert!(chosen.iter().any(|i| i / 16 == quarter), "{chosen:?}");
        }
    }
}
