//! What a running program says of itself in its status file.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A lane's progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// Name of the lane.
    pub lane: String,
    /// Messages it took and perceived.
    pub steps: u64,
    /// Messages it had to give up.
    pub dropped: u64,
    /// Messages that wait for it.
    pub queued: u64,
}

/// The state of a live run, written each second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatus {
    /// The program's file, with symbolic links resolved.
    pub program: PathBuf,
    /// Number of the process.
    pub pid: u32,
    /// When this was written, ns on the vehicle clock.
    pub at_ns: u64,
    /// Whether the log is being written.
    pub recording: bool,
    /// Lanes of the run.
    pub lanes: Vec<LaneStatus>,
    /// Rung of the governor's ladder, 0 at full quality; none in a run without one.
    #[serde(default)]
    pub governor_rung: Option<u32>,
}

impl RunStatus {
    /// What the file says; none where it is not there or not whole.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// The release in the folder `releases` that the program belongs to.
    #[must_use]
    pub fn release(&self, releases: &Path) -> Option<String> {
        let releases = releases.canonicalize().ok()?;
        let inside = self.program.strip_prefix(releases).ok()?;
        let name = inside.components().next()?.as_os_str();
        Some(name.to_str()?.to_owned())
    }
}
