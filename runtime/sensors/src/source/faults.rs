//! Faults of one source, gathered until somebody takes them.

use drafthorse_core::{Fault, FaultKind, SensorId};

/// Faults since the last `take`, one entry for each kind and detail, so that it stays small.
#[derive(Debug)]
pub(super) struct FaultLog {
    sensor: SensorId,
    pending: Vec<Fault>,
}

impl FaultLog {
    pub(super) fn new(sensor: SensorId) -> Self {
        Self {
            sensor,
            pending: Vec::new(),
        }
    }

    /// Notes `count` more of `kind`; none where `count` is 0.
    pub(super) fn note(&mut self, kind: FaultKind, at_ns: u64, count: u64, detail: &str) {
        if count == 0 {
            return;
        }
        let same = |f: &&mut Fault| f.kind == kind && f.detail == detail;
        if let Some(fault) = self.pending.iter_mut().find(same) {
            fault.count += count;
            fault.at_ns = at_ns;
            return;
        }
        self.pending.push(Fault {
            kind,
            sensor: Some(self.sensor),
            at_ns,
            count,
            detail: detail.to_owned(),
        });
    }

    pub(super) fn take(&mut self, out: &mut Vec<Fault>) {
        out.append(&mut self.pending);
    }
}
