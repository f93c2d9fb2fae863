//! Resolution: power that falls into one cell of range, range rate, azimuth and elevation is one
//! echo; a strong echo hides weak ones beside it.

use crate::echo::{Echo, Source};
use crate::imaging::Scene;
use crate::radar_model::RadarModel;

/// Power from one place, before resolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contribution {
    pub(crate) range: f64,
    pub(crate) azimuth: f64,
    pub(crate) elevation: f64,
    pub(crate) rate: f64,
    /// Cross-section with fading, m².
    pub(crate) power: f64,
    pub(crate) source: Source,
}

/// Level of the antennas' side lobes, dB: weaker echoes of the same range and rate are lost.
const SIDE_LOBES_DB: f64 = 25.0;
/// An echo in the next cell hides one that is so much weaker, dB.
const NEIGHBOUR_DB: f64 = 4.0;

/// Range, rate, azimuth, elevation.
type Cell = [i32; 4];

fn cell_of(at: &Contribution, m: &RadarModel) -> Cell {
    let of = |value: f64, width: f64| (value / width).floor() as i32;
    // Cells of an array are equal in the sine of the angle.
    [
        of(at.range, m.cell_range_m),
        of(at.rate, m.cell_rate_mps),
        of(at.azimuth.sin(), m.cell_azimuth_rad.sin()),
        of(at.elevation.sin(), m.cell_elevation_rad.sin()),
    ]
}

/// Buffers of the resolution.
#[derive(Default)]
pub(crate) struct Resolver {
    order: Vec<(Cell, u32)>,
    merged: Vec<(Cell, Contribution)>,
}

impl Resolver {
    /// Turns a scene's contributions into declared echoes, nearest first, the strongest `capacity`.
    pub(crate) fn resolve(&mut self, scene: &mut Scene, echoes: &mut Vec<Echo>, capacity: usize) {
        self.merge(scene);
        echoes.clear();
        let mut first = 0;
        while first < self.merged.len() {
            let same = |c: &Cell| c[..2] == self.merged[first].0[..2];
            let rest = &self.merged[first..];
            let count = rest.iter().take_while(|(c, _)| same(c)).count();
            declare(scene, &rest[..count], echoes);
            first += count;
        }
        if echoes.len() > capacity {
            echoes.sort_by(|a, b| b.snr_db.total_cmp(&a.snr_db));
            echoes.truncate(capacity);
            echoes.sort_by(|a, b| a.range.total_cmp(&b.range));
        }
    }

    fn merge(&mut self, scene: &mut Scene) {
        let model = scene.model;
        let all = scene.contributions();
        self.order.clear();
        let cells = all.iter().enumerate();
        self.order
            .extend(cells.map(|(i, c)| (cell_of(c, &model), i as u32)));
        self.order.sort_unstable();
        self.merged.clear();
        let mut strongest = 0.0;
        for (cell, index) in &self.order {
            let part = &all[*index as usize];
            match self.merged.last_mut() {
                Some((last, sum)) if last == cell => {
                    let share = part.power / (sum.power + part.power).max(1e-30);
                    sum.power += part.power;
                    sum.range += share * (part.range - sum.range);
                    sum.azimuth += share * (part.azimuth - sum.azimuth);
                    sum.elevation += share * (part.elevation - sum.elevation);
                    sum.rate += share * (part.rate - sum.rate);
                    // The echo is whose share of it is largest.
                    if part.power > strongest {
                        (strongest, sum.source) = (part.power, part.source);
                    }
                }
                _ => {
                    strongest = part.power;
                    self.merged.push((*cell, *part));
                }
            }
        }
    }
}

/// Declares echoes of one range and rate.
fn declare(scene: &mut Scene, echoes: &[(Cell, Contribution)], out: &mut Vec<Echo>) {
    let loudest = echoes.iter().fold(0.0, |m: f64, (_, c)| m.max(c.power));
    let hidden_below = loudest * 10f64.powf(-0.1 * SIDE_LOBES_DB);
    let next_to = 10f64.powf(0.1 * NEIGHBOUR_DB);
    for (cell, at) in echoes {
        let hidden = echoes.iter().any(|(other, c)| {
            let near = (other[2] - cell[2]).abs() <= 1 && (other[3] - cell[3]).abs() <= 1;
            near && c.power > at.power * next_to
        });
        if hidden || at.power < hidden_below {
            continue;
        }
        let rcs_db = 10.0 * at.power.max(1e-12).log10();
        let excess_db = scene.model.excess_db(at, rcs_db, scene.weather);
        if !scene
            .rng
            .chance(RadarModel::detection_probability(excess_db))
        {
            continue;
        }
        out.push(Echo {
            range: at.range,
            azimuth: at.azimuth,
            elevation: at.elevation,
            range_rate: at.rate,
            rcs_db,
            snr_db: scene.model.threshold_db + excess_db,
            source: at.source,
            moving: false,
        });
    }
}
