//! Multipath: echoes of real road users from places where nobody is.

use crate::actor::Placed;
use crate::echo::Source;
use crate::imaging::Scene;
use crate::resolve::Contribution;
use crate::scatter::Centre;
use crate::scenery::Kind;
use crate::solid::Solid;
use crate::view::View;
use crate::world::World;
use drafthorse_core::Class;

/// Farthest mirror from the radar, m.
const MIRROR_REACH_M: f64 = 45.0;
/// Chance that a mirror is smooth where the path meets it.
const SMOOTH: f64 = 0.4;

/// An upright surface that reflects like a mirror: rail, wall, house front, side of a truck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mirror {
    /// Ends of its foot, world axes.
    ends: [[f64; 2]; 2],
    /// Whom it belongs to, as in [`crate::visibility::Visibility`].
    owner: u32,
    /// Power lost at one reflection, dB.
    loss_db: f64,
}

/// Finds the mirrors near the vehicle at arc length `s`.
pub(crate) fn find_mirrors(world: &World, view: &View, s: f64, mirrors: &mut Vec<Mirror>) {
    mirrors.clear();
    let mut faces = |solid: &Solid, owner: u32, loss_db: f64| {
        let [x, y] = view.plane.inward([solid.pose.x, solid.pose.y]);
        if x < -15.0 || x.hypot(y) > MIRROR_REACH_M + 0.5 * solid.length {
            return;
        }
        let corners = solid.footprint();
        for i in 0..4 {
            let ends = [corners[i], corners[(i + 1) % 4]];
            let length = (ends[1][0] - ends[0][0]).hypot(ends[1][1] - ends[0][1]);
            let mirror = Mirror {
                ends,
                owner,
                loss_db,
            };
            // Footprints run counter-clockwise: outside is to the right of each edge.
            if length > 1.5 && mirror.side([view.plane.x, view.plane.y]) < 0.0 {
                mirrors.push(mirror);
            }
        }
    };
    for piece in world.scenery.between(s - 10.0, s + MIRROR_REACH_M + 15.0) {
        let loss_db = match piece.kind {
            Kind::Rail => 5.0,
            Kind::Wall => 7.0,
            Kind::Building => 11.0,
            Kind::Pole | Kind::Sign | Kind::Tree | Kind::Hedge | Kind::Rack => continue,
        };
        faces(&piece.solid, piece.owner(), loss_db);
    }
    for placed in &world.placed {
        if placed.actor.class == Class::Truck {
            faces(&placed.solid, placed.actor.id, 5.0);
        }
    }
}

impl Mirror {
    /// Positive to the left of the line from end to end, m.
    fn side(&self, p: [f64; 2]) -> f64 {
        let [a, b] = self.ends;
        let (ex, ey) = (b[0] - a[0], b[1] - a[1]);
        (ex * (p[1] - a[1]) - ey * (p[0] - a[0])) / ex.hypot(ey).max(1e-9)
    }

    /// Unit vector along it.
    fn along(&self) -> [f64; 2] {
        let [a, b] = self.ends;
        let (ex, ey) = (b[0] - a[0], b[1] - a[1]);
        let length = ex.hypot(ey).max(1e-9);
        [ex / length, ey / length]
    }

    /// The image of a point.
    pub(crate) fn image(&self, p: [f64; 2]) -> [f64; 2] {
        let ([ex, ey], distance) = (self.along(), self.side(p));
        // The left normal is (-ey, ex).
        [p[0] + 2.0 * distance * ey, p[1] - 2.0 * distance * ex]
    }

    /// The image of a velocity.
    fn image_of_velocity(&self, v: [f64; 2]) -> [f64; 2] {
        let [ex, ey] = self.along();
        let along = 2.0 * (v[0] * ex + v[1] * ey);
        [along * ex - v[0], along * ey - v[1]]
    }

    /// Where the line of sight from `eye` to the image of `p` meets it, if there is such a path.
    pub(crate) fn bounce(&self, eye: [f64; 2], p: [f64; 2]) -> Option<[f64; 2]> {
        let (near, far) = (self.side(eye), self.side(p));
        if near * far <= 0.0 {
            return None;
        }
        let image = self.image(p);
        let t = near / (near + far);
        let at = [0, 1].map(|i| eye[i] + t * (image[i] - eye[i]));
        let [a, b] = self.ends;
        let [ex, ey] = self.along();
        let u = (at[0] - a[0]) * ex + (at[1] - a[1]) * ey;
        let length = (b[0] - a[0]).hypot(b[1] - a[1]);
        (0.0..=length).contains(&u).then_some(at)
    }
}

