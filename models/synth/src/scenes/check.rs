//! The checker: what of an instant its picture shows. It compares pictures and knows no facts.

use super::eye::{Eye, Region, around};
use super::object::{Object, Verdict};
use super::patches::{BETWEEN_BIT, Patches, ZEBRA_BIT, light_bit};
use super::range::{LIGHTS_M, LOOKED_AT_M, USERS_M, ZEBRAS_M};
use crate::camera::Change;
use crate::junctions::Junction;
use crate::paint_junctions::{LIGHT_TOP_M, post};
use crate::paint_users::PAINTS;
use crate::world::World;

/// Differing pixels from which on an object is shown, and up to which it is hidden.
const OBJECT_PX: [usize; 2] = [24, 6];
/// The same for a lamp of a traffic light.
const LAMP_PX: [usize; 2] = [4, 3];
/// Differing pixels from which on a traffic light might be seen, whatever it shows.
const POST_PX: usize = 6;
/// Differing pixels from which on a zebra crossing is shown, and up to which it is hidden.
const ZEBRA_PX: [usize; 2] = [40, 10];
/// Differing pixels from which on a colour can be told from another.
const COLOUR_PX: usize = 16;
/// A box of less than this is never surely shown, px².
const LEAST_PX2: f64 = 16.0;
/// Least share of a shown object's box that shows it, and that is within the picture.
const LEAST_FILL: f64 = 0.2;
const LEAST_INSIDE: f64 = 0.3;
/// What the picture shows beside road users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Road {
    /// A traffic light, and which: `Some(true)` for green.
    pub(crate) signal: Verdict,
    pub(crate) green: Option<bool>,
    pub(crate) zebra: Verdict,
}

/// Fills the objects' verdicts; says what else is shown, and what each patch shows.
pub(crate) fn check(eye: &mut Eye, world: &World, objects: &mut [Object]) -> (Road, Vec<u8>) {
    let mut patches = Patches::default();
    for object in objects.iter_mut() {
        let without = Change::Without(object.id);
        let pixels = eye.differing(world, without, object.region(), 1);
        object.shown_px = pixels.len();
        object.verdict = counted(verdict(object), object.distance_m < USERS_M);
        match object.verdict {
            Verdict::Shown => patches.add(&pixels, object.class),
            Verdict::Between => patches.add(&pixels, BETWEEN_BIT),
            Verdict::Hidden => {}
        }
    }
    let road = road(eye, world, &mut patches);
    (road, patches.bits())
}

fn verdict(object: &Object) -> Verdict {
    let (pixels, area) = (object.shown_px, object.area_px2());
    let clear =
        area >= LEAST_PX2 && pixels as f64 >= LEAST_FILL * area && object.inside >= LEAST_INSIDE;
    graded(pixels, OBJECT_PX, clear)
}

/// Of what is seen too far away to count nothing is said.
fn counted(verdict: Verdict, within: bool) -> Verdict {
    if verdict == Verdict::Shown && !within {
        Verdict::Between
    } else {
        verdict
    }
}

fn graded(pixels: usize, [shown, hidden]: [usize; 2], clear: bool) -> Verdict {
    if pixels >= shown && clear {
        Verdict::Shown
    } else if pixels < hidden {
        Verdict::Hidden
    } else {
        Verdict::Between
    }
}

