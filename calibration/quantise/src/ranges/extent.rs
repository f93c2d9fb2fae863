//! Least and greatest of all values.

use super::Range;

/// Running least and greatest value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    seen: Option<Range>,
    is_finite: Option<bool>,
}

impl Extent {
    /// Takes more values.
    pub fn add(&mut self, values: &[f32]) {
        for &value in values {
            if !value.is_finite() {
                self.is_finite = Some(false);
                continue;
            }
            let point = Range {
                min: value,
                max: value,
            };
            self.seen = Some(self.seen.map_or(point, |seen| seen.union(point)));
        }
    }

    /// Whether no value was infinite or not a number.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.is_finite.unwrap_or(true)
    }

    /// From the least to the greatest finite value; zeros where there was none.
    #[must_use]
    pub fn range(&self) -> Range {
        self.seen.unwrap_or(Range { min: 0.0, max: 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_least_and_greatest_of_all(
            values in prop::collection::vec(-1e6f32..1e6, 1..200), cut in 0usize..200,
        ) {
            let (a, b) = values.split_at(cut.min(values.len()));
            let mut extent = Extent::default();
            extent.add(a);
            extent.add(b);
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            prop_assert_eq!(extent.range().min, sorted[0]);
            prop_assert_eq!(extent.range().max, sorted[sorted.len() - 1]);
        }
    }

    #[test]
    fn what_is_not_finite_is_told() {
        let mut extent = Extent::default();
        extent.add(&[1.0, f32::NAN, 2.0]);
        assert!(!extent.is_finite());
        assert_eq!(extent.range(), Range { min: 1.0, max: 2.0 });
    }
}
