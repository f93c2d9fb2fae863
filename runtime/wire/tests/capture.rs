//! Captures: link layers, fragments in any order, losses, cuts.
#![allow(clippy::unwrap_used)]

use drafthorse_wire::capture::{
    CaptureCounts, CaptureError, CaptureReader, Datagram, UdpFilter, UdpPacket, write_pcap,
};
use proptest::prelude::*;
use std::net::IpAddr;

const GROUP: [u8; 4] = [224, 0, 2, 2];
const PORT: u16 = 42_102;

fn packet(id: u16, ns: u64, payload: &[u8]) -> UdpPacket<'_> {
    UdpPacket {
        ns,
        source: ([10, 13, 1, 113], 42_101),
        destination: (GROUP, PORT),
        id,
        payload,
    }
}

fn payload(bytes: usize, seed: u8) -> Vec<u8> {
    (0..bytes)
        .map(|index| (index * 31 + index / 256) as u8 ^ seed)
        .collect()
}

fn read(
    bytes: &[u8],
    filter: UdpFilter,
    piece: usize,
) -> (Vec<Datagram>, Result<CaptureCounts, CaptureError>) {
    let mut reader = CaptureReader::new(filter);
    let (mut all, mut one) = (Vec::new(), Datagram::default());
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        while reader.next_datagram(&mut one) == Ok(true) {
            all.push(one.clone());
        }
    }
    (all, reader.finish())
}

fn all_udp() -> UdpFilter {
    UdpFilter::default()
}

#[test]
fn a_detection_list_in_24_fragments_comes_back() {
    let (first, second) = (payload(35_336, 0), payload(9_401, 7));
    let packets = [
        packet(1, 1_000_000_000, &first),
        packet(2, 1_050_000_123, &second),
    ];
    let file = write_pcap(&packets, |frames| assert_eq!(frames.len(), 24 + 7)).unwrap();
    let (all, counts) = read(&file, all_udp(), 1_000);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].payload, first);
    assert_eq!(all[0].ns, 1_000_023_000, "the stamp of the last fragment");
    assert_eq!(
        (all[1].payload.as_slice(), all[1].ns),
        (second.as_slice(), 1_050_006_123)
    );
    assert_eq!(all[0].destination, IpAddr::from(GROUP));
    assert_eq!((all[0].source_port, all[0].port), (42_101, PORT));
    let counts = counts.unwrap();
    assert_eq!(
        (counts.packets, counts.datagrams, counts.fragments.total()),
        (31, 2, 0)
    );
}

#[test]
fn fragments_may_come_in_any_order_and_twice() {
    let data = payload(35_336, 3);
    let file = write_pcap(&[packet(9, 0, &data)], |frames| {
        frames.reverse();
        let again = frames[5].clone();
        frames.insert(11, again);
    })
    .unwrap();
    let (all, counts) = read(&file, all_udp(), usize::MAX);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].payload, data);
    assert_eq!(counts.unwrap().fragments.total(), 0);
}

#[test]
fn a_missing_fragment_is_a_counted_loss() {
    let (first, second) = (payload(35_336, 3), payload(35_336, 4));
    let packets = [packet(1, 0, &first), packet(2, 50_000_000, &second)];
    let file = write_pcap(&packets, |frames| {
        frames.remove(7);
    })
    .unwrap();
    let (all, counts) = read(&file, all_udp(), 4_096);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].payload, second);
    assert_eq!(counts.unwrap().fragments.missing, 1);
}

#[test]
fn contradicting_fragments_give_no_datagram() {
    let data = payload(35_336, 3);
    let file = write_pcap(&[packet(1, 0, &data)], |frames| {
        let mut other = frames[5].clone();
        other.1[100] ^= 1;
        frames.insert(6, other);
    })
    .unwrap();
    let (all, counts) = read(&file, all_udp(), 4_096);
    assert!(all.is_empty());
    let counts = counts.unwrap();
    // The rest of the fragments open the datagram anew and never fill it.
    assert_eq!(
        (counts.fragments.conflicting, counts.fragments.missing),
        (1, 1)
    );
}

