//! Packet captures (pcap and pcapng) to UDP payloads with their capture stamps.
//!
//! Link layers: Ethernet with VLAN tags, Linux cooked (SLL and SLL2), raw IP, BSD loopback.
//! IPv4 fragments are put together again; what was lost is counted. A truncated or corrupt capture
//! is read as far as it goes and then answers with a typed error.

mod blocks;
mod fragment;
mod link;
mod reader;
mod writer;

pub use fragment::FragmentLoss;
pub use reader::{CaptureCounts, CaptureReader, Datagram, UdpFilter};
pub use writer::{UdpPacket, ethernet_frames, write_pcap};

use thiserror::Error;

/// The longest capture record that is believed, bytes.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// Why a capture cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CaptureError {
    /// Neither pcap nor pcapng.
    #[error("this is neither a pcap nor a pcapng file")]
    NotACapture,
    /// A record's header is impossible.
    #[error("the capture is corrupt at byte {at}; everything before it was read")]
    Corrupt {
        /// Where.
        at: u64,
    },
    /// The capture ends inside a record.
    #[error("the capture ends inside a record at byte {at}; everything before it was read")]
    Truncated {
        /// Where the record begins.
        at: u64,
    },
}