fn road(eye: &mut Eye, world: &World, patches: &mut Patches) -> Road {
    let mut road = Road {
        signal: Verdict::Hidden,
        green: None,
        zebra: Verdict::Hidden,
    };
    let ego = world.ego();
    for junction in lights_ahead(world, LOOKED_AT_M.end) {
        let Some(region) = light_region(world, junction) else {
            continue;
        };
        let lamp = eye.differing(world, Change::SwappedSignals, region, 2);
        let mut verdict = graded(lamp.len(), LAMP_PX, true);
        if verdict == Verdict::Hidden {
            let body = eye.differing(world, Change::NoSignals, region, 1);
            if body.len() >= POST_PX {
                verdict = Verdict::Between;
            }
        }
        verdict = counted(verdict, junction.s - ego.s < LIGHTS_M);
        let green = junction.green(0, world.time_s()) > 0.0;
        let bit = light_bit(green);
        match verdict {
            Verdict::Hidden => continue,
            Verdict::Shown => patches.add_small(&lamp, bit),
            Verdict::Between => patches.add_small(&lamp, BETWEEN_BIT),
        }
        // Two lights that differ, or of which one is vague: nobody says which is meant.
        road.signal = match (road.signal, road.green) {
            (Verdict::Hidden, _) => verdict,
            (Verdict::Shown, Some(other)) if other == green => verdict,
            _ => Verdict::Between,
        };
        road.green = Some(green);
    }
    for &at in world.crossings() {
        if !LOOKED_AT_M.contains(&(at - ego.s)) {
            continue;
        }
        let Some(region) = zebra_region(world, at) else {
            continue;
        };
        let pixels = eye.zebra(world, region);
        let verdict = graded(pixels.len(), ZEBRA_PX, true);
        let verdict = counted(verdict, ZEBRAS_M.contains(&(at - ego.s)));
        match verdict {
            Verdict::Shown => patches.add(&pixels, ZEBRA_BIT),
            Verdict::Between => patches.add(&pixels, BETWEEN_BIT),
            Verdict::Hidden => {}
        }
        road.zebra = match (road.zebra, verdict) {
            (Verdict::Shown, _) | (_, Verdict::Shown) => Verdict::Shown,
            (Verdict::Hidden, Verdict::Hidden) => Verdict::Hidden,
            _ => Verdict::Between,
        };
    }
    road
}

/// Junctions with traffic lights within `reach_m` ahead, nearest first.
pub(crate) fn lights_ahead(world: &World, reach_m: f64) -> impl Iterator<Item = &Junction> {
    let s = world.ego().s;
    let junctions = world.streets.junctions.all.iter();
    junctions.filter(move |j| j.is_crossing() && (s..s + reach_m).contains(&j.s))
}

/// Where in the picture a junction's traffic light is.
pub(crate) fn light_region(world: &World, junction: &Junction) -> Option<Region> {
    let post = post(&world.streets, junction);
    let [x, y] = world.ego().pose.inward([post.x, post.y]);
    around(&[[x, y, 0.0], [x, y, LIGHT_TOP_M]], 8.0)
}

/// Where in the picture the zebra crossing at arc length `at` is.
pub(crate) fn zebra_region(world: &World, at: f64) -> Option<Region> {
    let [right, left] = world.streets.layout.kerb();
    let corners = [at - 1.6, at + 1.6].map(|s| {
        [right, left].map(|d| {
            let [x, y] = world.ego().pose.inward(world.streets.path.offset(s, d));
            [x, y, 0.0]
        })
    });
    around(corners.as_flattened(), 2.0)
}

