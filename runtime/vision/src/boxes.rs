//! Boxes from a detector's output as YOLO exports have it: a row for each candidate, its place and a score for each
//! class. It counts for each class that it has a score for, and the best that do not overlap are kept.

use serde::Deserialize;

/// Order of the axes of a detector's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxAxes {
    /// `[1, candidates, 4 + classes]`.
    CandidatesFirst,
    /// `[1, 4 + classes, candidates]`, as newer exports have it.
    ValuesFirst,
}

/// What the first four values of a candidate are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxPlace {
    /// Middle across and down, width, height.
    #[default]
    Middle,
    /// Left, top, right, bottom.
    Corners,
}

/// Unit of these values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxUnit {
    /// Pixels of the network's input.
    #[default]
    Pixels,
    /// Shares of its width and height.
    Shares,
}

/// How a detector's output is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoxReader {
    /// Order of the axes; where absent, the one that fits the number of classes.
    pub axes: Option<BoxAxes>,
    /// What the first four values are.
    pub place: BoxPlace,
    /// Their unit.
    pub unit: BoxUnit,
    /// How many classes there are.
    pub classes: usize,
    /// Width and height of the network's input, px.
    pub input_px: [usize; 2],
    /// Candidates whose best score is less are none.
    pub least_score: f32,
    /// Of boxes of one class that overlap by more than this (intersection over union) only the best is kept.
    pub overlap: f32,
}

/// An output that holds no boxes as they were declared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BoxError {
    /// It has another shape.
    #[error(
        "gives {shape:?}; boxes of {classes} classes are [1, candidates, {values}] or [1, {values}, candidates]", values = 4 + classes
    )]
    Shape {
        /// Its shape.
        shape: Vec<usize>,
        /// Classes that were declared.
        classes: usize,
    },
    /// Its scores are no scores.
    #[error(
        "gives the score {score}; scores are 0 to 1, so the network must end in a sigmoid or softmax"
    )]
    Score {
        /// One of them.
        score: f32,
    },
}

/// Candidates that are looked at, the best ones.
const CANDIDATES: usize = 3000;
/// Largest score: what 16-bit floats make of 1.
const MOST: f32 = 1.01;

/// Something in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoundBox {
    /// Its class, by its place among the scores.
    pub class: usize,
    /// 0 to 1.
    pub score: f32,
    /// Left, top, right, bottom, as shares of the picture's width and height, inside it.
    pub edges: [f32; 4],
}

impl FoundBox {
    /// Its middle, across and down.
    #[must_use]
    pub fn middle(&self) -> [f32; 2] {
        let [left, top, right, bottom] = self.edges;
        [0.5 * (left + right), 0.5 * (top + bottom)]
    }

    fn area(&self) -> f32 {
        let [left, top, right, bottom] = self.edges;
        (right - left).max(0.0) * (bottom - top).max(0.0)
    }

    /// What both cover over what either covers.
    fn overlap(&self, other: &Self) -> f32 {
        let (a, b) = (self.edges, other.edges);
        let both = Self {
            edges: [
                a[0].max(b[0]),
                a[1].max(b[1]),
                a[2].min(b[2]),
                a[3].min(b[3]),
            ],
            ..*self
        };
        let either = self.area() + other.area() - both.area();
        if either > 0.0 {
            both.area() / either
        } else {
            0.0
        }
    }
}

impl BoxReader {
    /// The axes of an output of that shape; none where it is no such output.
    #[must_use]
    pub fn axes_of(&self, shape: &[usize]) -> Option<BoxAxes> {
        let &[1, rows, columns] = shape else {
            return None;
        };
        let values = 4 + self.classes;
        let fits = |axes: &BoxAxes| match axes {
            BoxAxes::CandidatesFirst => columns == values,
            BoxAxes::ValuesFirst => rows == values,
        };
        let mut likely = [BoxAxes::ValuesFirst, BoxAxes::CandidatesFirst].into_iter();
        match self.axes {
            Some(axes) => Some(axes).filter(fits),
            None => likely.find(fits),
        }
    }

    /// The boxes of an output of that shape, the best first. A candidate whose values are no numbers is none.
    ///
    /// # Errors
    /// [`BoxError`].
    pub fn read(&self, shape: &[usize], output: &[f32]) -> Result<Vec<FoundBox>, BoxError> {
        let axes = self.axes_of(shape);
        let axes = axes.filter(|_| output.len() == shape.iter().product::<usize>());
        let axes = axes.ok_or_else(|| BoxError::Shape {
            shape: shape.to_vec(),
            classes: self.classes,
        })?;
        let values = 4 + self.classes;
        let candidates = output.len() / values;
        let value = |candidate: usize, value: usize| match axes {
            BoxAxes::CandidatesFirst => output[candidate * values + value],
            BoxAxes::ValuesFirst => output[value * candidates + candidate],
        };
        let mut found = Vec::new();
        for (candidate, class) in
            (0..candidates).flat_map(|i| (0..self.classes).map(move |c| (i, c)))
        {
            let score = value(candidate, 4 + class);
            if score > MOST && score.is_finite() {
                return Err(BoxError::Score { score });
            }
            if !(self.least_score..=MOST).contains(&score) {
                continue;
            }
            let one = FoundBox {
                class,
                score: score.min(1.0),
                edges: self.edges(std::array::from_fn(|i| value(candidate, i))),
            };
            if one.area() > 0.0 {
                found.push(one);
            }
        }
        Ok(self.best(found))
    }

