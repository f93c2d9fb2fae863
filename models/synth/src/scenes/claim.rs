//! What the drive's truth says of an instant, whatever its picture shows: the facts and patches of
//! scenes that nobody checked.

use super::check::{Road, light_region, lights_ahead, zebra_region};
use super::eye::{Region, WIDTH_PX};
use super::facts::{Facts, colour, nearest_car, of_objects, of_road};
use super::object::{Object, Verdict};
use super::patches::{Patches, ZEBRA_BIT, light_bit};
use super::range::{LIGHTS_M, USERS_M, ZEBRAS_M};
use crate::world::World;

/// What stands by the road.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth {
    /// Whether the nearest traffic light is green.
    pub(crate) green: Option<bool>,
    /// Whether there is a zebra crossing.
    pub(crate) zebra: bool,
}

/// Claims that everybody is shown who counts and whose box is in the picture, and nobody else.
pub(crate) fn claim(objects: &mut [Object]) {
    for object in objects {
        object.verdict = shown(object.distance_m < USERS_M && object.inside >= 0.3);
    }
}

fn shown(is: bool) -> Verdict {
    if is { Verdict::Shown } else { Verdict::Hidden }
}

impl Truth {
    pub(crate) fn of(world: &World) -> Self {
        let light = lights_ahead(world, LIGHTS_M).next();
        Self {
            green: light.map(|junction| junction.green(0, world.time_s()) > 0.0),
            zebra: zebras(world).next().is_some(),
        }
    }

    /// The facts that it claims; `air` are those of weather and light.
    pub(crate) fn claims(self, objects: &[Object], air: [(&str, &str); 2]) -> Facts {
        let mut objects = objects.to_vec();
        claim(&mut objects);
        let mut facts = of_objects(&objects);
        facts.extend(of_road(Road {
            signal: shown(self.green.is_some()),
            green: self.green,
            zebra: shown(self.zebra),
        }));
        facts.extend(air.map(|(k, v)| (k.to_owned(), v.to_owned())));
        if let Some(paint) = nearest_car(&objects).and_then(|car| car.paint) {
            facts.insert("colour".to_owned(), colour(paint).to_owned());
        }
        facts
    }

    /// What it claims of each patch: the boxes of claimed road users, of the nearest traffic light
    /// and of zebra crossings, whatever stands before them.
    pub(crate) fn patches(self, world: &World, objects: &[Object]) -> Vec<u8> {
        let mut patches = Patches::default();
        for object in objects.iter().filter(|o| o.verdict == Verdict::Shown) {
            patches.add(&object.pixels(), object.class);
        }
        let light = lights_ahead(world, LIGHTS_M).next();
        if let (Some(junction), Some(green)) = (light, self.green)
            && let Some(region) = light_region(world, junction)
        {
            patches.add(&pixels(region), light_bit(green));
        }
        for region in zebras(world).filter_map(|at| zebra_region(world, at)) {
            patches.add(&pixels(region), ZEBRA_BIT);
        }
        patches.bits()
    }
}

/// Arc lengths of the zebra crossings that count.
fn zebras(world: &World) -> impl Iterator<Item = f64> {
    let s = world.ego().s;
    let crossings = world.crossings().iter().copied();
    crossings.filter(move |at| ZEBRAS_M.contains(&(at - s)))
}

fn pixels([left, top, right, bottom]: Region) -> Vec<usize> {
    (top..bottom)
        .flat_map(|y| (left..right).map(move |x| y * WIDTH_PX + x))
        .collect()
}
