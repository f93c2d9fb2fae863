//! What can go wrong with a release, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a step of a release did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The folder of releases was never prepared.
    #[error("{} is not a folder of releases: {why}; run the installer, or deploy with --first-install", root.display())]
    NotARoot {
        /// The folder.
        root: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
    /// No key is trusted here.
    #[error("no key is trusted on this device: put the public key into {}", folder.display())]
    NoKeys {
        /// Where trusted keys lie.
        folder: PathBuf,
    },
    /// A key's file cannot be read as one.
    #[error("{} is not a minisign public key: {why}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Signed by nobody who is trusted here, or changed after signing.
    #[error(
        "the manifest's signature is not by a key that this device trusts, or the manifest was changed: {why}; sign the bundle with the fleet's key"
    )]
    Untrusted {
        /// What the verification said.
        why: String,
    },
    /// The manifest is not one.
    #[error("the manifest cannot be used: {0}; build the bundle again")]
    Manifest(String),
    /// Made for another board.
    #[error(
        "the bundle is for the board {bundle}, this device is {device}; deploy the bundle of this board"
    )]
    WrongBoard {
        /// The bundle's board.
        bundle: String,
        /// This device's.
        device: String,
    },
    /// Made for another processor.
    #[error("the bundle's program is for {bundle}, this device's processor is {device}")]
    WrongArchitecture {
        /// The bundle's.
        bundle: String,
        /// This device's.
        device: String,
    },
    /// There is no room.
    #[error(
        "{needed_mib} MiB are needed and {free_mib} MiB are free on the device; remove logs, or keep fewer releases"
    )]
    NoRoom {
        /// What the release takes, with its chunks.
        needed_mib: u64,
        /// What there is.
        free_mib: u64,
    },
    /// Chunks are missing.
    #[error("{missing} of {wanted} chunks of {id} have not arrived; deploy it again")]
    Incomplete {
        /// The release.
        id: String,
        /// How many.
        missing: usize,
        /// Of how many.
        wanted: usize,
    },
    /// What came is not what was said.
    #[error("a chunk that came is not the one it should be ({0}); deploy it again")]
    WrongChunk(String),
    /// The stream of chunks ended too early, or is no such stream.
    #[error("the transfer broke off: {0}; deploy it again, what has arrived is not sent again")]
    BrokenTransfer(String),
    /// A release that lies here is damaged.
    #[error("release {id} is damaged: {what}; deploy it again")]
    Damaged {
        /// Which.
        id: String,
        /// How.
        what: String,
    },
    /// The new program does not start.
    #[error("the program of release {id} does not start on this device: {why}")]
    DoesNotStart {
        /// Which.
        id: String,
        /// What happened.
        why: String,
    },
    /// There is no such release here.
    #[error("there is no release {id} on this device; there are: {known}")]
    NoSuchRelease {
        /// The name asked for.
        id: String,
        /// Those that are installed.
        known: String,
    },
    /// Nothing to go back to.
    #[error("there is no earlier release to go back to")]
    NothingBefore,
    /// Another step is being done.
    #[error(
        "another installation or activation is going on; wait for it (`release status` says which)"
    )]
    Busy,
    /// The service could not be restarted.
    #[error("the service was not restarted: {0}")]
    Restart(String),
}

impl ReleaseError {
    /// For `map_err`: the system refused to do `what` with `path`.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
