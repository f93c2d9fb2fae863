//! Every decoder on arbitrary bytes, on damaged sound messages, and on messages cut anywhere.
#![allow(clippy::unwrap_used)]

mod common;

use drafthorse_core::RadarPoint;
use drafthorse_wire::capture::{UdpPacket, write_pcap};
use drafthorse_wire::fuzz::TARGETS;
use drafthorse_wire::{ars548, ros2, ti};
use proptest::prelude::*;

/// One sound message for each decoder that takes whole messages.
fn sound() -> Vec<(&'static str, Vec<u8>)> {
    let point = RadarPoint::from_polar(30.0, 0.2, 0.01, -4.0, 7.0);
    let mut objects = Vec::new();
    ars548::encode_objects(&Default::default(), &[Default::default(); 4], &mut objects).unwrap();
    let mut status = Vec::new();
    ars548::encode_status(&Default::default(), &mut status);
    let mut packet = Vec::new();
    let ti_points = [ti::TiPoint {
        y_m: 9.0,
        ..Default::default()
    }; 6];
    ti::encode_packet(
        &Default::default(),
        &ti_points,
        ti::PointsType::Float,
        &mut packet,
    )
    .unwrap();
    let mut compressed = Vec::new();
    ti::encode_packet(
        &Default::default(),
        &ti_points,
        ti::PointsType::Compressed,
        &mut compressed,
    )
    .unwrap();
    let mut cloud = Vec::new();
    let layout = ros2::PointCloudLayout {
        little_endian: true,
        big_endian_data: false,
        padding: 1,
    };
    ros2::encode_cloud(9, "radar", &[point; 5], layout, &mut cloud);
    let mut image = Vec::new();
    let picture = ros2::CompressedImage {
        stamp_ns: 8,
        frame_id: "cam",
        format: "jpeg",
        data: &[1; 40],
    };
    ros2::encode_image(&picture, false, &mut image);
    let udp = UdpPacket {
        ns: 5,
        source: ([10, 0, 0, 1], 1),
        destination: ([224, 0, 2, 2], 2),
        id: 3,
        payload: &[7; 2_000],
    };
    vec![
        ("ars548", objects),
        ("ars548", status),
        ("ti_stream", packet),
        ("ti_stream", compressed),
        (
            "candump",
            b"(1.5) can0 123#1122\n(2.25) can1 18FEF100#R8\n".to_vec(),
        ),
        (
            "can_frame",
            vec![0x10, 2, 0, 0, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
        ),
        ("capture", write_pcap(&[udp], |_| {}).unwrap()),
        ("ros2_point_cloud", cloud),
        ("ros2_image", image),
    ]
}

fn target(name: &str) -> fn(&[u8]) {
    TARGETS.iter().find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn messages_cut_anywhere_are_survived() {
    for (name, message) in sound() {
        let step = (message.len() / 500).max(1);
        for cut in (0..message.len()).step_by(step) {
            target(name)(&message[..cut]);
            target(name)(&message[cut..]);
        }
    }
}

#[test]
fn the_recorded_detection_list_cut_anywhere_is_survived() {
    let Some(payload) = common::recording("ars548/detection_list.bin") else {
        return;
    };
    for cut in (0..=payload.len()).step_by(601) {
        target("ars548")(&payload[..cut]);
    }
    target("ars548")(&payload);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        for (_, run) in TARGETS {
            run(&bytes);
        }
    }

    #[test]
    fn damaged_messages_are_survived(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        for (name, mut message) in sound() {
            for (at, value) in &edits {
                let at = at.index(message.len());
                message[at] = *value;
            }
            target(name)(&message);
        }
    }

    #[test]
    fn overlaid_lists_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
        target("ars548_lists")(&bytes);
    }
}
