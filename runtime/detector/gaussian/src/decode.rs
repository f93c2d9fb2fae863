//! From the network's outputs to boxes: the best cells of each class, their boxes, then suppression.

use crate::nms::{Suppression, suppress};
use crate::softmax::sigmoid;
use crate::weights::FORMAT;
use serde::Deserialize;

/// Numbers of a box in the network's output: x and y in cells, z, log sizes, sine and cosine of the yaw.
const BOX_CHANNELS: usize = 8;

/// What the network's outputs mean (`decode.json`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BoxHead {
    /// Format of the description.
    pub format: String,
    /// Classes in the order of [`DetectedBox::class`].
    pub classes: Vec<ClassHead>,
    /// Side of a cell of the outputs, m.
    pub cell_m: f32,
    /// Where the outputs begin, m.
    pub x_min_m: f32,
    /// The same along y.
    pub y_min_m: f32,
    /// Least score of a box.
    pub score_min: f32,
    /// Cells of a class that become boxes, at most.
    pub candidates_per_class: usize,
    /// Boxes of a class that stay, at most.
    pub keep_per_class: usize,
    /// How boxes beside a better one are suppressed.
    pub nms: Suppression,
}

/// Where a class stands in the outputs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClassHead {
    /// Name.
    pub name: String,
    /// Its channel of the heat map.
    pub heatmap_channel: usize,
    /// The first of its channels of the boxes.
    pub box_first_channel: usize,
    /// Distance of centres within which the worse box goes, m.
    pub nms_radius_m: f32,
    /// Score from which on a box is taken for an object in a run: where precision and recall balance best
    /// on the frames that training was watched on.
    pub score_run: f32,
}

/// A detected box in the radar's frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectedBox {
    /// Index of its class.
    pub class: usize,
    /// 0 to 1.
    pub score: f32,
    /// Middle, m.
    pub centre_m: [f32; 3],
    /// Length, width and height, m.
    pub size_m: [f32; 3],
    /// Heading from x, rad.
    pub yaw_rad: f32,
}

/// Why a description of outputs cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the description of the network's outputs cannot be used: {0}; export the model again")]
pub struct DescriptionError(String);

/// Takes boxes from the network's outputs.
#[derive(Debug)]
pub struct Decoder {
    head: BoxHead,
    candidates: Vec<Candidate>,
    of_class: Vec<DetectedBox>,
    boxes: Vec<DetectedBox>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    score: f32,
    cell: usize,
}

impl Decoder {
    /// For outputs that mean this (`decode.json`).
    ///
    /// # Errors
    /// A description that is no such JSON, of another format, or of channels that cannot be.
    pub fn read(json: &[u8]) -> Result<Self, DescriptionError> {
        let wrong = |why: String| Err(DescriptionError(why));
        let head: BoxHead = match serde_json::from_slice(json) {
            Ok(head) => head,
            Err(error) => return wrong(error.to_string()),
        };
        if head.format != FORMAT {
            return wrong(format!(
                "it is of the format {:?} and not {FORMAT:?}",
                head.format
            ));
        }
        let most = |class: &ClassHead| class.heatmap_channel.max(class.box_first_channel);
        if head.classes.is_empty() || head.classes.iter().any(|class| most(class) > 4096) {
            return wrong("it names no classes, or channels that cannot be".to_owned());
        }
        if !(head.cell_m > 0.0 && head.score_min > 0.0 && head.score_min < 1.0) {
            return wrong("cell_m must be above 0, score_min between 0 and 1".to_owned());
        }
        Ok(Self {
            head,
            candidates: Vec::new(),
            of_class: Vec::new(),
            boxes: Vec::new(),
        })
    }

    /// What the outputs mean.
    #[must_use]
    pub fn head(&self) -> &BoxHead {
        &self.head
    }

    /// Channels that the heat map and the boxes must have at least.
    #[must_use]
    pub fn channels(&self) -> [usize; 2] {
        let classes = self.head.classes.iter();
        let channels = classes.map(|c| [c.heatmap_channel + 1, c.box_first_channel + BOX_CHANNELS]);
        let larger = |a: [usize; 2], b: [usize; 2]| [a[0].max(b[0]), a[1].max(b[1])];
        channels.reduce(larger).unwrap_or_default()
    }

