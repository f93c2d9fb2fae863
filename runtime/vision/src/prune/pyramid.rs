//! Budgets of regions first, then the most important tokens of each.

use super::{Importance, Kept, Prune, PruneError, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// After Pyramid Token Pruning (PTP; Liang et al., "Pyramid Token Pruning for High-Resolution Large
/// Vision-Language Models via Region, Token, and Instruction-Guided Importance", arXiv 2509.15704, 2025), from its
/// formulas.
///
/// Of `K` tokens, region `t` gets `B_t = max(1, floor(K s_t / sum s))` with `s_t` the mean saliency of its
/// tokens, and the most salient one the remainder; in each region the tokens of the highest
/// `(1 - a) minmax(b_j) + a c_j` are kept, `b_j` the saliency, `c_j = max_i A(i, j)` the most that a word of the
/// question attends to the token, `a = 0.5`.
///
/// Reconstruction: the paper's regions are the tiles of a large picture. Here tiles are cut further, since a
/// small picture is one tile. `b_j` is the attention of a class token there, and whatever saliency
/// the caller gives here. Other cues than the question count for the regions as well as for the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pyramid {
    /// Rows and columns of regions that a tile is cut into.
    pub regions: [usize; 2],
    /// What counts; `saliency = 1 - a`, `instruction = a`.
    pub importance: Importance,
}

impl Default for Pyramid {
    fn default() -> Self {
        Self {
            regions: [2, 4],
            importance: Importance {
                saliency: 0.5,
                instruction: 0.5,
                ..Importance::default()
            },
        }
    }
}

impl Prune for Pyramid {
    fn add(&self, tokens: &Tokens<'_>, count: usize, kept: &mut Kept) -> Result<(), PruneError> {
        let own = self.importance.of_picture().scores(tokens)?;
        let scores = self.importance.scores(tokens)?;
        let regions = self.regions_of(tokens);
        let saliency: Vec<f32> = regions
            .iter()
            .map(|r| r.iter().map(|&i| own[i].max(0.0)).sum::<f32>() / r.len() as f32)
            .collect();
        let open: Vec<Vec<usize>> = regions
            .iter()
            .map(|r| r.iter().copied().filter(|&i| !kept.has(i)).collect())
            .collect();
        let sizes: Vec<usize> = open.iter().map(Vec::len).collect();
        for (open, budget) in open.iter().zip(budgets(count, &saliency, &sizes)) {
            kept.add_highest(open, &scores, budget);
        }
        Ok(())
    }
}

impl Pyramid {
    /// The tokens of each region, by tile, row and column.
    fn regions_of(&self, tokens: &Tokens<'_>) -> Vec<Vec<usize>> {
        let mut ends: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
        for place in tokens.places {
            let [rows, columns] = ends.entry(place.tile).or_default();
            *rows = (place.row + 1).max(*rows);
            *columns = (place.column + 1).max(*columns);
        }
        let mut regions: BTreeMap<[usize; 3], Vec<usize>> = BTreeMap::new();
        for (i, place) in tokens.places.iter().enumerate() {
            let [rows, columns] = ends[&place.tile];
            let row = place.row * self.regions[0] / rows;
            let column = place.column * self.regions[1] / columns;
            let region = regions.entry([place.tile, row, column]);
            region.or_default().push(i);
        }
        regions.into_values().collect()
    }
}

/// How many of `keep` tokens each region gets, whose saliency is `saliency` and that has `sizes` tokens.
///
/// `max(1, floor(K s_t / sum s))`, not more than a region has; what remains goes to the most salient region, and
/// on to the next where that is full. Where there are too few for one each, the most salient regions get one; where the
/// ones make too many, the least salient regions that have more give back. They sum to the smaller of
/// `keep` and all tokens. Equal regions are served in their order.
#[must_use]
pub fn budgets(keep: usize, saliency: &[f32], sizes: &[usize]) -> Vec<usize> {
    let salient = |s: &f32| {
        if s.is_finite() {
            f64::from(s.max(0.0))
        } else {
            0.0
        }
    };
    let mut saliency: Vec<f64> = saliency.iter().map(salient).collect();
    let mut sum: f64 = saliency.iter().sum();
    if sum <= 0.0 {
        saliency.fill(1.0);
        sum = saliency.len() as f64;
    }
    let mut order: Vec<usize> = (0..sizes.len()).filter(|&t| sizes[t] > 0).collect();
    order.sort_by(|&a, &b| saliency[b].total_cmp(&saliency[a]));
    let mut budgets = vec![0; sizes.len()];
    if keep < order.len() {
        order.iter().take(keep).for_each(|&t| budgets[t] = 1);
        return budgets;
    }
    for &t in &order {
        let share = (keep as f64 * saliency[t] / sum) as usize;
        budgets[t] = share.clamp(1, sizes[t]);
    }
    let mut left = keep as i64 - budgets.iter().sum::<usize>() as i64;
    for &t in order.iter().rev() {
        let back = (budgets[t] - 1).min((-left).max(0) as usize);
        budgets[t] -= back;
        left += back as i64;
    }
    for &t in &order {
        let more = (sizes[t] - budgets[t]).min(left.max(0) as usize);
        budgets[t] += more;
        left -= more as i64;
    }
    budgets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::{Features, grid};

    #[test]
    fn budgets_go_by_saliency_and_the_remainder_to_the_highest() {
        assert_eq!(budgets(10, &[1.0, 3.0, 1.0], &[16; 3]), [2, 6, 2]);
        assert_eq!(budgets(11, &[1.0, 3.0, 1.0], &[16; 3]), [2, 7, 2]);
        assert_eq!(budgets(10, &[0.0, 3.0, 1.0], &[16; 3]), [1, 7, 2]);
        assert_eq!(budgets(3, &[0.0, 5.0, 1.0], &[16; 3]), [1, 1, 1]);
        assert_eq!(budgets(2, &[1.0, f32::NAN, 3.0], &[16; 3]), [1, 0, 1]);
        assert_eq!(budgets(12, &[9.0, 1.0, 1.0], &[4; 3]), [4, 4, 4]);
        assert_eq!(budgets(5, &[9.0, 1.0, 1.0], &[4, 0, 4]), [4, 0, 1]);
        assert_eq!(budgets(99, &[0.0; 2], &[3, 2]), [3, 2]);
        assert!(budgets(4, &[], &[]).is_empty());
    }

    #[test]
    fn a_salient_region_keeps_its_best() {
        // A grid of 4 x 4 in 2 x 2 regions; the lower right one is three times as salient.
        let places = grid(4, 4);
        let right = |i: usize| i % 4 > 1 && i / 4 > 1;
        let saliency: Vec<f32> = (0..16)
            .map(|i| if right(i) { 0.9 + 0.01 * i as f32 } else { 0.3 })
            .collect();
        let mut tokens = Tokens::new(&places, Features::new(&[1.0; 16], 1).unwrap());
        tokens.saliency = Some(&saliency);
        let importance = Importance {
            saliency: 1.0,
            ..Importance::default()
        };
        let method = Pyramid {
            regions: [2, 2],
            importance,
        };
        let mut kept = Kept::none(16);
        method.add(&tokens, 6, &mut kept).unwrap();
        let kept = kept.indices();
        assert_eq!(kept.len(), 6);
        assert!([11, 14, 15].iter().all(|i| kept.contains(i)), "{kept:?}");
        for region in [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13]] {
            assert_eq!(
                kept.iter().filter(|i| region.contains(i)).count(),
                1,
                "{kept:?}"
            );
        }
    }
}