#[test]
fn an_old_unfinished_datagram_does_not_mix_with_a_new_one() {
    let (first, second) = (payload(5_000, 1), payload(5_000, 2));
    let packets = [packet(7, 0, &first), packet(7, 3_000_000_000, &second)];
    let file = write_pcap(&packets, |frames| {
        frames.remove(0);
    })
    .unwrap();
    let (all, counts) = read(&file, all_udp(), 4_096);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].payload, second);
    assert_eq!(counts.unwrap().fragments.missing, 1);
}

#[test]
fn other_groups_and_ports_are_left_out() {
    let data = payload(84, 0);
    let mut other = packet(3, 9, &data);
    other.destination.1 = 42_103;
    let file = write_pcap(&[packet(1, 5, &data), other], |_| {}).unwrap();
    for (destination, port, count) in [
        (Some(IpAddr::from(GROUP)), Some(PORT), 1),
        (None, Some(42_103), 1),
        (None, None, 2),
        (Some(IpAddr::from([224, 0, 2, 3])), None, 0),
    ] {
        let (all, counts) = read(&file, UdpFilter { destination, port }, 64);
        assert_eq!(all.len(), count);
        assert_eq!(counts.unwrap().others, 2 - count as u64);
    }
}

/// The IPv4 packets of a small capture, without their Ethernet headers.
fn ip_packets(data: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    write_pcap(&[packet(1, 0, data)], |frames| {
        all = frames
            .iter()
            .map(|(_, frame)| frame[14..].to_vec())
            .collect();
    })
    .unwrap();
    all
}

/// A big-endian microsecond pcap with those packets.
fn pcap(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xA1B2_C3D4_u32, 0x0002_0004, 0, 0, 65_535, link] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    for packet in packets {
        let length = packet.len() as u32;
        for word in [1_700_000_000, 250_001, length, length] {
            out.extend_from_slice(&u32::to_be_bytes(word));
        }
        out.extend_from_slice(packet);
    }
    out
}

#[test]
fn every_link_layer_is_understood() {
    let data = payload(3_000, 1);
    let prefix = |head: &[u8]| -> Vec<Vec<u8>> {
        ip_packets(&data)
            .into_iter()
            .map(|ip| [head, &ip].concat())
            .collect()
    };
    let mac = [1, 0, 0x5E, 0, 2, 2, 2, 0, 0, 0, 0, 1];
    let vlan = [&mac[..], &[0x81, 0, 0, 5, 8, 0]].concat();
    let double = [&mac[..], &[0x88, 0xA8, 0, 6, 0x81, 0, 0, 5, 8, 0]].concat();
    let sll = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
    let sll2 = [8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    for (link, packets) in [
        (1, prefix(&vlan)),
        (1, prefix(&double)),
        (113, prefix(&sll)),
        (276, prefix(&sll2)),
        (101, prefix(&[])),
        (228, prefix(&[])),
        (0, prefix(&[2, 0, 0, 0])),
    ] {
        let (all, counts) = read(&pcap(link, &packets), all_udp(), 777);
        assert_eq!(all.len(), 1, "link {link}: {counts:?}");
        assert_eq!(all[0].payload, data);
        assert_eq!(all[0].ns, 1_700_000_000_250_001_000);
    }
    let (all, counts) = read(&pcap(147, &prefix(&[])), all_udp(), 777);
    assert_eq!((all.len(), counts.unwrap().others), (0, 3));
}

/// A pcapng block.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (12 + body.len().next_multiple_of(4)) as u32;
    let mut out = [kind.to_le_bytes(), length.to_le_bytes()].concat();
    out.extend_from_slice(body);
    out.resize(length as usize - 4, 0);
    out.extend_from_slice(&length.to_le_bytes());
    out
}

