//! Which weathers and lights a picture tells apart: where rain hides the sun, a low sun cannot be
//! told from a high one.

use super::eye::Eye;
use crate::atmosphere::Light;
use crate::weather::Weather;
use crate::world::World;

/// Weathers in their order.
pub(crate) const WEATHERS: [Weather; 4] = [
    Weather::Clear,
    Weather::Drizzle,
    Weather::Rain,
    Weather::Fog,
];
/// Lights in their order.
pub(crate) const LIGHTS: [Light; 4] = [Light::Day, Light::LowSun, Light::Dusk, Light::Night];
/// Least mean difference of a channel of 255 between pictures of one instant that differ to the eye.
const LEAST_MEAN: f64 = 4.0;

/// Name of the weather, and of the light that is left of it: clouds make a low sun a plain day.
pub(crate) fn names(air: usize) -> [&'static str; 2] {
    let (weather, light) = (WEATHERS[air / LIGHTS.len()], LIGHTS[air % LIGHTS.len()]);
    let clouded = weather != Weather::Clear && light == Light::LowSun;
    let light = if clouded { Light::Day } else { light };
    [weather.name(), light.name()]
}

/// The camera in each weather and light.
pub(crate) struct Airs {
    eyes: Vec<Eye>,
    /// Whether weather, and light, of each are told by the picture.
    told: Vec<[bool; 2]>,
}

/// Index of a weather and light in [`Airs`].
pub(crate) fn index(weather: usize, light: usize) -> usize {
    weather * LIGHTS.len() + light
}

impl Airs {
    /// Compares all weathers and lights on one instant.
    pub(crate) fn new(world: &World) -> Self {
        let pairs = WEATHERS
            .iter()
            .flat_map(|w| LIGHTS.iter().map(move |l| (*w, *l)));
        let mut eyes: Vec<Eye> = pairs.map(|(w, l)| Eye::new(w, l)).collect();
        let pictures: Vec<Vec<u8>> = eyes
            .iter_mut()
            .map(|eye| {
                eye.look(world);
                eye.picture(world, 1)
            })
            .collect();
        let differ = |a: usize, b: usize| mean_difference(&pictures[a], &pictures[b]) >= LEAST_MEAN;
        // Told is what every picture with another name differs from, all else being the same.
        let told = (0..eyes.len())
            .map(|i| {
                let own = names(i);
                let clear_of = |part: usize| {
                    let mut others = (0..pictures.len()).filter(|o| {
                        let name = names(*o);
                        name[part] != own[part] && name[1 - part] == own[1 - part]
                    });
                    others.all(|o| differ(i, o))
                };
                [clear_of(0), clear_of(1)]
            })
            .collect();
        Self { eyes, told }
    }

    pub(crate) fn eye(&mut self, at: usize) -> &mut Eye {
        &mut self.eyes[at]
    }

    /// Whether the picture tells the weather, and the light.
    pub(crate) fn told(&self, at: usize) -> [bool; 2] {
        self.told[at]
    }
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DriveConfig;
    use crate::town::Town;

    #[test]
    fn lights_are_told_and_so_are_most_weathers() {
        let world = World::new(&DriveConfig {
            town: Town::Boulevard,
            ..DriveConfig::default()
        });
        let airs = Airs::new(&world);
        let untold = |part: usize| -> Vec<_> {
            let all = 0..airs.told.len();
            all.filter(|i| !airs.told(*i)[part]).map(names).collect()
        };
        assert!(untold(1).is_empty(), "{:?}", untold(1));
        assert!(untold(0).len() <= 2, "{:?}", untold(0));
    }

    #[test]
    fn clouds_hide_the_sun() {
        assert_eq!(names(index(0, 1)), ["clear", "low-sun"]);
        assert_eq!(names(index(2, 1)), ["rain", "day"]);
    }
}
