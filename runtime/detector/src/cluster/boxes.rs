//! A box from a cluster's returns.
//!
//! A radar sees the faces turned towards it, so the middle of the returns lies in front of the
//! middle of the object: the box is anchored at the nearest face and completed with the class's
//! typical size where the returns span less.

use super::shape::{Extent, Point, extent, l_shape_heading};
use crate::classify::{classify, typical_size};
use crate::cluster::Labelled;
use crate::config::ClusterConfig;
use crate::returns::Return;
use drafthorse_core::{Class, Detection};

/// A box in the plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Box2 {
    pub(crate) centre: Point,
    pub(crate) length_m: f64,
    pub(crate) width_m: f64,
    /// How much of the size was not seen: along the heading and across it, m.
    pub(crate) unseen: [f64; 2],
}

/// What the tracker needs of a detection beyond the detection itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) detection: Detection,
    /// Where its returns stand in the cluster's point list; empty for an object of the radar's.
    pub(crate) points: [u32; 2],
    /// Covariance of the centre in the vehicle frame: xx, xy, yy, m^2.
    pub(crate) centre_cov: [f64; 3],
    /// Standard deviation of the radial speed, m/s.
    pub(crate) radial_std: f64,
    /// Whole velocity over ground in the vehicle frame where the radar gives it, m/s.
    pub(crate) velocity: Option<[f64; 2]>,
    /// Where the sensor sits in the vehicle's xy plane, m.
    pub(crate) sensor: Point,
    /// Whether it may begin a track.
    pub(crate) may_begin: bool,
}

/// Completes what the returns span to a box of at least `size` (length, width), seen from
/// `sensor`.
pub(crate) fn complete(points: &[Point], heading_rad: f64, size: [f64; 2], sensor: Point) -> Box2 {
    let (sin, cos) = libm::sincos(heading_rad);
    let seen = extent(points, heading_rad);
    let eye = [
        cos * sensor[0] + sin * sensor[1],
        cos * sensor[1] - sin * sensor[0],
    ];
    let length_m = seen.length().max(size[0]);
    let width_m = seen.width().max(size[1]);
    let along = anchored(seen.along, eye[0], length_m);
    let across = anchored(seen.across, eye[1], width_m);
    Box2 {
        centre: [cos * along - sin * across, sin * along + cos * across],
        length_m,
        width_m,
        unseen: [length_m - seen.length(), width_m - seen.width()],
    }
}

/// Middle of an interval of that size whose near end is the seen one's.
fn anchored(seen: [f64; 2], eye: f64, size: f64) -> f64 {
    let middle = 0.5 * (seen[0] + seen[1]);
    let hidden = 0.5 * (size - (seen[1] - seen[0]));
    // From abreast to behind the end the shift grows gradually: a nearly abreast object shows
    // both of its ends.
    let beyond = ((middle - eye) / size.max(0.1)).clamp(-1.0, 1.0);
    middle + hidden * beyond
}

