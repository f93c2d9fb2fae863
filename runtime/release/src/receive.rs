//! Chunks arrive, each checked before it is put down.

use crate::error::ReleaseError;
use crate::frames::FrameReader;
use crate::manifest::{MANIFEST, Manifest};
use crate::root::Root;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Read;

/// What has arrived.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Received {
    /// Chunks.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Takes a stream of chunks for the release whose offer was taken. Chunks that arrived stay,
/// whatever happens to the rest.
///
/// # Errors
/// [`ReleaseError::BrokenTransfer`], [`ReleaseError::WrongChunk`] and what the system reports.
pub fn receive(root: &Root, id: &str, stream: impl Read) -> Result<Received, ReleaseError> {
    let _lock = root.lock()?;
    let folder = root.incoming(id);
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(ReleaseError::io("read", &path))?;
    let wanted = Manifest::parse(&text)?.distinct_chunks();
    let mut frames = FrameReader::new(stream);
    let mut received = Received::default();
    while let Some((digest, chunk)) = frames.next(|digest| wanted.get(digest).copied())? {
        // Not synced: what the disk makes of it is checked again when the release is put together.
        let path = folder.join(digest.to_string());
        fs::write(&path, &chunk).map_err(ReleaseError::io("write", &path))?;
        received.chunks += 1;
        received.bytes += chunk.len() as u64;
    }
    Ok(received)
}
