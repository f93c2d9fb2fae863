//! Segment files in the file system.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::{Disk, Storage, os};

/// Written bytes after which the kernel is asked to begin writing back, so that the next
/// `fdatasync` finds little left to do.
const WRITE_BACK_BYTES: u64 = 4 << 20;

/// The operating system's files.
#[derive(Debug, Default, Clone, Copy)]
pub struct FileSystem;

struct SegmentFile {
    file: File,
    length: u64,
    handed_over: u64,
}

impl Disk for FileSystem {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Storage>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(SegmentFile {
            file,
            length: 0,
            handed_over: 0,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn free_space(&self, dir: &Path) -> io::Result<u64> {
        os::free_space(dir)
    }
}

impl Storage for SegmentFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        if self.length - self.handed_over >= WRITE_BACK_BYTES {
            os::begin_write_back(&self.file, self.handed_over, self.length - self.handed_over);
            self.handed_over = self.length;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.handed_over = self.length;
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        self.length = length;
        self.handed_over = self.handed_over.min(length);
        Ok(())
    }
}
