//! The highest of some scores, and the set of tokens that are kept.

/// Tokens that are kept so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept(Vec<bool>);

impl Kept {
    /// None of `tokens` tokens.
    #[must_use]
    pub fn none(tokens: usize) -> Self {
        Self(vec![false; tokens])
    }

    /// Whether token `i` is kept.
    #[must_use]
    pub fn has(&self, i: usize) -> bool {
        self.0[i]
    }

    /// Keeps token `i`.
    pub fn add(&mut self, i: usize) {
        self.0[i] = true;
    }

    /// Those that are kept, ascending.
    #[must_use]
    pub fn indices(&self) -> Vec<usize> {
        (0..self.0.len()).filter(|&i| self.0[i]).collect()
    }

    /// Those that are not, ascending.
    #[must_use]
    pub fn open(&self) -> Vec<usize> {
        (0..self.0.len()).filter(|&i| !self.0[i]).collect()
    }

    /// Keeps the `count` tokens of `among` whose scores are highest, or all where there are fewer.
    ///
    /// Where scores are equal, tokens are taken at an even stride, so that what the scores leave
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

    /// Keeps `count` tokens of `among` at an even stride, or all where there are fewer.
    pub(super) fn add_evenly(&mut self, among: &[usize], count: usize) {
        let count = count.min(among.len());
        (0..count).for_each(|i| self.add(among[(2 * i + 1) * among.len() / (2 * count)]));
    }
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

    #[test]
    fn equal_scores_are_taken_evenly_and_nan_last() {
        let mut kept = Kept::none(8);
        let all: Vec<usize> = (0..8).collect();
        kept.add_highest(&all, &[1.0; 8], 2);
        assert_eq!(kept.indices(), [2, 6]);
        let mut kept = Kept::none(4);
        kept.add_highest(&[0, 1, 3], &[f32::NAN, -9.0, 5.0, f32::NEG_INFINITY], 1);
        assert_eq!(kept.indices(), [1]);
    }

    #[test]
    fn scaling_leaves_what_is_not_finite_at_nothing() {
        assert_eq!(min_max(&[2.0, f32::NAN, 4.0, 3.0]), [0.0, 0.0, 1.0, 0.5]);
        assert_eq!(min_max(&[7.0, 7.0]), [0.0, 0.0]);
        assert_eq!(min_max(&[f32::NAN]), [0.0]);
        assert_eq!(min_max(&[f32::MIN, f32::MAX]), [0.0, 1.0]);
    }
}
