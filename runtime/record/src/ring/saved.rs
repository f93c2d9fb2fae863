//! What of the ring survives the process: windows, what is known of the segments on the disk, and which
//! were last dropped. It is written whole before anything it announces is done, so that a process that
//! is killed in between is followed by one that finishes it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::held::{Held, write};
use super::window::Window;
use crate::dropped::Dropped;
use crate::storage::Disk;

const STATE: &str = "state.json";
const DRAFT: &str = "state.draft";

/// The ring's state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) windows: Vec<Window>,
    pub(super) held: Vec<Held>,
    /// The last segments dropped of each log.
    pub(super) dropped: BTreeMap<String, Dropped>,
    /// The process ended as planned: what it had found out by then, it had asked for.
    #[serde(default)]
    pub(super) ended: bool,
}

impl Saved {
    /// The state in a ring's folder; an empty one where there is none.
    pub(super) fn load(place: &Path) -> Self {
        let Ok(text) = std::fs::read(place.join(STATE)) else {
            return Self::default();
        };
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::error!(
                "{} cannot be read ({error}): windows that an earlier run left open are unknown",
                place.join(STATE).display()
            );
            Self::default()
        })
    }

    pub(super) fn save(&self, disk: &dyn Disk, place: &Path, durable: bool) -> io::Result<()> {
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        let draft = place.join(DRAFT);
        disk.remove(&draft)?;
        write(disk, &draft, &text, durable)?;
        disk.rename(&draft, &place.join(STATE))?;
        match durable {
            true => disk.sync_dir(place),
            false => Ok(()),
        }
    }
}
