//! Sources: devices and recordings as streams of stamped raw messages.
//!
//! Every source fills a message that the caller owns, so that nothing is allocated after warm-up.
//! Recordings carry the stamps they were recorded with; devices are stamped on the vehicle clock
//! ([`vehicle_clock_ns`](crate::vehicle_clock_ns)), by the sensor itself where it says that it is
//! synchronised, by the kernel where the kernel stamps, and at receipt otherwise.

mod ars548_file;
mod ars548_pcap;
mod ars548_udp;
mod can_map;
mod can_socket;
mod candump;
mod faults;
mod jpeg_dir;
mod retry;
mod serial;
mod sync_serial;
mod ti_file;
mod ti_packets;
mod ti_serial;
#[cfg(feature = "v4l2")]
mod v4l2;
mod video;

pub use can_map::can_map;

use crate::uri::{Scheme, SourceUri, UriError};
use drafthorse_core::{Fault, RawMessage, SensorId};
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// What a [`Source::read`] gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// The message was filled.
    Message,
    /// A live source had nothing within the time given.
    Idle,
    /// The recording is over.
    End,
}

/// A stream of one sensor's raw messages.
pub trait Source: Send {
    /// Fills `into` with the next message, waiting at most about `timeout`; recordings never wait.
    ///
    /// `into.sequence` counts the source's messages from 0. What is lost on the way is not an
    /// error but a fault, see [`Source::take_faults`]; a device that vanished is waited for.
    ///
    /// # Errors
    /// [`SourceError`] where the source cannot go on: a recording that cannot be read further.
    fn read(
        &mut self,
        into: &mut RawMessage,
        timeout: Duration,
    ) -> Result<ReadOutcome, SourceError>;

    /// Appends what was lost or changed since the last call: bytes skipped, fragments missing,
    /// datagrams the kernel dropped, a device gone or come back.
    fn take_faults(&mut self, out: &mut Vec<Fault>);

    /// Part of the recording that was read, 0 to 1; `None` for devices.
    fn progress(&self) -> Option<f64>;
}

/// Why a source cannot be opened or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file, folder or device cannot be opened or read.
    #[error("cannot read {path}: {error}; check that it exists and that you may read it")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The recording is not what its URI says.
    #[error("{path} is not {expected}: {why}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What was found.
        why: String,
    },
    /// The recording is well-formed but uses what we do not read.
    #[error("{path}: {what}; {instead}")]
    Unsupported {
        /// Which file.
        path: PathBuf,
        /// What it uses.
        what: String,
        /// What to do.
        instead: &'static str,
    },
    /// The network socket cannot be set up.
    #[error("cannot listen on {endpoint}: {error}; check the address, the port and the interface")]
    Network {
        /// Group and port.
        endpoint: String,
        /// What the system says.
        error: io::Error,
    },
    /// The CAN mapping cannot be loaded.
    #[error("cannot load the CAN mapping `{name}`: {why}")]
    Map {
        /// The `map` option.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The URI itself is wrong.
    #[error(transparent)]
    Uri(#[from] UriError),
    /// Support was left out when this program was built.
    #[error(
        "this program was built without {scheme} support: build it with `--features {feature}`"
    )]
    NotBuilt {
        /// The scheme.
        scheme: Scheme,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// `mcap:` and `synth:` need other rooms; the application opens them.
    #[error("`{scheme}:` sources are opened by the drafthorse application, not as a single sensor")]
    Composed {
        /// The scheme.
        scheme: Scheme,
    },
}

impl SourceError {
    /// For `map_err`: a failed read of that path.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Read { path, error }
    }
}

#[cfg(not(feature = "v4l2"))]
const NO_V4L2: SourceError = SourceError::NotBuilt {
    scheme: Scheme::V4l2,
    feature: "v4l2",
};

/// Whether this program was built to read such sources.
///
/// # Errors
/// [`SourceError::NotBuilt`], which names the feature that is missing.
pub fn is_built(scheme: Scheme) -> Result<(), SourceError> {
    match scheme {
        #[cfg(not(feature = "v4l2"))]
        Scheme::V4l2 => Err(NO_V4L2),
        _ => Ok(()),
    }
}

/// Opens the source that `uri` names, for the sensor `sensor`.
///
/// `clock` gives the vehicle clock in nanoseconds; live sources stamp receipt with it where the
/// kernel does not. Pass [`vehicle_clock_ns`](crate::vehicle_clock_ns) outside tests.
///
/// # Errors
/// [`SourceError`]: a recording that is absent or not what the scheme says, a network address that
/// cannot be listened on. A serial port, CAN interface or camera that is absent is no error: it is
/// waited for and reported as lost. [`SourceError::Composed`] for `mcap:` and `synth:`.
pub fn open(
    uri: &SourceUri,
    sensor: SensorId,
    clock: fn() -> u64,
) -> Result<Box<dyn Source>, SourceError> {
    let scheme = uri.scheme();
    Ok(match scheme {
        Scheme::Ars548 => Box::new(ars548_file::Ars548File::open(uri, sensor)?),
        Scheme::Ars548Pcap => Box::new(ars548_pcap::Ars548Pcap::open(uri, sensor)?),
        Scheme::Ars548Udp => Box::new(ars548_udp::Ars548Udp::open(uri, sensor, clock)?),
        Scheme::Ti => Box::new(ti_file::TiFile::open(uri, sensor)?),
        Scheme::TiSerial => Box::new(ti_serial::TiSerial::open(uri, sensor, clock)?),
        Scheme::CanCandump => Box::new(candump::Candump::open(uri, sensor)?),
        Scheme::CanSocket => Box::new(can_socket::CanBus::open(uri, sensor, clock)?),
        Scheme::Video => Box::new(video::Video::open(uri, sensor)?),
        Scheme::Jpeg => Box::new(jpeg_dir::JpegDir::open(uri, sensor)?),
        #[cfg(feature = "v4l2")]
        Scheme::V4l2 => Box::new(v4l2::V4l2::open(uri, sensor, clock)?),
        #[cfg(not(feature = "v4l2"))]
        Scheme::V4l2 => return Err(NO_V4L2),
        Scheme::Sync => Box::new(sync_serial::SyncSerial::open(uri, sensor, clock)?),
        Scheme::Mcap | Scheme::Synth => return Err(SourceError::Composed { scheme }),
    })
}
