//! Bytes of a log: a file behind a buffer, or memory.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use crate::error::ReadError;

/// Large enough that small records cost no system call each.
const BUFFER_BYTES: usize = 256 << 10;

pub(crate) trait Bytes: Read + Seek + Send {}
impl<T: Read + Seek + Send> Bytes for T {}

/// An open log and how long it was when opened.
pub(crate) struct Source {
    pub(super) bytes: Box<dyn Bytes>,
    pub(super) length: u64,
    pub(super) path: PathBuf,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, ReadError> {
        let failed = |error| ReadError::io(path, error);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok(Self {
            bytes: Box::new(BufReader::with_capacity(BUFFER_BYTES, file)),
            length,
            path: path.to_owned(),
        })
    }

    pub(crate) fn memory(bytes: Vec<u8>) -> Self {
        Self {
            length: bytes.len() as u64,
            bytes: Box::new(Cursor::new(bytes)),
            path: PathBuf::from("memory"),
        }
    }
}
