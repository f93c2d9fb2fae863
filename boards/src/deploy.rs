//! How releases live on a board.

use crate::error::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How releases live on a board. A first install writes these settings to the board, where they stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeployProfile {
    /// Folder of all releases on the board.
    pub root: PathBuf,
    /// Releases that are kept, the running one among them.
    pub keep: usize,
    /// Time within which a new release must perceive, s.
    pub health_s: u64,
    /// Command that restarts the service, without a password.
    pub restart: Vec<String>,
    /// Command that prints the service's messages.
    pub logs: Vec<String>,
    /// The file that the running service writes its state to each second.
    pub status: PathBuf,
}

impl Default for DeployProfile {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            root: "/opt/drafthorse".into(),
            keep: 3,
            health_s: 120,
            // The path unit that the installer puts in place restarts the service when this file changes.
            restart: words(&["touch", "/opt/drafthorse/restart"]),
            logs: words(&["journalctl", "--unit=drafthorse.service", "--no-pager"]),
            status: "/run/drafthorse/status.json".into(),
        }
    }
}

impl DeployProfile {
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if !self.root.is_absolute() || !self.status.is_absolute() {
            return Err(("deploy", "must have absolute paths for root and status"));
        }
        if self.keep < 2 {
            return Err((
                "deploy.keep",
                "must keep at least two releases, to go back to",
            ));
        }
        if self.health_s == 0 {
            return Err(("deploy.health_s", "must be a positive time"));
        }
        if self.restart.is_empty() {
            return Err(("deploy.restart", "must name a command"));
        }
        Ok(())
    }
}
