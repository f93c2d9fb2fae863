//! Resolution: of echoes that fall into one cell of range, angle and range rate, one return is left.

use crate::echo::Echo;

const RANGE_M: f64 = 0.4;
const AZIMUTH_RAD: f64 = 0.024;
const RATE_MPS: f64 = 0.25;

impl Echo {
    fn cell(&self) -> (i64, i64, i64) {
        (
            (self.range / RANGE_M).floor() as i64,
            (self.azimuth / AZIMUTH_RAD).floor() as i64,
            (self.range_rate / RATE_MPS).floor() as i64,
        )
    }
}

/// Leaves the strongest echo of each cell, in order of cell (range first).
pub(crate) fn keep_resolved(echoes: &mut Vec<Echo>) {
    echoes.sort_by(|a, b| a.cell().cmp(&b.cell()).then(b.snr_db.total_cmp(&a.snr_db)));
    echoes.dedup_by(|next, kept| next.cell() == kept.cell());
}
