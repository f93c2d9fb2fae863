//! One segment in the ring: its bytes in memory or in a file, and what is known of it once it is closed.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::dropped::Dropped;
use crate::storage::{Disk, Storage};

/// A closed segment that waits to be kept or dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    /// Name of its log.
    pub(super) log: String,
    pub(super) number: u32,
    /// Smallest and largest log time of its messages.
    pub(super) from_ns: u64,
    pub(super) to_ns: u64,
    pub(super) messages: u64,
    /// Length of its file.
    pub(super) bytes: u64,
    /// Its bytes, where they are in memory alone.
    #[serde(skip)]
    pub(super) memory: Option<Vec<u8>>,
    /// The ring's clock when the segment after it began; none yet.
    #[serde(skip)]
    pub(super) followed_ns: Option<u64>,
}

impl Held {
    pub(super) fn as_dropped(&self) -> Dropped {
        Dropped {
            first_segment: self.number,
            last_segment: self.number,
            messages: self.messages,
            bytes: self.bytes,
            from_ns: self.from_ns,
            to_ns: self.to_ns,
        }
    }
}

enum Place {
    Memory(Vec<u8>),
    File(Box<dyn Storage>),
}

/// Where the open segment's bytes go. The writer has one clone, the ring another, with which it brings
/// what is in memory to the disk.
#[derive(Clone)]
pub(super) struct OpenBytes(Arc<Mutex<Place>>);

impl OpenBytes {
    pub(super) fn in_memory() -> Self {
        Self(Arc::new(Mutex::new(Place::Memory(Vec::new()))))
    }

    pub(super) fn in_file(file: Box<dyn Storage>) -> Self {
        Self(Arc::new(Mutex::new(Place::File(file))))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Place) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes that are in memory alone.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.with(|place| match place {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::File(_) => 0,
        })
    }

    pub(super) fn is_in_memory(&self) -> bool {
        self.with(|place| matches!(place, Place::Memory(_)))
    }

    /// Goes on in a file.
    pub(super) fn spill(&self, disk: &dyn Disk, path: &Path, durable: bool) -> io::Result<()> {
        self.with(|place| {
            if let Place::Memory(bytes) = place {
                *place = Place::File(write(disk, path, bytes, durable)?);
            }
            Ok(())
        })
    }

    /// The bytes, where they are in memory; nothing more is written to them.
    pub(super) fn take(self) -> Option<Vec<u8>> {
        self.with(|place| match place {
            Place::Memory(bytes) => Some(std::mem::take(bytes)),
            Place::File(_) => None,
        })
    }
}

/// Writes a file with these bytes.
pub(super) fn write(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
    durable: bool,
) -> io::Result<Box<dyn Storage>> {
    let mut file = disk.create(path)?;
    file.append(bytes)?;
    if durable {
        file.sync()?;
    }
    Ok(file)
}

impl Storage for OpenBytes {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.with(|place| match place {
            Place::Memory(memory) => {
                memory.extend_from_slice(bytes);
                Ok(())
            }
            Place::File(file) => file.append(bytes),
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.with(|place| match place {
            Place::Memory(_) => Ok(()),
            Place::File(file) => file.sync(),
        })
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.with(|place| match place {
            Place::Memory(memory) => {
                memory.truncate(length as usize);
                Ok(())
            }
            Place::File(file) => file.truncate(length),
        })
    }
}
