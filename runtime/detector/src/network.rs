//! Boxes that a network has found take the place of the clusters where the network looks; both are
//! compared, so that each can be held against the other.

use crate::cluster::Candidate;
use crate::frame::PointLabel;
use crate::perception::RadarPerception;
use drafthorse_core::{Class, Detection, Footprint};
use nalgebra::Vector3;

/// Returns this far outside a box still belong to it, m.
const MARGIN_M: f64 = 0.4;
/// A box and a cluster whose centres lie closer than this see the same thing, m.
const SAME_M: f64 = 2.0;
/// Noise of a box's centre along each axis, m.
const CENTRE_STD_M: f64 = 0.35;

/// A box that a network found in a scan, in the vehicle frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkBox {
    /// What it is.
    pub class: Class,
    /// Confidence, 0 to 1.
    pub score: f64,
    /// Middle, m.
    pub centre_m: [f64; 3],
    /// Length, width and height, m.
    pub size_m: [f64; 3],
    /// Heading from x towards y, rad.
    pub yaw_rad: f64,
}

/// What a network and the clustering make of one scan, where the network looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrossCheck {
    /// Boxes of the network.
    pub boxes: u32,
    /// Clusters of road users.
    pub clusters: u32,
    /// Those found by both.
    pub both: u32,
}

impl CrossCheck {
    /// The share found by both of all that was found, 0 to 1; none where nothing was.
    #[must_use]
    pub fn agreement(&self) -> Option<f64> {
        let all = self.boxes + self.clusters - self.both;
        (all > 0).then(|| f64::from(self.both) / f64::from(all))
    }
}

impl RadarPerception {
    /// Between [`RadarPerception::cluster`] and [`RadarPerception::track`]: where the network `looks` (at a
    /// place of the vehicle's xy plane, m), its boxes are the detections, and the clusters elsewhere.
    /// A box's speed is that of the returns in it.
    pub fn take_boxes(
        &mut self,
        boxes: &[NetworkBox],
        looks: impl Fn([f64; 2]) -> bool,
    ) -> CrossCheck {
        let clusters = |c: &Candidate| looks([c.detection.x_m, c.detection.y_m]);
        let mut check = CrossCheck {
            boxes: boxes.len() as u32,
            clusters: self.candidates.iter().filter(|c| clusters(c)).count() as u32,
            both: 0,
        };
        for network_box in boxes {
            let found = self
                .candidates
                .iter()
                .position(|c| clusters(c) && is_same(&c.detection, network_box));
            if let Some(found) = found {
                check.both += 1;
                // A cluster is one thing.
                self.candidates.remove(found);
            }
        }
        self.candidates.retain(|c| !clusters(c));
        for network_box in boxes {
            let candidate = self.candidate(network_box);
            self.candidates.push(candidate);
        }
        self.frame.detections.clear();
        self.frame
            .detections
            .extend(self.candidates.iter().map(|c| c.detection));
        check
    }

    fn candidate(&mut self, found: &NetworkBox) -> Candidate {
        let first = self.points.len();
        let (mut speed_mps, mut moving, mut power, mut powers) = (0.0, 0u32, 0.0, 0u32);
        let (sin, cos) = libm::sincos(found.yaw_rad);
        let [length_m, width_m, height_m] = found.size_m;
        for (r, labelled) in self.returns.iter().zip(&self.labelled) {
            let (dx, dy) = (r.x_m - found.centre_m[0], r.y_m - found.centre_m[1]);
            let along = (cos * dx + sin * dy).abs();
            let across = (cos * dy - sin * dx).abs();
            if along > 0.5 * length_m + MARGIN_M || across > 0.5 * width_m + MARGIN_M {
                continue;
            }
            self.points.push([r.x_m, r.y_m]);
            if labelled.label == PointLabel::Moving {
                moving += 1;
                speed_mps += labelled.residual_mps;
            }
            if r.rcs_dbsm.is_finite() {
                power += f64::from(r.rcs_dbsm);
                powers += 1;
            }
        }
        let count = (self.points.len() - first) as u32;
        let sensor = [self.mount.position_m.x, self.mount.position_m.y];
        let sight = Vector3::new(
            found.centre_m[0] - sensor[0],
            found.centre_m[1] - sensor[1],
            0.0,
        );
        let sight = sight / sight.norm().max(0.1);
        // A single moving return among many is chance.
        let is_moving = moving > 0 && moving * 4 >= count;
        let variance = CENTRE_STD_M * CENTRE_STD_M;
        Candidate {
            detection: Detection {
                x_m: found.centre_m[0],
                y_m: found.centre_m[1],
                z_m: found.centre_m[2],
                length_m,
                width_m,
                height_m,
                yaw_rad: found.yaw_rad,
                radial_speed_mps: match is_moving {
                    true => speed_mps / f64::from(moving),
                    false => 0.0,
                },
                line_of_sight: [sight.x, sight.y],
                points: count,
                rcs_dbsm: match powers {
                    0 => f32::NAN,
                    _ => (power / f64::from(powers)) as f32,
                },
                moving: is_moving,
                class: found.class,
                score: found.score,
            },
            points: [first as u32, self.points.len() as u32],
            centre_cov: [variance, 0.0, variance],
            radial_std: 0.3,
            velocity: None,
            sensor,
            may_begin: true,
        }
    }
}

fn is_same(cluster: &Detection, found: &NetworkBox) -> bool {
    let (dx, dy) = (
        cluster.x_m - found.centre_m[0],
        cluster.y_m - found.centre_m[1],
    );
    let footprint = |centre_m, length_m, width_m, yaw_rad| Footprint {
        centre_m,
        length_m,
        width_m,
        yaw_rad,
    };
    let [x_m, y_m, _] = found.centre_m;
    let [length_m, width_m, _] = found.size_m;
    let c = cluster;
    libm::hypot(dx, dy) < SAME_M
        || footprint([c.x_m, c.y_m], c.length_m, c.width_m, c.yaw_rad).overlap_m2(&footprint(
            [x_m, y_m],
            length_m,
            width_m,
            found.yaw_rad,
        )) > 0.0
}
