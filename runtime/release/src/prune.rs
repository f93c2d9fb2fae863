//! Old releases go.

use crate::durable::{remove_folder, sync_folder};
use crate::error::ReleaseError;
use crate::root::Root;
use std::fs;
use std::time::SystemTime;

/// Removes the oldest releases beyond those to keep. Those that links point to stay, and count.
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
    let is_needed = |id: &String| needed.contains(&Some(id.clone()));
    let (needed, spare): (Vec<_>, Vec<_>) = releases.into_iter().partition(is_needed);
    for id in spare
        .into_iter()
        .skip(root.deploy.keep.saturating_sub(needed.len()))
    {
        // Hidden first: half a release must not bear a name.
        let hidden = root.releases().join(format!(".{id}"));
        fs::rename(root.release(&id), &hidden).map_err(ReleaseError::io("rename", &hidden))?;
        sync_folder(&root.releases())?;
        remove_folder(&hidden)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::MANIFEST;
    use std::time::Duration;

    #[test]
    fn as_many_stay_as_are_to_be_kept_and_never_fewer_than_are_needed() {
        for (keep, left) in [
            (2, &["a", "d"][..]),
            (3, &["a", "c", "d"]),
            (4, &["a", "b", "c", "d"]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let device = format!(
                "board = \"host\"\n[deploy]\nroot = \"/nowhere\"\nkeep = {keep}\nrestart = [\"true\"]\n"
            );
            fs::write(folder.path().join("device.toml"), device).unwrap();
            let root = Root::open(folder.path()).unwrap();
            for (age_s, id) in (0..).zip(["d", "c", "b", "a"]) {
                fs::create_dir(root.release(id)).unwrap();
                fs::write(root.release(id).join(MANIFEST), "").unwrap();
                let installed = SystemTime::now() - Duration::from_secs(age_s);
                let release = fs::File::open(root.release(id)).unwrap();
                release.set_modified(installed).unwrap();
            }
            // The oldest is the one to go back to.
            root.point("current", "d").unwrap();
            root.point("confirmed", "d").unwrap();
            root.point("previous", "a").unwrap();
            prune(&root).unwrap();
            assert_eq!(root.installed(), left, "keep {keep}");
        }
    }
}