/// The box of one cluster, or `None` where it is nothing that could be a road user. `moving`
/// clusters are taken to head along the vehicle's x axis until a track knows better.
pub(crate) fn detect(
    config: &ClusterConfig,
    members: &[u32],
    returns: &[Return],
    labelled: &[Labelled],
    moving: bool,
    sensor: Point,
    points: &mut Vec<Point>,
) -> Option<Candidate> {
    let first = points.len();
    let count = members.len() as f64;
    let (mut speed, mut power, mut powers) = (0.0, 0.0_f64, 0_u32);
    for &m in members {
        let r = &returns[m as usize];
        points.push([r.x_m, r.y_m]);
        speed += labelled[m as usize].residual_mps / count;
        if r.rcs_dbsm.is_finite() {
            power += f64::from(r.rcs_dbsm);
            powers += 1;
        }
    }
    let own = &points[first..];
    let middle = own.iter().fold([0.0, 0.0], |m, p| {
        [m[0] + p[0] / count, m[1] + p[1] / count]
    });
    let (dx, dy) = (middle[0] - sensor[0], middle[1] - sensor[1]);
    let range = libm::hypot(dx, dy).max(0.1);
    let sight = [dx / range, dy / range];
    let (class, heading, shape) = if moving {
        let seen = extent(own, 0.0);
        let longest = seen.length().max(seen.width());
        // Traffic moves along the road, so its speed is the radial speed over the cosine.
        let fast = speed.abs() / sight[0].abs().max(0.4);
        let heading = if speed * sight[0] < 0.0 {
            std::f64::consts::PI
        } else {
            0.0
        };
        (classify(longest, fast, count), heading, seen)
    } else {
        stationary_shape(config, own)?
    };
    let size = typical_size(class);
    let bounded = if moving || class != Class::Unknown {
        size
    } else {
        [0.0; 3]
    };
    let box_ = complete(own, heading, [bounded[0], bounded[1]], sensor);
    let height = size[2];
    let cov = centre_cov(&box_, heading, sight, range, count);
    let rcs_dbsm = if powers > 0 {
        (power / f64::from(powers)) as f32
    } else {
        f32::NAN
    };
    let detection = Detection {
        x_m: box_.centre[0] + 0.0,
        y_m: box_.centre[1] + 0.0,
        z_m: 0.5 * height,
        length_m: box_.length_m,
        width_m: box_.width_m,
        height_m: height,
        yaw_rad: heading,
        radial_speed_mps: if moving { speed } else { 0.0 },
        line_of_sight: sight,
        points: members.len() as u32,
        rcs_dbsm,
        moving,
        class,
        score: score(count, moving, &shape),
    };
    Some(Candidate {
        detection,
        points: [first as u32, points.len() as u32],
        centre_cov: cov,
        radial_std: 0.0,
        velocity: None,
        sensor,
        may_begin: !moving || members.len() >= config.moving_birth_points as usize,
    })
}

/// Class, heading and extent of a stationary cluster of vehicle size; `None` for guard rails,
/// walls, poles and the like.
fn stationary_shape(config: &ClusterConfig, own: &[Point]) -> Option<(Class, f64, Extent)> {
    if own.len() < config.stationary_box_points as usize {
        return None;
    }
    let mut heading = l_shape_heading(own);
    let mut seen = extent(own, heading);
    if seen.width() > seen.length() {
        heading -= std::f64::consts::FRAC_PI_2;
        seen = extent(own, heading);
    }
    let (length, width) = (seen.length(), seen.width());
    let is_vehicle = (1.2..=12.0).contains(&length) && width <= 3.0 && width + length >= 2.0;
    let is_rail = length > 6.0 && width < 0.9;
    if !is_vehicle || is_rail {
        return None;
    }
    let class = if length > 6.5 {
        Class::Truck
    } else {
        Class::Car
    };
    Some((class, heading, seen))
}

/// Noise of range and azimuth, and of what was completed unseen.
pub(crate) fn centre_cov(
    box_: &Box2,
    heading_rad: f64,
    sight: Point,
    range_m: f64,
    count: f64,
) -> [f64; 3] {
    let (sin, cos) = libm::sincos(heading_rad);
    let along = 0.3 + 0.2 * box_.unseen[0];
    let across = 0.25 + 0.2 * box_.unseen[1];
    let beside = range_m * 0.006 / count.sqrt();
    let (la, wa, ta) = (along * along, across * across, beside * beside);
    let (sx, sy) = (sight[0], sight[1]);
    [
        cos * cos * la + sin * sin * wa + sy * sy * ta,
        sin * cos * (la - wa) - sx * sy * ta,
        sin * sin * la + cos * cos * wa + sx * sx * ta,
    ]
}

fn score(count: f64, moving: bool, shape: &Extent) -> f64 {
    let evidence = count / (count + 2.0);
    if moving {
        return evidence;
    }
    // A stationary vehicle shows a face of some length; half the confidence at 1 m.
    let face = shape.length() / (shape.length() + 1.0);
    0.6 * evidence * face
}
