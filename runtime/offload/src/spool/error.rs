use std::io;
use std::path::PathBuf;

use drafthorse_protocol::BlockId;

/// Why the spool could not do something. What was on the disk before is there still.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The spool's bound is reached by blocks that are worth more.
    #[error(
        "the spool is full of blocks that are worth more; raise its bound or wait for the link"
    )]
    Full,
    /// The payload alone is above the spool's bound, or too large for any.
    #[error("a block of {0} bytes does not fit into the spool")]
    TooLarge(usize),
    /// The disk has no room.
    #[error("the disk of the spool is full; make room in or around {folder}")]
    DiskFull {
        /// The spool's folder.
        folder: PathBuf,
    },
    /// The block is there, or was and is settled.
    #[error("block {0} was given before")]
    Known(BlockId),
    /// The block is not there: never stored, given up, or settled.
    #[error("block {0} is not in the spool")]
    Unknown(BlockId),
    /// The block has a verdict already.
    #[error("block {0} has its verdict already")]
    HasVerdict(BlockId),
    /// The payload file is not what was written.
    #[error("the payload of block {0} is damaged")]
    Damaged(BlockId),
    /// Another process has the spool open.
    #[error("the spool {0} is open in another process")]
    InUse(PathBuf),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was done to which file.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The index could not be read or written.
    #[error("index of the spool: {0}")]
    Index(Box<redb::Error>),
}

/// Whether the system says that there is no room.
pub(super) fn no_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