/// Whether the picture shows that a car is not of any of the other colours; `same(a, b)` says that
/// two paints have one name.
pub(crate) fn colour_shown(
    eye: &mut Eye,
    world: &World,
    car: &Object,
    same: impl Fn(usize, usize) -> bool,
) -> bool {
    let Some(own) = car.paint else {
        return false;
    };
    (0..PAINTS.len()).filter(|p| !same(*p, own)).all(|paint| {
        let change = Change::Painted(car.id, paint);
        eye.differing(world, change, car.region(), 1).len() >= COLOUR_PX
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Placed;
    use crate::atmosphere::Light;
    use crate::config::DriveConfig;
    use crate::path::Pose2;
    use crate::scenes::facts::of_objects;
    use crate::scenes::object::in_front;
    use crate::scenes::{PATCH_PX, WIDTH_PX};
    use crate::town::Town;
    use crate::weather::Weather;
    use drafthorse_core::Class;

    /// A road with nobody on it but these: class, metres ahead and to the left.
    fn road(users: &[(Class, f64, f64)]) -> World {
        let mut world = World::new(&DriveConfig {
            seed: 5,
            town: Town::Boulevard,
            ..DriveConfig::default()
        });
        let ego = world.ego().pose;
        let copy = |class: Class, ahead: f64, left: f64| -> Placed {
            let found = world.placed.iter().find(|p| p.actor.class == class);
            let mut placed = *found.unwrap();
            let [x, y] = ego.out(ahead, left);
            placed.solid.pose = Pose2 { x, y, yaw: ego.yaw };
            placed.actor.id = ahead as u32;
            placed
        };
        world.placed = users.iter().map(|(c, x, y)| copy(*c, *x, *y)).collect();
        world
    }

    fn verdicts(world: &World, weather: Weather, light: Light) -> Vec<(u32, Verdict)> {
        let mut eye = Eye::new(weather, light);
        eye.look(world);
        let mut objects = in_front(world);
        check(&mut eye, world, &mut objects);
        objects.iter().map(|o| (o.id, o.verdict)).collect()
    }

    #[test]
    fn who_stands_behind_a_truck_is_hidden_and_shown_without_it() {
        let (truck, person) = ((Class::Truck, 16.0, 0.0), (Class::Pedestrian, 26.0, 0.0));
        let both = verdicts(&road(&[truck, person]), Weather::Clear, Light::Day);
        assert_eq!(both, [(16, Verdict::Shown), (26, Verdict::Hidden)]);
        let alone = verdicts(&road(&[person]), Weather::Clear, Light::Day);
        assert_eq!(alone, [(26, Verdict::Shown)]);
    }

    #[test]
    fn fog_hides() {
        let world = road(&[
            (Class::Pedestrian, 14.0, 2.0),
            (Class::Pedestrian, 36.0, -2.0),
        ]);
        let day = verdicts(&world, Weather::Clear, Light::Day);
        assert_eq!(day[0].1, Verdict::Shown);
        let fog = verdicts(&world, Weather::Fog, Light::Night);
        assert_ne!(fog[1].1, Verdict::Shown, "36 m in a night of fog");
    }

    #[test]
    fn who_is_seen_beyond_what_is_counted_leaves_it_open() {
        for (ahead, verdict) in [
            (30.0, Verdict::Shown),
            (40.0, Verdict::Between),
            (60.0, Verdict::Between),
        ] {
            let world = road(&[(Class::Car, ahead, 0.0)]);
            let found = verdicts(&world, Weather::Clear, Light::Day);
            assert_eq!(found, [(ahead as u32, verdict)]);
            let mut objects = in_front(&world);
            objects[0].verdict = verdict;
            let facts = of_objects(&objects);
            let open = verdict == Verdict::Between;
            assert_ne!(facts.contains_key("ahead"), open, "{ahead} m");
            assert_ne!(facts.contains_key("count.car"), open, "{ahead} m");
        }
        let behind = road(&[(Class::Truck, 16.0, 0.0), (Class::Car, 60.0, 0.0)]);
        let found = verdicts(&behind, Weather::Clear, Light::Day);
        assert_eq!(found[1], (60, Verdict::Hidden));
    }

    #[test]
    fn patches_show_what_stands_in_them() {
        let world = road(&[(Class::Car, 12.0, 0.0)]);
        let mut eye = Eye::new(Weather::Clear, Light::Day);
        eye.look(&world);
        let mut objects = in_front(&world);
        let (_, bits) = check(&mut eye, &world, &mut objects);
        let car = &objects[0];
        for (patch, bits) in bits.iter().enumerate() {
            let columns = WIDTH_PX / PATCH_PX;
            let middle = [patch % columns, patch / columns].map(|i| ((i * PATCH_PX) + 8) as f64);
            let [left, top, right, bottom] = car.box_px;
            let within = (left - 8.0..right + 8.0).contains(&middle[0])
                && (top - 8.0..bottom + 8.0).contains(&middle[1]);
            assert!(bits & 1 == 0 || within, "patch {patch}");
        }
        assert!(bits.iter().filter(|b| **b & 1 == 1).count() >= 4);
    }

    #[test]
    fn paint_is_told_by_day_and_not_in_a_night_of_fog() {
        let shown = |ahead, weather, light| {
            let world = road(&[(Class::Car, ahead, 0.0)]);
            let mut eye = Eye::new(weather, light);
            eye.look(&world);
            let mut objects = in_front(&world);
            check(&mut eye, &world, &mut objects);
            colour_shown(&mut eye, &world, &objects[0], |a, b| a == b || a + b == 1)
        };
        assert!(shown(14.0, Weather::Clear, Light::Day));
        assert!(!shown(36.0, Weather::Fog, Light::Night));
    }
}