/// Echoes of a road user by way of mirrors: there and back (where its image is), or by way of the
/// mirror once (half way between, seen in either direction).
pub(crate) fn mirrored(
    scene: &mut Scene,
    view: &View,
    mirrors: &[Mirror],
    placed: &Placed,
    centres: &[Centre],
) {
    let eye = [view.plane.x, view.plane.y];
    let middle = [placed.solid.pose.x, placed.solid.pose.y];
    for mirror in mirrors.iter().filter(|m| m.owner != placed.actor.id) {
        let Some([x, y]) = mirror.bounce(eye, middle) else {
            continue;
        };
        if scene.visibility.share([x, y, 0.6], mirror.owner) < 0.2 || !scene.rng.chance(SMOOTH) {
            continue;
        }
        let rough_db = mirror.loss_db + 3.0 * scene.rng.normal().abs();
        for centre in strongest(centres).into_iter().flatten() {
            let [x, y] = mirror.image([centre.p[0], centre.p[1]]);
            let p = [x, y, centre.p[2]];
            let velocity = mirror.image_of_velocity(centre.velocity);
            let (direct, image) = (view.polar(centre.p), view.polar(p));
            let direct_rate = view.range_rate(centre.p, centre.velocity);
            let image_rate = view.range_rate(p, velocity);
            let both = Contribution {
                range: image.range,
                azimuth: image.azimuth,
                elevation: image.elevation,
                rate: image_rate,
                power: 0.0,
                source: Source::Ghost,
            };
            scene.add(both, centre.rcs_db - 2.0 * rough_db);
            let from = if scene.rng.chance(0.5) { direct } else { image };
            let once = Contribution {
                range: 0.5 * (direct.range + image.range),
                azimuth: from.azimuth,
                elevation: from.elevation,
                rate: 0.5 * (direct_rate + image_rate),
                ..both
            };
            scene.add(once, centre.rcs_db - rough_db);
        }
    }
}

/// The two strongest centres.
fn strongest(centres: &[Centre]) -> [Option<&Centre>; 2] {
    let mut best: [Option<&Centre>; 2] = [None; 2];
    for centre in centres {
        let above = |b: &Option<&Centre>| b.is_none_or(|b| centre.rcs_db > b.rcs_db);
        if above(&best[0]) {
            best = [Some(centre), best[0]];
        } else if above(&best[1]) {
            best[1] = Some(centre);
        }
    }
    best
}

/// The image of a centre beneath the road, which the road reflects at grazing angles.
pub(crate) fn beneath_the_road(scene: &mut Scene, view: &View, centre: &Centre, share: f64) {
    if share < 0.05 || !scene.rng.chance(0.25) {
        return;
    }
    let image = Centre {
        p: [centre.p[0], centre.p[1], -centre.p[2]],
        rcs_db: centre.rcs_db - 8.0 - 3.0 * scene.rng.normal().abs(),
        ..*centre
    };
    scene.offer(view, &image, share, Source::Ghost);
}

/// Echoes that went twice between the vehicle and somebody near: twice the range, twice the rate.
pub(crate) fn twice(scene: &mut Scene, view: &View, centres: &[Centre]) {
    let Some(centre) = strongest(centres)[0] else {
        return;
    };
    let polar = view.polar(centre.p);
    if polar.range > 22.0 || polar.azimuth.abs() > 0.35 || !scene.rng.chance(0.12) {
        return;
    }
    let at = Contribution {
        range: 2.0 * polar.range,
        azimuth: polar.azimuth,
        elevation: polar.elevation,
        rate: 2.0 * view.range_rate(centre.p, centre.velocity),
        power: 0.0,
        source: Source::Ghost,
    };
    scene.add(at, centre.rcs_db - 10.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall() -> Mirror {
        Mirror {
            ends: [[0.0, -5.0], [60.0, -5.0]],
            owner: 9,
            loss_db: 5.0,
        }
    }

    #[test]
    fn an_image_is_as_far_behind_the_mirror() {
        let wall = wall();
        assert_eq!(wall.image([30.0, 1.0]), [30.0, -11.0]);
        assert_eq!(wall.image_of_velocity([4.0, -2.0]), [4.0, 2.0]);
    }

    #[test]
    fn the_path_by_the_mirror_obeys_the_law_of_reflection() {
        let (eye, p) = ([0.0, 0.0], [30.0, 5.0]);
        let at = wall().bounce(eye, p).unwrap();
        assert!((at[1] + 5.0).abs() < 1e-9);
        // Angles of incidence and reflection are the same.
        assert!((5.0 / at[0] - 10.0 / (30.0 - at[0])).abs() < 1e-9);
        // Its length is the distance of the image.
        let path = at[0].hypot(at[1]) + (p[0] - at[0]).hypot(p[1] - at[1]);
        let [x, y] = wall().image(p);
        assert!((path - x.hypot(y)).abs() < 1e-9);
    }

    #[test]
    fn there_is_no_path_past_the_end_or_through_the_back() {
        assert!(wall().bounce([0.0, 0.0], [200.0, 5.0]).is_none());
        assert!(wall().bounce([0.0, 0.0], [30.0, -9.0]).is_none());
    }
}
