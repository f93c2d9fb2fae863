//! The table `record`: how the log is written.

use crate::record_policy::{RecordPolicy, WindowSettings};
use anyhow::{Result, bail};
use drafthorse_keyframes::EventConfig;
use drafthorse_record::{Compression, RecordConfig, SyncPolicy, WhenFull};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// How the log is written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecordSettings {
    /// What of a run is kept.
    pub policy: RecordPolicy,
    /// The windows that are kept where the policy is not `all`.
    pub windows: WindowSettings,
    /// Under the policy `events`: when a cue of the radar is an event.
    pub events: EventConfig,
    /// A message is on the disk at most this long after it was appended (plus one sync), ms.
    pub flush_interval_ms: u64,
    /// Whether each interval ends with a sync to the disk (`interval`) or trusts the page cache
    /// (`never`: a power cut then loses what the kernel has not written).
    pub sync: Sync,
    /// Compression of the log's chunks.
    pub compression: ChunkCompression,
    /// Begin a new file past this size, MiB; 0 never.
    pub rotate_mib: u64,
    /// Begin a new file after this much log time, s; 0 never.
    pub rotate_s: u64,
    /// Oldest logs not marked kept are removed so that the folder stays below this, MiB; 0 never.
    pub quota_mib: u64,
    /// Recording stops cleanly when less than this is free on the disk, MiB; perception goes on.
    pub free_space_floor_mib: u64,
    /// Memory in which a live run's messages may wait for a slow disk, MiB; past it they are lost
    /// and counted.
    pub buffer_mib: u64,
}

impl Default for RecordSettings {
    fn default() -> Self {
        let board = drafthorse_boards::host().record;
        Self {
            policy: RecordPolicy::default(),
            windows: WindowSettings::default(),
            events: EventConfig::default(),
            flush_interval_ms: 500,
            sync: Sync::Interval,
            compression: ChunkCompression::Lz4,
            rotate_mib: 1024,
            rotate_s: 0,
            quota_mib: board.quota_mib,
            free_space_floor_mib: board.free_space_floor_mib,
            buffer_mib: board.buffer_mib,
        }
    }
}

/// See [`RecordSettings::sync`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    /// Written and synced each flush interval.
    Interval,
    /// Written each flush interval, never synced.
    Never,
}

/// See [`RecordSettings::compression`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChunkCompression {
    /// None.
    None,
    /// LZ4: fast.
    Lz4,
    /// Zstandard: smaller.
    Zstd,
}

impl RecordSettings {
    /// The file being written is never removed, so a quota holds only over several files.
    pub(super) fn check_quota(&self) -> Result<()> {
        let (quota, rotate) = (self.quota_mib, self.rotate_mib);
        if quota > 0 && rotate == 0 {
            bail!(
                "record.quota_mib is {quota} but record.rotate_mib is 0: one endless file cannot stay below a quota; set rotate_mib to at most half of it"
            );
        }
        if quota > 0 && rotate > quota / 2 {
            bail!(
                "record.quota_mib is {quota} and record.rotate_mib {rotate}: set rotate_mib to at most half the quota, so that older files can be removed while one is written"
            );
        }
        Ok(())
    }

    /// The recorder's configuration for logs `dir/name-NNNN.mcap`.
    pub fn to_record_config(&self, dir: &Path, name: &str, when_full: WhenFull) -> RecordConfig {
        let limit = |value: u64, unit: u64| (value > 0).then(|| value.saturating_mul(unit));
        let mut config = RecordConfig::new(dir, name);
        config.flush_interval = Duration::from_millis(self.flush_interval_ms);
        config.sync = match self.sync {
            Sync::Interval => SyncPolicy::Interval,
            Sync::Never => SyncPolicy::Never,
        };
        config.compression = match self.compression {
            ChunkCompression::None => Compression::None,
            ChunkCompression::Lz4 => Compression::Lz4,
            ChunkCompression::Zstd => Compression::Zstd,
        };
        config.rotate_bytes = limit(self.rotate_mib, 1 << 20);
        config.rotate_after = limit(self.rotate_s, 1).map(Duration::from_secs);
        config.quota_bytes = limit(self.quota_mib, 1 << 20);
        config.free_space_floor_bytes = self.free_space_floor_mib << 20;
        config.when_full = when_full;
        config.buffer_bytes = (self.buffer_mib as usize) << 20;
        if self.policy != RecordPolicy::All {
            // Only recordings are waited for, and after them comes nothing.
            let selection = self.windows.selection(when_full == WhenFull::Block);
            let segment = Duration::from_secs_f64(self.windows.segment_s);
            let shortest = config
                .rotate_after
                .map_or(segment, |after| after.min(segment));
            config.rotate_after = Some(shortest);
            config.selection = Some(selection);
        }
        config
    }
}