    /// The boxes, best first, of a heat map `[classes, height, width]` (logits) and boxes
    /// `[8 tasks, height, width]`. Equal scores stand in order of class, then row and column.
    ///
    /// # Panics
    /// Where the outputs have fewer elements than [`Decoder::channels`] planes of `height * width`.
    pub fn decode(
        &mut self,
        heatmap: &[f32],
        boxes: &[f32],
        [height, width]: [usize; 2],
    ) -> &[DetectedBox] {
        let cells = height * width;
        let head = &self.head;
        self.boxes.clear();
        for (index, class) in head.classes.iter().enumerate() {
            let plane = &heatmap[class.heatmap_channel * cells..][..cells];
            best_cells(plane, head.score_min, &mut self.candidates);
            self.candidates.truncate(head.candidates_per_class);
            self.of_class.clear();
            for candidate in &self.candidates {
                let at = |k: usize| boxes[(class.box_first_channel + k) * cells + candidate.cell];
                let (row, column) = (candidate.cell / width, candidate.cell % width);
                self.of_class.push(DetectedBox {
                    class: index,
                    score: candidate.score,
                    centre_m: [
                        (column as f32 + at(0)) * head.cell_m + head.x_min_m,
                        (row as f32 + at(1)) * head.cell_m + head.y_min_m,
                        at(2),
                    ],
                    size_m: [libm::expf(at(3)), libm::expf(at(4)), libm::expf(at(5))],
                    yaw_rad: libm::atan2f(at(6), at(7)),
                });
            }
            // A box that is no number is none.
            let numbers = |b: &DetectedBox| [b.centre_m, b.size_m, [b.yaw_rad; 3]];
            self.of_class
                .retain(|b| numbers(b).as_flattened().iter().all(|n| n.is_finite()));
            suppress(&mut self.of_class, head.nms, class.nms_radius_m);
            self.of_class.truncate(head.keep_per_class);
            // Into their places among those of the classes before, which go first at equal scores.
            for &found in &self.of_class {
                let place = self.boxes.partition_point(|b| b.score >= found.score);
                self.boxes.insert(place, found);
            }
        }
        &self.boxes
    }
}

/// The cells of a score of at least `least`, best first, equal ones in their order.
fn best_cells(logits: &[f32], least: f32, to: &mut Vec<Candidate>) {
    // Below this no score is high enough; a little room for rounding.
    let least_logit = libm::logf(least / (1.0 - least)) - 0.01;
    to.clear();
    for (cell, &logit) in logits.iter().enumerate() {
        if logit < least_logit || logit.is_nan() {
            continue;
        }
        let score = sigmoid(logit);
        if score >= least {
            to.push(Candidate { score, cell });
        }
    }
    to.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.cell.cmp(&b.cell)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{
        "format": "drafthorse-radar-gaussian-1",
        "classes": [
            {"name": "car", "heatmap_channel": 1, "box_first_channel": 0, "nms_radius_m": 1.0, "score_run": 0.4},
            {"name": "cyclist", "heatmap_channel": 0, "box_first_channel": 8, "nms_radius_m": 0.5, "score_run": 0.3}
        ],
        "cell_m": 0.5, "x_min_m": 0.0, "y_min_m": -2.0, "score_min": 0.1,
        "candidates_per_class": 3, "keep_per_class": 2, "nms": "circle", "heatmap": "logits"
    }"#;

    #[test]
    fn cells_become_boxes() {
        let mut decoder = Decoder::read(HEAD.as_bytes()).unwrap();
        assert_eq!(decoder.channels(), [2, 16]);
        let cells = 24;
        let mut heatmap = vec![-10.0; 2 * cells];
        let mut boxes = vec![0.0; 16 * cells];
        // A car at row 2, column 3, one beside it that is worse, and one farther away.
        for (cell, logit) in [(15, 2.0), (16, 1.0), (2, 0.0)] {
            heatmap[cells + cell] = logit;
        }
        let car = [0.25, 0.5, -0.4, 4f32.ln(), 2f32.ln(), 1.5f32.ln(), 1.0, 0.0];
        for (channel, value) in car.into_iter().enumerate() {
            boxes[channel * cells + 15] = value;
        }
        heatmap[0] = 1.5;
        boxes[8 * cells] = 0.5;
        let found = decoder.decode(&heatmap, &boxes, [4, 6]).to_vec();
        assert_eq!(found.iter().map(|b| b.class).collect::<Vec<_>>(), [0, 1, 0]);
        assert!((found[0].score - 0.880_797).abs() < 1e-6);
        assert_eq!(found[0].centre_m, [1.625, -0.75, -0.4]);
        for (size, right) in found[0].size_m.iter().zip([4.0, 2.0, 1.5]) {
            assert!((size - right).abs() < 1e-6);
        }
        assert!((found[0].yaw_rad - std::f32::consts::FRAC_PI_2).abs() < 1e-6);
        assert_eq!(found[1].centre_m, [0.25, -2.0, 0.0]);
        assert_eq!(found[2].centre_m, [1.0, -2.0, 0.0]);
        heatmap.fill(f32::NAN);
        assert!(decoder.decode(&heatmap, &boxes, [4, 6]).is_empty());
    }

    #[test]
    fn a_description_that_cannot_be_is_refused() {
        for (from, to) in [
            ("gaussian-1", "gaussian-9"),
            ("\"score_min\": 0.1", "\"score_min\": 0.0"),
            ("\"circle\"", "\"square\""),
            ("\"box_first_channel\": 8", "\"box_first_channel\": 80000"),
        ] {
            assert!(
                Decoder::read(HEAD.replace(from, to).as_bytes()).is_err(),
                "{to}"
            );
        }
        assert!(Decoder::read(&HEAD.as_bytes()[..100]).is_err());
    }
}
