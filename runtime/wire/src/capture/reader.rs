//! The whole way from capture bytes in arbitrary pieces to UDP payloads.

use super::CaptureError;
use super::blocks::{Format, Step};
use super::fragment::{Fragment, FragmentLoss, Key, Reassembly};
use super::link::network;
use etherparse::{LaxNetSlice, UdpSlice, ip_number};
use std::net::IpAddr;

/// Which datagrams are wanted; `None` accepts any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpFilter {
    /// Destination address, for example a multicast group.
    pub destination: Option<IpAddr>,
    /// Destination port.
    pub port: Option<u16>,
}

/// One UDP payload, reused from call to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Capture stamp of the (last) packet that brought it, ns.
    pub ns: u64,
    /// Sender's address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Sender's port.
    pub source_port: u16,
    /// Destination port.
    pub port: u16,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Default for Datagram {
    fn default() -> Self {
        let nowhere = IpAddr::from([0, 0, 0, 0]);
        Self {
            ns: 0,
            source: nowhere,
            destination: nowhere,
            source_port: 0,
            port: 0,
            payload: Vec::new(),
        }
    }
}

/// What a capture held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureCounts {
    /// Packets.
    pub packets: u64,
    /// Datagrams given out.
    pub datagrams: u64,
    /// Packets of other protocols, addresses or ports.
    pub others: u64,
    /// Packets of which the capture kept only a part, or whose lengths contradict each other.
    pub cut: u64,
    /// Datagrams lost for want of fragments.
    pub fragments: FragmentLoss,
}

/// Reads a capture that arrives in pieces.
///
/// Push bytes, take datagrams until there is none, push more; then [`CaptureReader::finish`].
#[derive(Clone, Debug, Default)]
pub struct CaptureReader {
    filter: UdpFilter,
    format: Format,
    pending: Vec<u8>,
    /// Bytes of `pending` already used.
    used: usize,
    /// Bytes used before `pending` began.
    before: u64,
    reassembly: Reassembly,
    assembled: Vec<u8>,
    counts: CaptureCounts,
    failed: Option<CaptureError>,
}

impl CaptureReader {
    /// A reader at the start of a capture.
    #[must_use]
    pub fn new(filter: UdpFilter) -> Self {
        Self {
            filter,
            ..Self::default()
        }
    }

    /// Takes the next piece of the capture.
    pub fn push(&mut self, piece: &[u8]) {
        self.pending.drain(..self.used);
        self.before += self.used as u64;
        self.used = 0;
        if self.failed.is_none() {
            self.pending.extend_from_slice(piece);
        }
    }

    /// What was read so far.
    #[must_use]
    pub fn counts(&self) -> CaptureCounts {
        CaptureCounts {
            fragments: self.reassembly.loss,
            ..self.counts
        }
    }

    /// The next wanted datagram into `out`; false where more bytes are needed.
    ///
    /// # Errors
    /// The capture cannot be read any further; the same error comes back on every later call.
    pub fn next_datagram(&mut self, out: &mut Datagram) -> Result<bool, CaptureError> {
        loop {
            if let Some(error) = &self.failed {
                return Err(error.clone());
            }
            let at = self.before + self.used as u64;
            let bytes = self.pending.get(self.used..).unwrap_or_default();
            let step = match self.format.step(bytes, at) {
                Ok(step) => step,
                Err(error) => {
                    self.failed = Some(error.clone());
                    return Err(error);
                }
            };
            match step {
                Step::More => return Ok(false),
                Step::Skip(used) => self.used += used,
                Step::Packet {
                    used,
                    ns,
                    link,
                    data,
                    cut,
                } => {
                    let packet = bytes.get(data).unwrap_or_default();
                    self.counts.packets += 1;
                    let found = if cut {
                        Err(Miss::Cut)
                    } else {
                        extract(
                            packet,
                            link,
                            ns,
                            &mut self.reassembly,
                            &mut self.assembled,
                            out,
                        )
                    };
                    self.used += used;
                    match found {
                        Ok(()) if self.filter.wants(out) => {
                            self.counts.datagrams += 1;
                            return Ok(true);
                        }
                        Ok(()) | Err(Miss::Other) => self.counts.others += 1,
                        Err(Miss::Cut) => self.counts.cut += 1,
                        Err(Miss::Fragment) => {}
                    }
                }
            }
        }
    }

    /// The capture has ended: unfinished datagrams are counted as lost.
    ///
    /// # Errors
    /// [`CaptureError::Truncated`] where bytes of an unfinished record are left over, or the error
    /// that stopped the reading before.
    pub fn finish(&mut self) -> Result<CaptureCounts, CaptureError> {
        self.reassembly.finish();
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let at = self.before + self.used as u64;
        let left = self.pending.len() - self.used;
        let error = match (&self.format, left) {
            (Format::Unknown, _) => CaptureError::NotACapture,
            (_, 0) => return Ok(self.counts()),
            _ => CaptureError::Truncated { at },
        };
        self.failed = Some(error.clone());
        Err(error)
    }
}

impl UdpFilter {
    fn wants(&self, datagram: &Datagram) -> bool {
        self.destination
            .is_none_or(|wanted| wanted == datagram.destination)
            && self.port.is_none_or(|wanted| wanted == datagram.port)
    }
}

/// Why a packet gives no datagram.
enum Miss {
    /// Another protocol.
    Other,
    /// The packet is not all there.
    Cut,
    /// A fragment that completes nothing.
    Fragment,
}

fn extract(
    packet: &[u8],
    link: i32,
    ns: u64,
    reassembly: &mut Reassembly,
    assembled: &mut Vec<u8>,
    out: &mut Datagram,
) -> Result<(), Miss> {
    let net = network(link, packet).ok_or(Miss::Other)?;
    let (source, destination) = match &net {
        LaxNetSlice::Ipv4(ip) => (
            IpAddr::V4(ip.header().source_addr()),
            IpAddr::V4(ip.header().destination_addr()),
        ),
        LaxNetSlice::Ipv6(ip) => (
            IpAddr::V6(ip.header().source_addr()),
            IpAddr::V6(ip.header().destination_addr()),
        ),
        LaxNetSlice::Arp(_) => return Err(Miss::Other),
    };
    let payload = net.ip_payload_ref().ok_or(Miss::Other)?;
    if payload.ip_number != ip_number::UDP {
        return Err(Miss::Other);
    }
    if payload.incomplete {
        return Err(Miss::Cut);
    }
    let bytes = match &net {
        LaxNetSlice::Ipv4(ip) if ip.header().is_fragmenting_payload() => {
            let header = ip.header();
            let fragment = Fragment {
                key: Key {
                    source: header.source(),
                    destination: header.destination(),
                    protocol: header.protocol().0,
                    id: header.identification(),
                },
                offset: usize::from(header.fragments_offset().byte_offset()),
                more: header.more_fragments(),
                ns,
                data: payload.payload,
            };
            if !reassembly.add(&fragment, assembled) {
                return Err(Miss::Fragment);
            }
            assembled.as_slice()
        }
        _ if payload.fragmented => return Err(Miss::Other),
        _ => payload.payload,
    };
    let udp = UdpSlice::from_slice(bytes).map_err(|_| Miss::Cut)?;
    out.ns = ns;
    out.source = source;
    out.destination = destination;
    out.source_port = udp.source_port();
    out.port = udp.destination_port();
    out.payload.clear();
    out.payload.extend_from_slice(udp.payload());
    Ok(())
}
