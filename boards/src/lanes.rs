//! What lanes and the recorder get on a board.

use crate::error::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a lane is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaneProfile {
    /// Time from receipt to results after which a step is late, ms.
    pub deadline_ms: f64,
    /// Messages that may wait.
    pub queue: usize,
    /// Processor cores its thread should stay on, by number; any where empty.
    #[serde(default)]
    pub affinity: Vec<usize>,
}

/// The lanes of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaneProfiles {
    /// CAN frames that may wait for the radar lane, beside each radar's messages.
    pub can_queue: usize,
    /// The lane of all radars.
    pub radar: LaneProfile,
    /// The lane of each camera.
    pub camera: LaneProfile,
}

impl LaneProfiles {
    pub(crate) fn check(&self, cores: usize) -> Result<(), Fault> {
        for lane in [&self.radar, &self.camera] {
            if !(lane.deadline_ms > 0.0 && lane.deadline_ms.is_finite()) {
                return Err(("deadline_ms", "must be a positive time"));
            }
            if lane.queue == 0 {
                return Err(("queue", "must hold at least one message"));
            }
            if lane.affinity.iter().any(|core| *core >= cores) {
                return Err(("affinity", "must name cores from 0 to below `cores`"));
            }
        }
        if self.can_queue == 0 {
            return Err(("can_queue", "must hold at least one frame"));
        }
        Ok(())
    }
}

/// Defaults of the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordProfile {
    /// Free space at which recording stops, MiB.
    pub free_space_floor_mib: u64,
    /// Size of all logs together beyond which the oldest goes, MiB; 0 never.
    pub quota_mib: u64,
    /// Memory in which a live run's messages may wait for a slow disk, MiB.
    pub buffer_mib: u64,
}

impl RecordProfile {
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.buffer_mib < 2 {
            return Err(("buffer_mib", "must hold at least two chunks of 1 MiB"));
        }
        Ok(())
    }
}
