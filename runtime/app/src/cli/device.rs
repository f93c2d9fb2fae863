//! Words of `release` and `doctor`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `release`.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// Folder of all releases.
    #[arg(long, value_name = "DIR", default_value = "/opt/drafthorse")]
    pub root: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: ReleaseCommand,
}

/// Commands of `release`.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Say what is installed, what runs, what is trusted.
    Status {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Take the offer of a release from standard input, and say which of its chunks are missing.
    Begin,
    /// Take chunks of an offered release from standard input.
    Receive {
        /// The release.
        id: String,
    },
    /// Put an offered release together beside the others, verified and on the disk.
    Install {
        /// The release.
        id: String,
    },
    /// Let the service run an installed release; go back by itself where it does not perceive.
    Activate {
        /// The release.
        id: String,
    },
    /// Let the service run the release before the present one, in the same way.
    Rollback,
    /// Undo a trial that nobody watches any more; for the timer and the boot of the device.
    Settle {
        /// At boot, before the service is started: do not restart it.
        #[arg(long)]
        boot: bool,
    },
    /// Check each byte of an installed release and its signature.
    Verify {
        /// The release; the one that runs where absent.
        id: Option<String>,
    },
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Profile to compare this machine with; found by the device tree's model where absent.
    #[arg(long, value_name = "NAME")]
    pub board: Option<String>,
    /// Folder whose disk is examined.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub disk: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}
