//! The record of choices: a file a model, so that the next run takes the same engine without asking.

use crate::choice::Choice;
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn path(cache: &Path, model: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = model.chars().map(plain).collect();
    cache.join(format!("engine-{name}.json"))
}

/// The recorded choice for that key; none where the record is absent, damaged or of another key.
pub(crate) fn find(cache: &Path, model: &str, key: &str) -> Option<Choice> {
    let bytes = std::fs::read(path(cache, model)).ok()?;
    let choice: Choice = serde_json::from_slice(&bytes).ok()?;
    (choice.key == key && choice.model == model).then_some(choice)
}

/// Removes the record of a model, so that its next choice is measured anew.
pub fn forget(cache: &Path, model: &str) {
    // Where there is none, all is as asked.
    let _ = std::fs::remove_file(path(cache, model));
}

/// Records a choice. A record that cannot be written costs the next run another test, no more.
pub(crate) fn keep(cache: &Path, choice: &Choice) {
    let path = path(cache, &choice.model);
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
