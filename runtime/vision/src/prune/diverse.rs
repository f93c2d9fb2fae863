//! Tokens that differ from each other.

use super::features::dot;
use super::{Kept, Prune, PruneError, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// After DivPrune (Alvar et al., "DivPrune: Diversity-based Visual Token Pruning for Large Multimodal
/// Models", CVPR 2025): a greedy solution of the max-min diversity problem over cosine distances
///
/// `d(i, j) = 1 - cos(e_i, e_j)`, next token `argmax_i min_{j kept} d(i, j)`.
///
/// The paper finds its first token from the distances of all pairs; here it is the one farthest from the
/// mean direction, so that the cost is `K N D` instead of `N N D`. Beside tokens that other methods
/// kept, it goes on from those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diverse {}

impl Prune for Diverse {
    fn add(&self, tokens: &Tokens<'_>, count: usize, kept: &mut Kept) -> Result<(), PruneError> {
        let width = tokens.features.width();
        let unit = tokens.features.unit();
        let row = |i: usize| &unit[i * width..(i + 1) * width];
        let mut open = kept.open();
        let already = kept.indices();
        // Each open token's cosine to the kept one that is most like it.
        let mut nearest = vec![f32::NEG_INFINITY; open.len()];
        let see = |open: &[usize], nearest: &mut [f32], to: &[f32]| {
            for (&i, nearest) in open.iter().zip(nearest) {
                *nearest = nearest.max(dot(row(i), to));
            }
        };
        for &i in &already {
            see(&open, &mut nearest, row(i));
        }
        let mut first = already.is_empty();
        for _ in 0..count.min(open.len()) {
            if first {
                see(&open, &mut nearest, &mean(&unit, width));
            }
            let pairs = nearest.iter().enumerate();
            let Some((at, _)) = pairs.min_by(|a, b| a.1.total_cmp(b.1)) else {
                break;
            };
            let i = open.remove(at);
            nearest.remove(at);
            kept.add(i);
            if first {
                nearest.fill(f32::NEG_INFINITY);
                first = false;
            }
            see(&open, &mut nearest, row(i));
        }
        Ok(())
    }
}

fn mean(unit: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for row in unit.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::{Features, grid};

    #[test]
    fn of_two_crowds_and_a_loner_each_gives_one() {
        let values = [
            1.0, 0.0, 1.0, 0.01, 1.0, 0.02, 0.0, 1.0, 0.01, 1.0, -1.0, -1.0,
        ];
        let places = grid(1, 6);
        let tokens = Tokens::new(&places, Features::new(&values, 2).unwrap());
        let mut kept = Kept::none(6);
        Diverse {}.add(&tokens, 3, &mut kept).unwrap();
        let kept = kept.indices();
        assert_eq!(kept[2], 5);
        assert!(kept[0] < 3 && (3..5).contains(&kept[1]), "{kept:?}");
    }

    #[test]
    fn each_next_token_is_the_farthest_from_those_kept() {
        // A plain implementation over all pairs, from the same first token.
        let (count, width) = (24, 7);
        let values: Vec<f32> = (0..count * width)
            .map(|i| ((i * i) as f32 * 0.37).sin())
            .collect();
        let features = Features::new(&values, width).unwrap();
        let places = grid(4, 6);
        let tokens = Tokens::new(&places, features);
        let unit = features.unit();
        let cos = |i: usize, j: usize| -> f32 {
            let of = |i: usize| &unit[i * width..(i + 1) * width];
            of(i).iter().zip(of(j)).map(|(a, b)| a * b).sum()
        };
        let mut plain = Kept::none(count);
        Diverse {}.add(&tokens, 1, &mut plain).unwrap();
        for _ in 1..9 {
            let far = |i: &usize| {
                let to = plain.indices().into_iter();
                to.map(|j| 1.0 - cos(*i, j)).fold(f32::MAX, f32::min)
            };
            let open = plain.open().into_iter();
            let next = open.max_by(|a, b| far(a).total_cmp(&far(b))).unwrap();
            plain.add(next);
        }
        let mut kept = Kept::none(count);
        Diverse {}.add(&tokens, 9, &mut kept).unwrap();
        assert_eq!(kept, plain);
    }
}
