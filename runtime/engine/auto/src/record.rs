//! The record of choices: a file a model, so that the next run takes the same engine without asking.

use crate::choice::Choice;
use drafthorse_engine::Manifest;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Digits of the hash in a record's name.
const DIGITS: usize = 12;

/// `engine-NAME-HASH.json`: the name is for people, and the hash of the manifest, which holds the hashes of
/// the files, tells models of one name apart, as a float model and its copy in 8 bits.
fn path(cache: &Path, manifest: &Manifest) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = manifest.name.chars().map(plain).collect();
    // A manifest is plain data, which JSON can always hold.
    let said = serde_json::to_vec(manifest).unwrap_or_default();
    let hash = format!("{:x}", Sha256::digest(said));
    cache.join(format!("engine-{name}-{}.json", &hash[..DIGITS]))
}

/// The recorded choice for that key; none where the record is absent, damaged or of another key.
pub(crate) fn find(cache: &Path, manifest: &Manifest, key: &str) -> Option<Choice> {
    let bytes = std::fs::read(path(cache, manifest)).ok()?;
    let choice: Choice = serde_json::from_slice(&bytes).ok()?;
    (choice.key == key && choice.model == manifest.name).then_some(choice)
}

/// Removes the record of a model, so that its next choice is measured anew.
pub fn forget(cache: &Path, manifest: &Manifest) {
    // Where there is none, all is as asked.
    let _ = std::fs::remove_file(path(cache, manifest));
}

/// Records a choice. A record that cannot be written costs the next run another test, no more.
pub(crate) fn keep(cache: &Path, manifest: &Manifest, choice: &Choice) {
    let path = path(cache, manifest);
    if let Err(error) = write(cache, &path, choice) {
        tracing::warn!(
            "the choice of an engine could not be recorded in {}: {error}",
            path.display()
        );
    }
}

/// Whole or not at all.
fn write(cache: &Path, path: &Path, choice: &Choice) -> std::io::Result<()> {
    std::fs::create_dir_all(cache)?;
    let new = path.with_extension("new");
    let mut file = std::fs::File::create(&new)?;
    serde_json::to_writer_pretty(&mut file, choice)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(new, path)
}
