//! Captures from datagrams, for tests: nanosecond pcap, Ethernet, IPv4, fragmented by an MTU; and the
//! frames alone, for a simulated sensor.

use etherparse::PacketBuilder;

/// A datagram to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpPacket<'a> {
    /// Capture stamp, ns; each fragment gets a microsecond more than the one before.
    pub ns: u64,
    /// Sender.
    pub source: ([u8; 4], u16),
    /// Destination.
    pub destination: ([u8; 4], u16),
    /// IPv4 identification, shared by the fragments.
    pub id: u16,
    /// The payload.
    pub payload: &'a [u8],
}

/// Payload bytes of IPv4 fragments but the last: a multiple of eight that fits Ethernet's 1,500.
const FRAGMENT_BYTES: usize = 1_480;
const IPV4_BYTES: usize = 20;
const ETHERNET_BYTES: usize = 14;

/// A pcap file with those datagrams, fragmented as an Ethernet of MTU 1,500 would. `order` may
/// reorder, repeat or remove the captured packets; each is a stamp in ns and an Ethernet frame.
/// `None` where a payload is longer than IPv4 can carry.
#[must_use]
pub fn write_pcap(
    packets: &[UdpPacket<'_>],
    order: impl FnOnce(&mut Vec<(u64, Vec<u8>)>),
) -> Option<Vec<u8>> {
    let mut frames = Vec::new();
    for packet in packets {
        frames.extend(ethernet_frames(packet)?);
    }
    order(&mut frames);
    let mut out = Vec::new();
    for word in [0xA1B2_3C4D_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for (ns, frame) in &frames {
        let length = u32::try_from(frame.len()).ok()?;
        let seconds = u32::try_from(ns / 1_000_000_000).ok()?;
        for word in [seconds, (ns % 1_000_000_000) as u32, length, length] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(frame);
    }
    Some(out)
}

/// The Ethernet frames of a datagram, fragmented as by an MTU of 1,500, each with its stamp in ns.
/// `None` where the payload is longer than IPv4 can carry.
#[must_use]
pub fn ethernet_frames(packet: &UdpPacket<'_>) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut frames = Vec::new();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [1, 0, 0x5E, 0, 2, 2])
        .ipv4(packet.source.0, packet.destination.0, 64)
        .udp(packet.source.1, packet.destination.1);
    let mut whole = Vec::with_capacity(builder.size(packet.payload.len()));
    builder.write(&mut whole, packet.payload).ok()?;
    let (header, body) = whole.split_at_checked(ETHERNET_BYTES + IPV4_BYTES)?;
    let pieces = body.len().div_ceil(FRAGMENT_BYTES);
    for (index, piece) in body.chunks(FRAGMENT_BYTES).enumerate() {
        let mut frame = header.to_vec();
        let more = index + 1 < pieces;
        let offset = u16::try_from(index * FRAGMENT_BYTES / 8).ok()?;
        let ip = frame.get_mut(ETHERNET_BYTES..)?;
        let length = u16::try_from(IPV4_BYTES + piece.len()).ok()?;
        ip.get_mut(2..4)?.copy_from_slice(&length.to_be_bytes());
        ip.get_mut(4..6)?.copy_from_slice(&packet.id.to_be_bytes());
        let flags = u16::from(more) << 13 | offset;
        ip.get_mut(6..8)?.copy_from_slice(&flags.to_be_bytes());
        ip.get_mut(10..12)?.copy_from_slice(&[0, 0]);
        let sum = checksum(ip);
        ip.get_mut(10..12)?.copy_from_slice(&sum.to_be_bytes());
        frame.extend_from_slice(piece);
        frames.push((packet.ns + 1_000 * index as u64, frame));
    }
    Some(frames)
}

/// The internet checksum of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let (pairs, _) = bytes.as_chunks::<2>();
    let mut sum: u32 = pairs
        .iter()
        .map(|pair| u32::from(u16::from_be_bytes(*pair)))
        .sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}
