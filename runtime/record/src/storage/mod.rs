//! Where a recording's bytes go: the file system, or a stand-in that a test watches.
//!
//! A recorder only ever appends to a file, syncs it, cuts it back to a length it had before, and, where
//! not everything is kept, moves or removes it whole; these few calls are all that crash safety rests on, so tests trace them and inject failures.

mod file;
mod os;

use std::io;
use std::path::Path;

pub use file::FileSystem;
pub use os::free_space;

/// One open segment file.
pub trait Storage: Send {
    /// Appends all of `bytes`. After an error any part of them may have been written.
    ///
    /// # Errors
    /// What the system reports, such as a full disk.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Forces everything appended so far onto the disk; returns once it is there.
    ///
    /// # Errors
    /// What the system reports. Earlier appends may be lost then.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file back to `length` bytes.
    ///
    /// # Errors
    /// What the system reports.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

/// A place for segment files.
pub trait Disk: Send + Sync {
    /// Creates a new, empty file.
    ///
    /// # Errors
    /// What the system reports; [`io::ErrorKind::AlreadyExists`] when there is one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Storage>>;

    /// Gives a file another name in the same file system, in one step. A file that has the name is
    /// replaced.
    ///
    /// # Errors
    /// What the system reports.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// What the system reports.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the system reports.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Bytes left in the file system of a folder.
    ///
    /// # Errors
    /// What the system reports.
    fn free_space(&self, dir: &Path) -> io::Result<u64>;
}
