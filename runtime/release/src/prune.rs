//! Old releases go.

use crate::durable::{remove_folder, sync_folder};
use crate::error::ReleaseError;
use crate::root::Root;
use std::fs;
use std::time::SystemTime;

/// Removes the oldest releases beyond those to keep. The three that links point to stay.
pub(crate) fn prune(root: &Root) -> Result<(), ReleaseError> {
    let needed = [root.current(), root.confirmed(), root.previous()];
    let mut releases = root.installed();
    let installed_at = |id: &String| {
        let folder = fs::metadata(root.release(id));
        folder
            .and_then(|folder| folder.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH)
    };
    releases.sort_by_key(|id| std::cmp::Reverse((installed_at(id), id.clone())));
    let mut kept = 0;
    for id in releases {
        if needed.contains(&Some(id.clone())) || kept + 1 < root.deploy.keep {
            kept += 1;
            continue;
        }
        // Hidden first: half a release must not bear a name.
        let hidden = root.releases().join(format!(".{id}"));
        fs::rename(root.release(&id), &hidden).map_err(ReleaseError::io("rename", &hidden))?;
        sync_folder(&root.releases())?;
        remove_folder(&hidden)?;
    }
    Ok(())
}
