//! What kinds of radar there are, in numbers.

use serde::{Deserialize, Serialize};

/// Which radar a vehicle carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RadarKind {
    /// A plain long-range radar: one centre, one return, with simple ghosts.
    #[default]
    Sample,
    /// A Continental ARS548: long range, 300 m.
    Ars548,
    /// A radar with more returns from a shorter range, like that of View-of-Delft.
    Dense,
}

impl RadarKind {
    /// Its name, as in configurations and shards.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Ars548 => "ars548",
            Self::Dense => "dense",
        }
    }

    /// Its numbers; the sample radar has its own file.
    pub(crate) fn model(self) -> Option<RadarModel> {
        match self {
            Self::Sample => None,
            Self::Ars548 => Some(ARS548),
            Self::Dense => Some(DENSE),
        }
    }
}

/// The numbers behind an imaging radar. Widths of cells are those of resolution: what lies in one
/// cell is one return.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RadarModel {
    pub(crate) min_range_m: f64,
    pub(crate) max_range_m: f64,
    pub(crate) max_azimuth_rad: f64,
    pub(crate) max_elevation_rad: f64,
    /// Signal-to-noise ratio of 0 dBsm at 50 m straight ahead, dB.
    pub(crate) snr_at_50_m_db: f64,
    /// Signal-to-noise ratio at which half of the echoes are declared, dB.
    pub(crate) threshold_db: f64,
    /// Cross-section at which half of the echoes are declared however near they are, dBsm.
    pub(crate) floor_dbsm: f64,
    /// Two-way loss of the antennas at the edge of the field of view: azimuth, elevation, dB.
    pub(crate) edge_loss_db: [f64; 2],
    /// A narrow beam for long range: its half width, rad, and what is lost outside it, dB.
    pub(crate) far_beam: Option<(f64, f64)>,
    pub(crate) cell_range_m: f64,
    /// Width of a cell ahead, rad; it grows with one over the cosine.
    pub(crate) cell_azimuth_rad: f64,
    pub(crate) cell_elevation_rad: f64,
    pub(crate) cell_rate_mps: f64,
    pub(crate) range_std_m: f64,
    /// Ahead, and at the edge of the field of view.
    pub(crate) azimuth_std_rad: [f64; 2],
    pub(crate) elevation_std_rad: f64,
    pub(crate) rate_std_mps: f64,
    pub(crate) rcs_std_db: f64,
    /// Smallest steps of what it reports: range, azimuth, elevation, range rate, cross-section.
    pub(crate) step_m: f64,
    pub(crate) step_azimuth_rad: f64,
    pub(crate) step_elevation_rad: f64,
    pub(crate) step_mps: f64,
    pub(crate) step_db: f64,
    /// Added to the true cross-section: few radars are calibrated, dB.
    pub(crate) rcs_offset_db: f64,
    /// Half of the unambiguous interval of range rate, m/s.
    pub(crate) unambiguous_mps: f64,
    /// Chance that a radar that guesses the interval guesses wrong; `None` where it does not guess
    /// and reports folded rates.
    pub(crate) wrong_interval: Option<f64>,
    /// False alarms of noise a scan.
    pub(crate) false_alarms: f64,
    /// Most returns of a scan.
    pub(crate) capacity: usize,
}

const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// Field of view, range and angular resolution after the datasheet of the ARS548 RDI (1.2 degrees
/// ahead, 2.3 in elevation; two of its range cells of 0.22 m, since neighbouring peaks are one);
/// interval of range rate, steps, spread of the range rate, lowest cross-section, the narrow beam and
/// the guessed interval after a recorded scan (docs/synthetic-world.md).
pub(crate) const ARS548: RadarModel = RadarModel {
    min_range_m: 0.5,
    max_range_m: 300.0,
    max_azimuth_rad: 60.0 * DEGREE,
    max_elevation_rad: 20.0 * DEGREE,
    snr_at_50_m_db: 39.0,
    threshold_db: 14.0,
    floor_dbsm: -17.0,
    edge_loss_db: [18.0, 6.0],
    far_beam: Some((10.0 * DEGREE, 19.0)),
    cell_range_m: 0.4,
    cell_azimuth_rad: 1.2 * DEGREE,
    cell_elevation_rad: 2.3 * DEGREE,
    cell_rate_mps: 0.2,
    range_std_m: 0.08,
    azimuth_std_rad: [0.15 * DEGREE, 0.6 * DEGREE],
    elevation_std_rad: 1.9 * DEGREE,
    rate_std_mps: 0.035,
    rcs_std_db: 3.0,
    step_m: 0.0005,
    step_azimuth_rad: 2.8e-5,
    step_elevation_rad: 1.21e-5,
    step_mps: 1e-4,
    step_db: 1.0,
    rcs_offset_db: 0.0,
    unambiguous_mps: 22.8866,
    wrong_interval: Some(0.003),
    false_alarms: 3.0,
    capacity: 800,
};

/// After what View-of-Delft says of its radar (about 300 returns a scan in front of the car, mean
/// cross-section -12 dBsm with a spread of 13 dB); its interval of range rate is narrow enough to
/// fold oncoming traffic.
pub(crate) const DENSE: RadarModel = RadarModel {
    min_range_m: 0.8,
    max_range_m: 72.0,
    max_azimuth_rad: 55.0 * DEGREE,
    max_elevation_rad: 20.0 * DEGREE,
    snr_at_50_m_db: 22.0,
    threshold_db: 14.0,
    floor_dbsm: -24.0,
    edge_loss_db: [12.0, 7.0],
    far_beam: None,
    cell_range_m: 0.2,
    cell_azimuth_rad: 1.5 * DEGREE,
    cell_elevation_rad: 2.0 * DEGREE,
    cell_rate_mps: 0.15,
    range_std_m: 0.06,
    azimuth_std_rad: [0.3 * DEGREE, 0.8 * DEGREE],
    elevation_std_rad: 0.9 * DEGREE,
    rate_std_mps: 0.06,
    rcs_std_db: 2.0,
    step_m: 0.05,
    step_azimuth_rad: 0.1 * DEGREE,
    step_elevation_rad: 0.1 * DEGREE,
    step_mps: 0.02,
    step_db: 0.1,
    rcs_offset_db: -8.0,
    unambiguous_mps: 18.0,
    wrong_interval: None,
    false_alarms: 8.0,
    capacity: 1000,
};
