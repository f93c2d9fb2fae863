//! What an imaging radar reports of an echo: noise, the interval of the range rate, quantisation.

use crate::echo::Echo;
use crate::measure::{fold, round_to};
use crate::radar_model::RadarModel;
use crate::rng::Rng;
use drafthorse_core::RadarPoint;

/// Chance of an estimate that is far off.
const GLINT: f64 = 0.04;

/// The return that is reported for an echo.
pub(crate) fn report(echo: &Echo, model: &RadarModel, rng: &mut Rng) -> RadarPoint {
    // Estimates get better with the root of the signal-to-noise ratio, down to a floor.
    let above_db = (echo.snr_db - model.threshold_db).max(0.0);
    let mut worse = 1.0 + 1.5 * 10f64.powf(-above_db / 20.0);
    // Two centres in one cell now and then pull an estimate far off.
    if rng.chance(GLINT) {
        worse *= 4.0;
    }
    let edge = (echo.azimuth / model.max_azimuth_rad).powi(2);
    let [ahead, aside] = model.azimuth_std_rad;
    let azimuth_std = (ahead + (aside - ahead) * edge) * worse;
    let mut off = |std: f64| std * rng.normal();
    let range = (echo.range + off(model.range_std_m * worse)).max(0.5 * model.min_range_m);
    let azimuth = echo.azimuth + off(azimuth_std);
    let elevation = echo.elevation + off(model.elevation_std_rad * worse);
    let rate = echo.range_rate + off(model.rate_std_mps);
    let rcs_db = echo.rcs_db + off(model.rcs_std_db) + model.rcs_offset_db;
    let mut point = RadarPoint::from_polar(
        round_to(range, model.step_m) as f32,
        round_to(azimuth, model.step_azimuth_rad) as f32,
        round_to(elevation, model.step_elevation_rad) as f32,
        round_to(reported_rate(rate, model, above_db, rng), model.step_mps) as f32,
        round_to(rcs_db.clamp(-60.0, 60.0), model.step_db) as f32,
    );
    point.azimuth_std_rad = azimuth_std as f32;
    point.range_rate_std_mps = model.rate_std_mps as f32;
    point
}

/// The rate in the interval that the radar reports it in: folded, or, by a radar that tracks the
/// interval, true but for a wrong guess now and then.
fn reported_rate(rate: f64, model: &RadarModel, above_db: f64, rng: &mut Rng) -> f64 {
    let Some(wrong) = model.wrong_interval else {
        return fold(rate, model.unambiguous_mps);
    };
    // Weak echoes are guessed wrong more often.
    if !rng.chance(wrong * (1.0 + 4.0 * 10f64.powf(-above_db / 10.0))) {
        return rate;
    }
    let sign = if rng.chance(0.5) { 1.0 } else { -1.0 };
    rate + sign * 2.0 * model.unambiguous_mps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::echo::Source;
    use crate::radar_model::{ARS548, DENSE};

    fn echo(rate: f64) -> Echo {
        Echo {
            range: 31.4159,
            azimuth: 0.2,
            elevation: 0.02,
            range_rate: rate,
            rcs_db: 3.3,
            snr_db: 30.0,
            source: Source::Scenery,
            moving: false,
        }
    }

    fn is_on_step(value: f32, step: f64) -> bool {
        let steps = f64::from(value) / step;
        (steps - steps.round()).abs() < 1e-3
    }

    #[test]
    fn values_lie_on_the_radars_steps() {
        let mut rng = Rng::new(4, 4);
        for model in [ARS548, DENSE] {
            for _ in 0..200 {
                let p = report(&echo(-7.7), &model, &mut rng);
                assert!(is_on_step(p.rcs_dbsm, model.step_db));
                assert!(is_on_step(p.range_m, model.step_m) || model.step_m < 1e-3);
                assert!(is_on_step(p.range_rate_mps, model.step_mps) || model.step_mps < 1e-3);
            }
        }
        let p = report(&echo(-7.7), &DENSE, &mut rng);
        assert!(is_on_step(p.azimuth_rad, DENSE.step_azimuth_rad));
        assert!(is_on_step(p.elevation_rad, DENSE.step_elevation_rad));
    }

    #[test]
    fn a_radar_that_folds_reports_the_rate_within_its_interval() {
        let mut rng = Rng::new(4, 5);
        let half = DENSE.unambiguous_mps;
        for _ in 0..200 {
            let p = report(&echo(-half - 4.0), &DENSE, &mut rng);
            let rate = f64::from(p.range_rate_mps);
            assert!((rate - (half - 4.0)).abs() < 0.5, "{rate}");
        }
    }

    #[test]
    fn a_radar_that_guesses_is_seldom_wrong_and_then_by_the_interval() {
        let (mut rng, mut wrong) = (Rng::new(4, 6), 0);
        let n = 20_000;
        for _ in 0..n {
            let p = report(&echo(-30.0), &ARS548, &mut rng);
            let off = (f64::from(p.range_rate_mps) + 30.0) / (2.0 * ARS548.unambiguous_mps);
            assert!((off - off.round()).abs() < 0.01);
            wrong += i32::from(off.round() != 0.0);
        }
        assert!((20..150).contains(&wrong), "{wrong} of {n}");
    }
}
