//! Weather and light: what they do to radar waves. What they do to pictures is in the camera's files.

use serde::{Deserialize, Serialize};

/// Weather of a drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weather {
    /// Dry and clear.
    #[default]
    Clear,
    /// Light rain, 2 mm/h.
    Drizzle,
    /// Heavy rain, 25 mm/h.
    Rain,
    /// Fog with a sight of about 60 m.
    Fog,
}

impl Weather {
    /// Its name, as in configurations and shards.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Drizzle => "drizzle",
            Self::Rain => "rain",
            Self::Fog => "fog",
        }
    }

    /// Rate of rain, mm/h.
    fn rain_mm_per_h(self) -> f64 {
        match self {
            Self::Clear | Self::Fog => 0.0,
            Self::Drizzle => 2.0,
            Self::Rain => 25.0,
        }
    }

    /// Loss of power at 77 GHz on the way to `range_m` and back, dB: rain after ITU-R P.838
    /// (1.1 r^0.72 dB/km within its accuracy), fog after ITU-R P.840 (0.1 g/m³ of droplets, about
    /// 0.4 dB/km), and the film of water on the radome.
    pub(crate) fn loss_db(self, range_m: f64) -> f64 {
        let rain = self.rain_mm_per_h();
        let per_km = match self {
            Self::Fog => 0.4,
            _ => 1.1 * rain.powf(0.72),
        };
        let film = 1.2 * (1.0 + rain).ln();
        2.0 * per_km * range_m * 1e-3 + film
    }

    /// Echoes of raindrops that are offered to the detector a scan.
    pub(crate) fn drops(self) -> usize {
        (2.0 * self.rain_mm_per_h()) as usize
    }

    /// How much weaker a wet road scatters back, dB: water is a mirror.
    pub(crate) fn wet_road_db(self) -> f64 {
        2.0 * (1.0 + self.rain_mm_per_h()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rain_takes_power_and_heavy_rain_takes_more() {
        let at = |weather: Weather| weather.loss_db(50.0);
        assert_eq!(at(Weather::Clear), 0.0);
        assert!(at(Weather::Fog) < 0.1);
        assert!(at(Weather::Drizzle) > 1.0 && at(Weather::Rain) > at(Weather::Drizzle) + 2.0);
        // Rain of 25 mm/h takes about 11 dB/km one way.
        let heavy = Weather::Rain.loss_db(1000.0) - Weather::Rain.loss_db(0.0);
        assert!((20.0..25.0).contains(&heavy), "{heavy} dB there and back");
    }
}
