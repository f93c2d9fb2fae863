//! Measurement: noise, folding of the range rate and quantisation of one return.

use crate::echo::Echo;
use crate::radar::MAX_AZIMUTH;
use crate::rng::Rng;
use drafthorse_core::RadarPoint;

/// Standard deviation of the range rate, m/s.
pub(crate) const RATE_STD_MPS: f64 = 0.06;
const ELEVATION_STD_RAD: f64 = 0.7 * std::f64::consts::PI / 180.0;

/// Standard deviation of the azimuth: 0.1 degrees ahead, 0.5 at the edge of the field of view.
fn azimuth_std(azimuth: f64) -> f64 {
    let edge = (azimuth / MAX_AZIMUTH).powi(2);
    (0.1 + 0.4 * edge) * std::f64::consts::PI / 180.0
}

/// The nearest whole number of steps.
pub(crate) fn round_to(value: f64, step: f64) -> f64 {
    (value / step).round() * step
}

/// Brings a rate into the unambiguous interval of half width `half`.
pub(crate) fn fold(rate: f64, half: f64) -> f64 {
    (rate + half).rem_euclid(2.0 * half) - half
}

/// The return that the radar reports for an echo. RCS is a whole number of dBsm.
pub(crate) fn measure(echo: &Echo, unambiguous_mps: f64, rng: &mut Rng) -> RadarPoint {
    let range_std = 0.08 + 0.08 * (-0.1 * (echo.snr_db - 14.0).max(0.0)).exp();
    let range = (echo.range + range_std * rng.normal()).max(0.2);
    let azimuth_std = azimuth_std(echo.azimuth);
    let azimuth = echo.azimuth + azimuth_std * rng.normal();
    let elevation = echo.elevation + ELEVATION_STD_RAD * rng.normal();
    let rate = fold(
        echo.range_rate + RATE_STD_MPS * rng.normal(),
        unambiguous_mps,
    );
    let mut point = RadarPoint::from_polar(
        round_to(range, 0.01) as f32,
        round_to(azimuth, 1e-4) as f32,
        round_to(elevation, 5e-4) as f32,
        round_to(rate, 0.01) as f32,
        echo.rcs_db.round().clamp(-30.0, 45.0) as f32,
    );
    point.azimuth_std_rad = azimuth_std as f32;
    point.range_rate_std_mps = RATE_STD_MPS as f32;
    point
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_fold_into_the_interval() {
        assert_eq!(fold(5.0, 20.0), 5.0);
        assert_eq!(fold(25.0, 20.0), -15.0);
        assert_eq!(fold(-65.0, 20.0), 15.0);
    }
}
