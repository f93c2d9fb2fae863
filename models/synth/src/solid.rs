//! Boxes standing on the ground: the shape that radar, camera and truth agree on.

use crate::path::Pose2;

/// A box standing on the ground; `pose` is the middle of its footprint.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Solid {
    pub(crate) pose: Pose2,
    pub(crate) length: f64,
    pub(crate) width: f64,
    /// Height of its underside above ground.
    pub(crate) bottom: f64,
    /// Height of its top above ground.
    pub(crate) top: f64,
}

impl Solid {
    /// Corners of the footprint, counter-clockwise from front left.
    pub(crate) fn footprint(&self) -> [[f64; 2]; 4] {
        let (l, w) = (0.5 * self.length, 0.5 * self.width);
        [(l, w), (-l, w), (-l, -w), (l, -w)].map(|(x, y)| self.pose.out(x, y))
    }
}
