//! Evaluation of 3-D detections as the field does.
//!
//! Read labels and detections with [`formats`], put them side by side with [`pair`], and
//! [`Rules::evaluate`] them. [`gate::decide`] compares two detectors, [`report::Report`] draws a page.
//! Offline: allocates freely, and the same input gives the same result to the bit.

mod area;
pub mod bootstrap;
mod curve;
mod error;
mod evaluation;
pub mod formats;
pub mod gate;
mod misses;
mod overlap;
mod pairing;
mod random;
pub mod ranking;
pub mod report;
pub mod rules;
mod scene;
mod statistic;
mod sweep;
mod true_positives;

pub use area::Area;
pub use curve::Curve;
pub use error::{EvalError, LineProblem};
pub use evaluation::{ClassResult, Evaluation, MeanResult, PartResult, Rules};
pub use misses::{Miss, Mistake, worst_misses};
pub use overlap::{bev_iou, ground_overlap_m2, image_iou, size_iou, volume_iou};
pub use pairing::{Coverage, pair};
pub use scene::{
    Box3, DetectedScene, Detection, ImageBox, LabelledScene, Object, Scene, Truth, View,
};
pub use statistic::{ClassStatistic, Precision, Statistics};
pub use sweep::{Sampling, Sweep};
pub use true_positives::{ClassErrors, Headings};
