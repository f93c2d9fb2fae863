//! Which chunks of a release a device has already: in the releases that lie there, and among what
//! has arrived.

use crate::digest::Digest;
use crate::error::ReleaseError;
use crate::manifest::Manifest;
use crate::root::Root;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// Where the bytes of a chunk lie.
struct Place {
    file: PathBuf,
    offset: u64,
}

/// The chunks that a device may have.
pub(crate) struct Chunks(BTreeMap<Digest, Place>);

impl Chunks {
    /// Looks through the installed releases and what has arrived of `wanted`.
    pub(crate) fn find(root: &Root, wanted: &Manifest) -> Self {
        let mut found = BTreeMap::new();
        for id in root.installed() {
            // A damaged release has nothing to give.
            let Ok(manifest) = root.manifest(&id) else {
                continue;
            };
            for entry in &manifest.files {
                let mut offset = 0;
                for chunk in &entry.chunks {
                    let file = root.release(&id).join(&entry.path);
                    found.insert(chunk.sha256, Place { file, offset });
                    offset += u64::from(chunk.size);
                }
            }
        }
        let arrived = root.incoming(&wanted.id);
        for digest in wanted.distinct_chunks().into_keys() {
            let file = arrived.join(digest.to_string());
            if file.is_file() {
                found.insert(digest, Place { file, offset: 0 });
            }
        }
        Self(found)
    }

    /// A chunk's bytes, checked; none where it is not here or damaged.
    pub(crate) fn read(&self, digest: &Digest, size: u32) -> Option<Vec<u8>> {
        let place = self.0.get(digest)?;
        let mut bytes = vec![0; size as usize];
        let file = File::open(&place.file).ok()?;
        file.read_exact_at(&mut bytes, place.offset).ok()?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    /// The chunks of a release that are not here, each once with its size.
    pub(crate) fn missing(&self, wanted: &Manifest) -> BTreeMap<Digest, u32> {
        let mut missing = wanted.distinct_chunks();
        missing.retain(|digest, size| self.read(digest, *size).is_none());
        missing
    }
}

/// Removes what has arrived of all releases but this one.
pub(crate) fn forget_others(root: &Root, id: Option<&str>) -> Result<(), ReleaseError> {
    let folder = root.path().join("incoming");
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        if id.is_none_or(|id| entry.file_name() != id) {
            crate::durable::remove_folder(&entry.path())?;
        }
    }
    Ok(())
}