    /// Edges as shares of the picture, cut at its rim.
    fn edges(&self, place: [f32; 4]) -> [f32; 4] {
        let [a, b, c, d] = place;
        let edges = match self.place {
            BoxPlace::Corners => place,
            BoxPlace::Middle => [a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d],
        };
        std::array::from_fn(|i| {
            let share = match self.unit {
                BoxUnit::Pixels => edges[i] / self.input_px[i % 2] as f32,
                BoxUnit::Shares => edges[i],
            };
            share.clamp(0.0, 1.0)
        })
    }

    /// Non-maximum suppression, each class by itself.
    fn best(&self, mut found: Vec<FoundBox>) -> Vec<FoundBox> {
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(CANDIDATES);
        let mut kept: Vec<FoundBox> = Vec::new();
        for one in found {
            let is_known =
                |known: &FoundBox| known.class == one.class && known.overlap(&one) > self.overlap;
            if !kept.iter().any(is_known) {
                kept.push(one);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const READER: BoxReader = BoxReader {
        axes: None,
        place: BoxPlace::Middle,
        unit: BoxUnit::Pixels,
        classes: 2,
        input_px: [100, 50],
        least_score: 0.3,
        overlap: 0.5,
    };

    /// Three of one class, two of them nearly at the same place, one of the other class there too, one weak.
    const ROWS: [[f32; 6]; 5] = [
        [20.0, 20.0, 20.0, 20.0, 0.8, 0.1],
        [22.0, 20.0, 20.0, 20.0, 0.9, 0.0],
        [80.0, 40.0, 60.0, 40.0, 0.5, 0.1],
        [20.0, 20.0, 20.0, 20.0, 0.0, 0.7],
        [60.0, 20.0, 20.0, 20.0, 0.2, 0.1],
    ];

    fn close(a: [f32; 4], b: [f32; 4]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn the_best_of_what_overlaps_is_kept_in_either_order_of_axes() {
        let rows: Vec<f32> = ROWS.iter().flatten().copied().collect();
        let found = READER.read(&[1, 5, 6], &rows).unwrap_or_default();
        let kept: Vec<(usize, f32)> = found.iter().map(|b| (b.class, b.score)).collect();
        assert_eq!(kept, [(0, 0.9), (1, 0.7), (0, 0.5)]);
        assert!(close(found[0].edges, [0.12, 0.2, 0.32, 0.6]), "{found:?}");
        assert!(
            close(found[2].edges, [0.5, 0.4, 1.0, 1.0]),
            "cut at the rim: {found:?}"
        );
        let columns: Vec<f32> = (0..6).flat_map(|i| ROWS.map(|row| row[i])).collect();
        assert_eq!(READER.read(&[1, 6, 5], &columns), Ok(found));
        for shape in [[1, 5, 7], [2, 5, 6], [1, 7, 5]] {
            let read = READER.read(&shape, &rows);
            assert!(matches!(read, Err(BoxError::Shape { .. })), "{shape:?}");
        }
        let logits: Vec<f32> = rows.iter().map(|value| value * 3.0).collect();
        assert!(matches!(
            READER.read(&[1, 5, 6], &logits),
            Err(BoxError::Score { .. })
        ));
    }

    #[test]
    fn corners_and_shares_are_read_as_they_are_declared() {
        let reader = BoxReader {
            place: BoxPlace::Corners,
            unit: BoxUnit::Shares,
            axes: Some(BoxAxes::ValuesFirst),
            ..READER
        };
        let one = [0.1, 0.2, 0.3, 0.4, 0.0, 1.0];
        let found = reader.read(&[1, 6, 1], &one).unwrap_or_default();
        assert!(found.len() == 1 && close(found[0].edges, [0.1, 0.2, 0.3, 0.4]));
        assert_eq!(found[0].class, 1);
        let other = reader.read(&[1, 1, 6], &one);
        assert!(other.is_err(), "not as declared: {other:?}");
    }

    proptest! {
        #[test]
        fn whatever_comes_out_lies_in_the_picture_and_overlaps_little(
            places in prop::collection::vec(prop_oneof![-200.0_f32..200.0, 0.0_f32..60.0, Just(f32::NAN), Just(f32::INFINITY)], 40),
            scores in prop::collection::vec(prop_oneof![-3.0_f32..1.0, Just(f32::NAN), Just(f32::INFINITY)], 20),
        ) {
            let values = [places, scores].concat();
            let found = READER.read(&[1, 6, 10], &values);
            prop_assert!(found.is_ok());
            let found = found.unwrap_or_default();
            for (i, one) in found.iter().enumerate() {
                prop_assert!(one.edges.iter().all(|edge| (0.0..=1.0).contains(edge)));
                prop_assert!((READER.least_score..=1.0).contains(&one.score));
                for other in &found[..i] {
                    prop_assert!(other.score >= one.score);
                    prop_assert!(other.class != one.class || other.overlap(one) <= READER.overlap);
                }
            }
        }
    }
}
