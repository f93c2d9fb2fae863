//! A disk that stands still when a test wants it to; the unit tests of `runtime/app` have this file too.

use drafthorse_record::storage::{Disk, FileSystem, Storage};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The file system, which a test can bring to a standstill.
#[derive(Clone, Default)]
pub struct StallingDisk {
    /// Nothing is written while this is set.
    pub stalled: Arc<AtomicBool>,
}

struct StallingFile {
    file: Box<dyn Storage>,
    stalled: Arc<AtomicBool>,
}

impl Disk for StallingDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Storage>> {
        Ok(Box::new(StallingFile {
            file: FileSystem.create(path)?,
            stalled: Arc::clone(&self.stalled),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FileSystem.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        FileSystem.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        FileSystem.sync_dir(dir)
    }

    fn free_space(&self, dir: &Path) -> io::Result<u64> {
        FileSystem.free_space(dir)
    }
}

impl Storage for StallingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        while self.stalled.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }
}
