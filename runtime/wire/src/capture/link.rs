//! From a captured packet to the IPv4 or IPv6 packet in it.

use crate::bytes::array;
use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket};

/// The network layer of a packet.
pub(super) fn network(link: i32, packet: &[u8]) -> Option<LaxNetSlice<'_>> {
    const ETHERNET: i32 = 1;
    const LOOPBACK: [i32; 2] = [0, 108];
    const RAW: [i32; 5] = [12, 14, 101, 228, 229];
    const SLL: i32 = 113;
    const SLL2: i32 = 276;
    if link == ETHERNET {
        return LaxSlicedPacket::from_ethernet(packet).ok()?.net;
    }
    if RAW.contains(&link) {
        return LaxSlicedPacket::from_ip(packet).ok()?.net;
    }
    if LOOPBACK.contains(&link) {
        return LaxSlicedPacket::from_ip(packet.get(4..)?).ok()?.net;
    }
    let (protocol_at, header_bytes) = match link {
        SLL => (14, 16),
        SLL2 => (0, 20),
        _ => return None,
    };
    let protocol = u16::from_be_bytes(array(packet, protocol_at)?);
    LaxSlicedPacket::from_ether_type(EtherType(protocol), packet.get(header_bytes..)?).net
}
