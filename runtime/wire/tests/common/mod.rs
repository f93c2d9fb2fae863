//! Where the real recordings are.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stdout)]

use std::path::PathBuf;

/// The bytes of a recording, or `None` with a line that says so.
pub(crate) fn recording(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("DRAFTHORSE_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: {} is not there", path.display());
    }
    bytes
}

/// A recording as text.
pub(crate) fn recorded_text(name: &str) -> Option<String> {
    recording(name).map(|bytes| String::from_utf8(bytes).unwrap())
}
