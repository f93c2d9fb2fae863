//! Light and air as a camera meets them: where the sun stands, how strong daylight is, how far one
//! sees, whose lamps are on.

use crate::canvas::Colour;
use crate::weather::Weather;
use serde::{Deserialize, Serialize};

/// Light of a whole drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Light {
    /// Sun, high and behind.
    #[default]
    Day,
    /// Sun, low and ahead: glare and long shadows.
    LowSun,
    /// After sunset, lamps on.
    Dusk,
    /// Lamps only.
    Night,
}

impl Light {
    /// Its name, as in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::LowSun => "low-sun",
            Self::Dusk => "dusk",
            Self::Night => "night",
        }
    }
}

/// Everything that the painters need to know of light and air.
#[derive(Clone, Debug)]
pub(crate) struct Atmosphere {
    /// Colour of the haze and of the sky at the horizon.
    pub(crate) haze: Colour,
    /// Depth at which haze has taken 63 % of a colour, m.
    pub(crate) haze_m: f64,
    pub(crate) zenith: Colour,
    /// Direction to the sun, world axes.
    pub(crate) sun: [f64; 3],
    /// Light of the sun on a face that looks at it.
    pub(crate) sunlight: f64,
    /// Light on every face, and more on those that look up.
    pub(crate) ambient: f64,
    /// Light on the ground.
    pub(crate) ground: f32,
    /// Colour of all this light.
    pub(crate) tint: Colour,
    /// Whether things cast sharp shadows.
    pub(crate) shadows: bool,
    /// Whether vehicles and streets have their lamps on.
    pub(crate) lamps: bool,
    /// Light of the vehicle's own headlamps close by.
    pub(crate) headlamps: f64,
    /// Brightness of the sun in the lens, 0 for none.
    pub(crate) glare: f32,
    /// Streaks of rain in the picture.
    pub(crate) streaks: usize,
    /// Noise of the image sensor, steps of 255.
    pub(crate) noise: f32,
}

/// Daylight without a cloud.
const DAY: Atmosphere = Atmosphere {
    haze: [206.0, 217.0, 228.0],
    haze_m: 330.0,
    zenith: [94.0, 146.0, 206.0],
    sun: [-0.45, 0.52, 0.73],
    sunlight: 0.5,
    ambient: 0.58,
    ground: 1.0,
    tint: [1.0; 3],
    shadows: true,
    lamps: false,
    headlamps: 0.0,
    glare: 0.0,
    streaks: 0,
    noise: 0.0,
};

impl Atmosphere {
    /// The light and air of a drive.
    pub(crate) fn new(light: Light, weather: Weather) -> Self {
        let mut air = match light {
            Light::Day => DAY,
            Light::LowSun => Self {
                haze: [236.0, 214.0, 184.0],
                haze_m: 260.0,
                zenith: [120.0, 150.0, 196.0],
                sun: [0.955, 0.2, 0.22],
                sunlight: 0.7,
                ambient: 0.44,
                ground: 0.92,
                tint: [1.05, 0.97, 0.86],
                glare: 1.0,
                ..DAY
            },
            Light::Dusk => Self {
                haze: [124.0, 116.0, 128.0],
                haze_m: 260.0,
                zenith: [44.0, 58.0, 96.0],
                sunlight: 0.0,
                ambient: 0.42,
                ground: 0.42,
                tint: [0.92, 0.94, 1.08],
                shadows: false,
                lamps: true,
                headlamps: 0.35,
                noise: 2.5,
                ..DAY
            },
            Light::Night => Self {
                haze: [22.0, 24.0, 30.0],
                haze_m: 200.0,
                zenith: [7.0, 9.0, 17.0],
                sunlight: 0.0,
                ambient: 0.13,
                ground: 0.15,
                tint: [1.0, 0.95, 0.84],
                shadows: false,
                lamps: true,
                headlamps: 0.9,
                noise: 5.0,
                ..DAY
            },
        };
        air.blow(light, weather);
        air
    }

    /// What the weather makes of the light.
    fn blow(&mut self, light: Light, weather: Weather) {
        let dark = matches!(light, Light::Dusk | Light::Night);
        let (sight_m, streaks) = match weather {
            Weather::Clear => return,
            Weather::Drizzle => (170.0, 120),
            Weather::Rain => (85.0, 420),
            Weather::Fog => (26.0, 0),
        };
        // Clouds: no sun, one grey.
        let mean = self.haze.iter().sum::<f32>() / 3.0;
        let grey = [0.96, 1.0, 1.03].map(|c| c * mean * if dark { 1.0 } else { 0.86 });
        self.haze = grey;
        self.zenith = if weather == Weather::Fog {
            grey
        } else {
            grey.map(|c| 0.86 * c)
        };
        self.haze_m = self.haze_m.min(sight_m);
        if !dark {
            self.ambient = 0.62;
            self.ground = 0.8;
            self.tint = [0.95, 0.97, 1.0];
        }
        self.lamps = true;
        (self.sunlight, self.shadows, self.glare) = (0.0, false, 0.0);
        self.streaks = streaks;
    }

    /// A colour seen through `depth` metres of haze.
    pub(crate) fn hazed(&self, colour: Colour, depth: f64) -> Colour {
        let haze = (1.0 - (-depth / self.haze_m).exp()) as f32;
        std::array::from_fn(|i| colour[i] + haze * (self.haze[i] - colour[i]))
    }

    /// Light on a face; `lit` is the cosine between it and the sun, `up` the height of its normal.
    pub(crate) fn on_face(&self, lit: f64, up: f64) -> f32 {
        (self.ambient + self.sunlight * lit + 0.06 * up) as f32
    }

    /// A colour under light of that strength and that of the headlamps `ahead` metres in front and
    /// `aside` metres beside the camera.
    pub(crate) fn lighten(&self, colour: Colour, light: f32, ahead: f64, aside: f64) -> Colour {
        let beam = if self.headlamps > 0.0 {
            let cone = 1.0 - (aside / ahead.max(1.0) / 0.7).powi(2);
            (self.headlamps * cone.max(0.0) / (1.0 + (ahead / 22.0).powi(2))) as f32
        } else {
            0.0
        };
        std::array::from_fn(|i| colour[i] * (light + beam) * self.tint[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fog_hides_and_night_darkens() {
        let grey = [100.0; 3];
        let clear = Atmosphere::new(Light::Day, Weather::Clear);
        let fog = Atmosphere::new(Light::Day, Weather::Fog);
        let contrast = |air: &Atmosphere| (air.hazed(grey, 60.0)[1] - air.haze[1]).abs();
        assert!(contrast(&clear) > 80.0 && contrast(&fog) < 12.0);
        let night = Atmosphere::new(Light::Night, Weather::Clear);
        assert!(night.on_face(1.0, 0.0) < 0.3 * clear.on_face(1.0, 0.0));
        let lit = |ahead| night.lighten(grey, night.ground, ahead, 0.0)[0];
        assert!(lit(8.0) > 3.0 * lit(90.0), "headlamps reach near");
    }
}
