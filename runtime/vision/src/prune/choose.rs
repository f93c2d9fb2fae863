//! The highest of some scores, and the set of tokens that are kept.

use crate::Place;

/// Tokens that are kept so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    is_kept: Vec<bool>,
    /// Turn of each where tokens are to be spread evenly.
    turns: Vec<u64>,
}

impl Kept {
    /// None of the tokens at these places.
    #[must_use]
    pub fn none(places: &[Place]) -> Self {
        Self {
            is_kept: vec![false; places.len()],
            turns: places.iter().map(|p| turn(p.row, p.column)).collect(),
        }
    }

    /// Whether token `i` is kept.
    #[must_use]
    pub fn has(&self, i: usize) -> bool {
        self.is_kept[i]
    }

    /// Keeps token `i`.
    pub fn add(&mut self, i: usize) {
        self.is_kept[i] = true;
    }

    /// Those that are kept, ascending.
    #[must_use]
    pub fn indices(&self) -> Vec<usize> {
        (0..self.is_kept.len()).filter(|&i| self.has(i)).collect()
    }

    /// Those that are not, ascending.
    #[must_use]
    pub fn open(&self) -> Vec<usize> {
        (0..self.is_kept.len()).filter(|&i| !self.has(i)).collect()
    }

    /// Keeps the `count` tokens of `among` whose scores are highest, or all where there are fewer.
    ///
    /// Where scores are equal, tokens are taken evenly spread, so that what the scores leave
    /// open is spread over the picture. A score that is NaN is the lowest.
    pub(super) fn add_highest(&mut self, among: &[usize], scores: &[f32], count: usize) {
        let score = |i: usize| {
            let score = scores[i];
            if score.is_nan() {
                f32::NEG_INFINITY
            } else {
                score
            }
        };
        if count >= among.len() {
            among.iter().for_each(|&i| self.add(i));
            return;
        }
        if count == 0 {
            return;
        }
        let mut sorted: Vec<f32> = among.iter().map(|&i| score(i)).collect();
        let (_, least, _) = sorted.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
        let least = *least;
        let above = among.iter().filter(|&&i| score(i) > least);
        let above: Vec<usize> = above.copied().collect();
        let equal = among.iter().filter(|&&i| score(i) == least);
        let equal: Vec<usize> = equal.copied().collect();
        self.add_evenly(&equal, count - above.len());
        above.into_iter().for_each(|i| self.add(i));
    }

    /// Keeps `count` tokens of `among` evenly spread over the picture, or all where there are fewer: those
    /// whose [`turn`] comes first.
    pub(super) fn add_evenly(&mut self, among: &[usize], count: usize) {
        let mut among = among.to_vec();
        among.sort_by_key(|&i| self.turns[i]);
        among.iter().take(count).for_each(|&i| self.add(i));
    }
}

/// When a place's turn comes where places are to be spread evenly: its threshold in an ordered dither (after
/// Bayer, 1973) that never repeats. The first quarter is every other row and column, the first half a
/// chessboard, and each more lies in the largest gaps.
fn turn(row: usize, column: usize) -> u64 {
    let bits = |turn, bit: u32| {
        let [row, column] = [row >> bit & 1, column >> bit & 1];
        turn << 2 | ((row ^ column) << 1 | row) as u64
    };
    (0..u64::BITS / 2).fold(0, bits)
}

/// Scales what is finite to 0 to 1; all 0 where nothing differs. What is not finite becomes 0.
pub(super) fn min_max(values: &[f32]) -> Vec<f32> {
    let finite = values.iter().copied().filter(|v| v.is_finite());
    let (least, most) = finite.fold((f32::MAX, f32::MIN), |(least, most), v| {
        (least.min(v), most.max(v))
    });
    // Two finite numbers may be farther apart than the largest of them.
    let range = f64::from(most) - f64::from(least);
    let scaled = |v: &f32| {
        if v.is_finite() && range > 0.0 {
            ((f64::from(*v) - f64::from(least)) / range) as f32
        } else {
            0.0
        }
    };
    values.iter().map(scaled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::grid;

    #[test]
    fn equal_scores_are_taken_evenly_and_nan_last() {
        let mut kept = Kept::none(&grid(2, 4));
        let all: Vec<usize> = (0..8).collect();
        kept.add_highest(&all, &[1.0; 8], 2);
        assert_eq!(kept.indices(), [0, 2]);
        let mut kept = Kept::none(&grid(1, 4));
        kept.add_highest(&[0, 1, 3], &[f32::NAN, -9.0, 5.0, f32::NEG_INFINITY], 1);
        assert_eq!(kept.indices(), [1]);
    }

    #[test]
    fn half_of_a_grid_is_a_chessboard_and_any_share_is_in_every_part() {
        let (rows, columns) = (8, 16);
        let all: Vec<usize> = (0..rows * columns).collect();
        let spread = |count| {
            let mut kept = Kept::none(&grid(rows, columns));
            kept.add_evenly(&all, count);
            kept.indices()
        };
        assert!(
            spread(64)
                .iter()
                .all(|i| (i / columns + i % columns) % 2 == 0)
        );
        for count in 8..=rows * columns {
            let kept = spread(count);
            assert_eq!(kept.len(), count);
            // Eight parts of 4 by 4.
            let mut parts = [0usize; 8];
            let part = |i: usize| i / columns / 4 * 4 + i % columns / 4;
            kept.iter().for_each(|&i| parts[part(i)] += 1);
            let (least, most) = (parts.iter().min().unwrap(), parts.iter().max().unwrap());
            assert!(most - least <= 1, "{count}: {parts:?}");
        }
    }

    #[test]
    fn scaling_leaves_what_is_not_finite_at_nothing() {
        assert_eq!(min_max(&[2.0, f32::NAN, 4.0, 3.0]), [0.0, 0.0, 1.0, 0.5]);
        assert_eq!(min_max(&[7.0, 7.0]), [0.0, 0.0]);
        assert_eq!(min_max(&[f32::NAN]), [0.0]);
        assert_eq!(min_max(&[f32::MIN, f32::MAX]), [0.0, 1.0]);
    }
}
