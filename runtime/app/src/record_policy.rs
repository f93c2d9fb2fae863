//! What of a run is kept: all of it, or windows around triggers.

use anyhow::{Result, bail};
use drafthorse_record::Selection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What of a run is kept. A driver's notes are triggers under both policies that keep windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordPolicy {
    /// Everything.
    #[default]
    All,
    /// Windows around keyframes.
    Keyframes,
    /// Windows around events of the traffic and faults.
    Events,
}

impl std::fmt::Display for RecordPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Keyframes => "keyframes",
            Self::Events => "events",
        })
    }
}

/// The windows that are kept, and how what is not decided yet waits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WindowSettings {
    /// Log time kept before each trigger, s.
    pub pre_roll_s: f64,
    /// Log time kept after each trigger, s.
    pub post_roll_s: f64,
    /// How long after a moment a trigger for it may come, s: keyframes are decided some seconds later.
    /// A later trigger still keeps what is there.
    pub decision_s: f64,
    /// The log is kept or dropped in files of so much log time, s. A lane writes its state into a file once
    /// its queue holds nothing of the file before: much less than a second is too short for that.
    pub segment_s: f64,
    /// Memory in which files that are not decided yet may wait instead of on the disk, MiB. It spares a
    /// flash disk what is dropped later, and costs what waits there at a power cut: the time before a
    /// trigger that had not come. 0: everything is written at once, as durable as with `all`.
    pub ring_memory_mib: u64,
    /// Under `events`, whether the onset of a fault is a trigger.
    pub faults: bool,
}

impl Default for WindowSettings {
    fn default() -> Self {
        Self {
            pre_roll_s: 10.0,
            post_roll_s: 10.0,
            decision_s: 20.0,
            segment_s: 5.0,
            ring_memory_mib: 0,
            faults: true,
        }
    }
}

impl WindowSettings {
    /// Refuses what cannot be, in words.
    pub(crate) fn check(&self) -> Result<()> {
        let settings = [
            ("pre_roll_s", self.pre_roll_s, 0.0, 3600.0),
            ("post_roll_s", self.post_roll_s, 0.0, 3600.0),
            ("decision_s", self.decision_s, 0.0, 3600.0),
            ("segment_s", self.segment_s, 0.1, 600.0),
        ];
        for (name, value, least, most) in settings {
            if !(least..=most).contains(&value) {
                bail!("record.windows.{name} is {value}; choose {least} to {most}");
            }
        }
        if self.ring_memory_mib > 1 << 20 {
            bail!(
                "record.windows.ring_memory_mib is {}; choose 0 to 1048576",
                self.ring_memory_mib
            );
        }
        Ok(())
    }

    /// The recorder's settings. Where nothing comes after a run, what still waits at its end is dropped.
    pub(crate) fn selection(&self, nothing_comes_after: bool) -> Selection {
        Selection {
            undecided: Duration::from_secs_f64(self.pre_roll_s + self.decision_s),
            memory_bytes: self.ring_memory_mib << 20,
            decides_at_end: nothing_comes_after,
        }
    }
}
