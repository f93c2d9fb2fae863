//! Faults on their way into the log, counted by kind.

use super::channels::Channel;
use super::staged::{Cause, Staged};
use drafthorse_core::{Fault, SensorId};
use drafthorse_record::messages::drafthorse as message;
use std::collections::BTreeMap;

/// Stages faults and counts them.
#[derive(Clone, Debug, Default)]
pub struct FaultLog {
    names: Vec<String>,
    /// Faults by the name of their kind.
    pub counts: BTreeMap<String, u64>,
}

impl FaultLog {
    /// For sensors of those names, in the plan's order.
    pub fn new(names: Vec<String>) -> Self {
        Self {
            names,
            counts: BTreeMap::new(),
        }
    }

    fn name(&self, sensor: SensorId) -> &str {
        self.names
            .get(usize::from(sensor.0))
            .map_or("unknown", String::as_str)
    }

    /// Counts a fault and gives its form in the log.
    pub fn message(&mut self, fault: &Fault) -> message::Fault {
        *self.counts.entry(fault.kind.name().to_owned()).or_default() += 1;
        message::Fault {
            kind: fault.kind.name().to_owned(),
            sensor: fault
                .sensor
                .map(|s| self.name(s).to_owned())
                .unwrap_or_default(),
            at_ns: fault.at_ns,
            count: fault.count,
            detail: fault.detail.clone(),
        }
    }

    /// Counts and stages a fault that a recomputable step has found.
    pub fn stage(&mut self, fault: &Fault, cause: Cause, out: &mut Staged) {
        let message = self.message(fault);
        out.push_message(Channel::FAULTS, cause, &message);
    }
}
