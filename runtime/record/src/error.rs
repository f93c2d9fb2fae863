//! What can go wrong, as sentences that say what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a recording cannot begin or take a channel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The flush interval is zero or above ten seconds.
    #[error("the flush interval {0:?} is not usable: choose more than zero and at most 10 s")]
    FlushInterval(Duration),
    /// The chunk size is out of range.
    #[error("chunks of {0} bytes are not usable: choose between 1 KiB and 256 MiB")]
    ChunkBytes(usize),
    /// The prefix cannot be part of a file name.
    #[error("{0:?} cannot name a log: choose a prefix that is not empty and has no slash")]
    Prefix(String),
    /// A segment of this name exists already.
    #[error("{0} exists already: choose another prefix or folder, logs are never overwritten")]
    Exists(PathBuf),
    /// Another process keeps windows of its recording in the same folder.
    #[error(
        "another run is recording into {0} and keeps only windows of it: choose another folder"
    )]
    Busy(PathBuf),
    /// MCAP has room for 65,535 channels and schemas.
    #[error("the log already has 65535 channels or schemas: use fewer")]
    TooManyChannels,
    /// The operating system refused.
    #[error("cannot {doing} {path}: {reason}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's answer.
        reason: io::Error,
    },
}

/// Why a log cannot be read at all. A damaged log is no error: see [`crate::Damage`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read {path}: {reason}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        reason: io::Error,
    },
    /// The file does not begin like an MCAP file.
    #[error("{0} is not an MCAP file: name a log, or a folder of its segments")]
    NotMcap(PathBuf),
    /// The folder holds no log.
    #[error("{0} holds no .mcap file: name a log, or the folder of its segments")]
    Empty(PathBuf),
    /// The folder holds segments of more than one log.
    #[error("{path} holds several logs ({}): name one, as {path}/{}", .names.join(", "), .names.first().map_or("NAME", String::as_str))]
    Several {
        /// The folder.
        path: PathBuf,
        /// The logs' names, without segment number.
        names: Vec<String>,
    },
}

/// Why a log could not be recovered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The input cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The output exists already.
    #[error("{0} exists already: name an output that does not")]
    Exists(PathBuf),
    /// The output cannot be written.
    #[error("cannot write {path}: {reason}")]
    Write {
        /// The output.
        path: PathBuf,
        /// The system's answer.
        reason: io::Error,
    },
}

impl RecordError {
    pub(crate) fn io(doing: &'static str, path: &Path, reason: io::Error) -> Self {
        if reason.kind() == io::ErrorKind::AlreadyExists {
            return Self::Exists(path.to_owned());
        }
        let path = path.to_owned();
        Self::Io {
            doing,
            path,
            reason,
        }
    }
}

impl ReadError {
    pub(crate) fn io(path: &Path, reason: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, reason }
    }
}