#[test]
fn pcapng_stamps_follow_the_interfaces_resolution() {
    let data = payload(200, 1);
    let ip = &ip_packets(&data)[0];
    let section = [
        &0x1A2B_3C4D_u32.to_le_bytes()[..],
        &[1, 0, 0, 0],
        &[0xFF; 8],
    ]
    .concat();
    // Raw IP; if_tsresol 9 for the second interface, the default of microseconds for the first.
    let microseconds = [101, 0, 0, 0, 0, 0, 0, 0];
    let nanoseconds = [101, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    let packet = |interface: u32, units: u64| {
        let words = [
            interface,
            (units >> 32) as u32,
            units as u32,
            ip.len() as u32,
            ip.len() as u32,
        ];
        let mut body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        body.extend_from_slice(ip);
        block(6, &body)
    };
    let file = [
        block(0x0A0D_0D0A, &section),
        block(1, &microseconds),
        block(1, &nanoseconds),
        packet(0, 1_700_000_000_000_001),
        block(0xBAD, &[1, 2, 3, 4]),
        packet(1, 1_700_000_000_000_000_001),
    ]
    .concat();
    let (all, counts) = read(&file, all_udp(), 33);
    assert_eq!(counts.unwrap().datagrams, 2);
    assert_eq!(all[0].ns, 1_700_000_000_000_001_000);
    assert_eq!(all[1].ns, 1_700_000_000_000_000_001);
    assert_eq!(all[1].payload, data);
    let unknown_interface = [block(0x0A0D_0D0A, &section), packet(0, 1)].concat();
    let (all, error) = read(&unknown_interface, all_udp(), 33);
    assert_eq!(
        (all.len(), error),
        (0, Err(CaptureError::Corrupt { at: 28 }))
    );
}

#[test]
fn what_could_be_read_is_read_then_the_error_is_typed() {
    let data = payload(300, 1);
    let file = write_pcap(&[packet(1, 0, &data), packet(2, 1, &data)], |_| {}).unwrap();
    let record = (file.len() - 24) / 2;
    for cut in 0..file.len() {
        let (all, outcome) = read(&file[..cut], all_udp(), 50);
        let whole = cut.saturating_sub(24) / record;
        assert_eq!(all.len(), whole, "cut at {cut}");
        let expected = match cut {
            0..24 => Err(CaptureError::NotACapture),
            _ if (cut - 24).is_multiple_of(record) => outcome.clone(),
            _ => Err(CaptureError::Truncated {
                at: (24 + whole * record) as u64,
            }),
        };
        assert_eq!(outcome, expected);
        assert_eq!(
            outcome.is_ok(),
            cut >= 24 && (cut - 24).is_multiple_of(record)
        );
    }
    let mut corrupt = file.clone();
    corrupt[24 + record + 11] = 0xFF;
    let (all, error) = read(&corrupt, all_udp(), 50);
    assert_eq!(all.len(), 1);
    assert_eq!(
        error,
        Err(CaptureError::Corrupt {
            at: (24 + record) as u64
        })
    );
    assert_eq!(
        read(b"hello, this is text", all_udp(), 5).1,
        Err(CaptureError::NotACapture)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn shuffled_fragments_of_several_datagrams_come_back(
        sizes in prop::collection::vec(0..40_000_usize, 1..6),
        swaps in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..60),
        piece in 100..50_000_usize,
    ) {
        let payloads: Vec<_> =
            sizes.iter().enumerate().map(|(index, size)| payload(*size, index as u8)).collect();
        let packets: Vec<_> = payloads
            .iter()
            .enumerate()
            .map(|(index, data)| packet(index as u16, 1_000_000 * index as u64, data))
            .collect();
        let file = write_pcap(&packets, |frames| {
            for (a, b) in &swaps {
                let (a, b) = (a.index(frames.len()), b.index(frames.len()));
                frames.swap(a, b);
            }
        })
        .unwrap();
        let (all, counts) = read(&file, all_udp(), piece);
        prop_assert_eq!(counts.unwrap().fragments.total(), 0);
        let mut found: Vec<_> = all.into_iter().map(|datagram| datagram.payload).collect();
        let mut expected = payloads;
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}
