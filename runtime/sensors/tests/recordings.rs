//! Recordings as sources: whole ones give every message with its stamp, damaged ones a counted
//! loss or a typed error.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use common::{ars548_payload, counts, open_uri, read_all, recording, ti_packet};
use drafthorse_core::{FaultKind, Image, RawFormat, RawMessage};
use drafthorse_sensors::{CameraDecoder, SourceError};
use drafthorse_wire::capture::{UdpPacket, write_pcap};
use std::{fs, path::Path};

const S: u64 = 1_000_000_000;
const T0: u64 = 1_700_000_000 * S;

fn uri(scheme: &str, path: &Path, options: &str) -> String {
    format!("{scheme}:{}{options}", path.display())
}

fn stamps(messages: &[RawMessage]) -> Vec<u64> {
    messages.iter().map(|m| m.captured_ns).collect()
}

#[test]
fn the_real_ars548_payload_is_one_message_with_the_sensors_stamp() {
    let Some(path) = recording("ars548/detection_list.bin") else {
        return;
    };
    let mut source = open_uri(&uri("ars548", &path, "")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    assert_eq!(faults, []);
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].data, fs::read(&path).unwrap());
    assert_eq!(messages[0].format, RawFormat::Ars548);
    assert_eq!(messages[0].captured_ns, 1_708_578_203_955_760_000);
}

#[test]
fn ars548_payloads_back_to_back_with_garbage_between() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("radar.bin");
    let mut bytes = Vec::new();
    let payload = |i: u64| ars548_payload(T0 + i * S / 20, i.is_multiple_of(2));
    for i in 0..9 {
        bytes.extend(payload(i));
        if i == 3 {
            bytes.extend([0, 0, 1, 0x50, 7, 7, 7]);
        }
    }
    bytes.extend(&payload(9)[..1_000]);
    fs::write(&path, bytes).unwrap();
    let mut source = open_uri(&uri("ars548", &path, "")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    let expected: Vec<u64> = (0..9).map(|i| T0 + i * S / 20).collect();
    assert_eq!(stamps(&messages), expected);
    assert_eq!(messages[4].data, payload(4));
    assert_eq!(counts(&faults), [(FaultKind::Undecodable, 7 + 1_000)]);
}

#[test]
fn files_that_are_no_recording_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rubbish");
    for bytes in [
        b"".to_vec(),
        b"hello".to_vec(),
        vec![0xff; 100_000],
        ars548_payload(T0, true)[..35_000].to_vec(),
    ] {
        fs::write(&path, bytes).unwrap();
        for (scheme, options) in [
            ("ars548", ""),
            ("ti", ""),
            ("can+candump", "?map=toyota-tracks"),
            ("video", ""),
        ] {
            match open_uri(&uri(scheme, &path, options)) {
                Err(SourceError::Format { why, .. }) => assert!(!why.is_empty()),
                Err(other) => panic!("{scheme}: {other}"),
                Ok(_) => panic!("{scheme} accepted rubbish"),
            }
        }
        let mut source = open_uri(&uri("ars548+pcap", &path, "")).unwrap();
        let mut message = RawMessage::empty(common::SENSOR, RawFormat::Ars548);
        let error = source.read(&mut message, std::time::Duration::ZERO);
        assert!(
            matches!(error, Err(SourceError::Format { .. })),
            "{error:?}"
        );
    }
    let absent = folder.path().join("absent");
    for (scheme, options) in [
        ("ars548", ""),
        ("ars548+pcap", ""),
        ("ti", ""),
        ("video", ""),
        ("jpeg", ""),
        ("can+candump", "?map=toyota-tracks"),
    ] {
        let error = open_uri(&uri(scheme, &absent, options)).err().unwrap();
        assert!(
            matches!(error, SourceError::Read { .. }),
            "{scheme}: {error}"
        );
        assert!(error.to_string().contains("absent"));
    }
}

#[test]
fn logs_and_synthetic_drives_are_the_applications() {
    for text in ["mcap:x.mcap", "synth:?seed=7"] {
        let error = open_uri(text).err().unwrap();
        assert!(matches!(error, SourceError::Composed { .. }));
    }
}

fn datagram<'a>(i: u64, port: u16, payload: &'a [u8]) -> UdpPacket<'a> {
    UdpPacket {
        ns: T0 + i * S / 20,
        source: ([10, 13, 1, 113], 42_401),
        destination: ([224, 0, 2, 2], port),
        id: i as u16,
        payload,
    }
}

#[test]
fn fragmented_datagrams_of_a_capture_are_put_together_and_losses_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("radar.pcap");
    // The sensor's clock is 3 ms before the capture's; it is unsynchronised in odd datagrams.
    let payloads: Vec<Vec<u8>> = (0..6)
        .map(|i| ars548_payload(T0 + i * S / 20 - 3_000_000, i.is_multiple_of(2)))
        .collect();
    let packets: Vec<UdpPacket<'_>> = (0..6)
        .map(|i| {
            datagram(
                i,
                if i == 4 { 9_999 } else { 42_102 },
                &payloads[i as usize],
            )
        })
        .collect();
    let fragments = 35_344_usize.div_ceil(1_480);
    let bytes = write_pcap(&packets, |frames| {
        // One fragment of datagram 2 is missing, those of datagram 3 come last first.
        frames.remove(2 * fragments + 5);
        frames[3 * fragments - 1..4 * fragments - 1].reverse();
    });
    fs::write(&path, bytes.unwrap()).unwrap();
    let mut source = open_uri(&uri("ars548+pcap", &path, "")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    assert_eq!(counts(&faults), [(FaultKind::FragmentLost, 1)]);
    let expected: Vec<&Vec<u8>> = [0, 1, 3, 5].iter().map(|i| &payloads[*i]).collect();
    let got: Vec<&Vec<u8>> = messages.iter().map(|m| &m.data).collect();
    assert_eq!(got, expected);
    // Synchronised: the sensor's own stamp; else the packet's.
    assert_eq!(messages[0].captured_ns, T0 - 3_000_000);
    assert!(messages[0].received_ns >= T0);
    assert_eq!(messages[1].captured_ns, messages[1].received_ns);

    let mut source = open_uri(&uri("ars548+pcap", &path, "?port=9999")).unwrap();
    let (messages, _) = read_all(source.as_mut());
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].data, payloads[4]);
}

#[test]
fn a_capture_that_breaks_off_gives_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("radar.pcap");
    let payload = ars548_payload(T0, true);
    let packets = [datagram(0, 42_102, &payload), datagram(1, 42_102, &payload)];
    let mut bytes = write_pcap(&packets, |_| {}).unwrap();
    bytes.truncate(bytes.len() - 10);
    fs::write(&path, bytes).unwrap();
    let mut source = open_uri(&uri("ars548+pcap", &path, "")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    assert_eq!(messages.len(), 1);
    assert!(
        faults.iter().any(|f| f.kind == FaultKind::Undecodable),
        "{faults:?}"
    );
}

#[test]
fn a_ti_recording_gives_packets_on_the_sensors_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("radar.ti");
    let mut bytes = vec![9; 17];
    for i in 0..200_u32 {
        // 50 ms of a 200 MHz counter that wraps on the way.
        bytes.extend(ti_packet(
            i,
            i.wrapping_mul(10_000_000).wrapping_sub(50_000_000),
        ));
        if i == 100 {
            bytes.extend([2, 1, 4, 3, 6]);
        }
    }
    fs::write(&path, bytes).unwrap();
    let mut source = open_uri(&uri("ti", &path, "")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    let expected: Vec<u64> = (0..200).map(|i| i * 50_000_000).collect();
    assert_eq!(stamps(&messages), expected);
    assert!(messages.iter().all(|m| m.format == RawFormat::TiTlv));
    assert_eq!(messages[100].data, ti_packet(100, 950_000_000));
    assert_eq!(counts(&faults), [(FaultKind::Undecodable, 17 + 5)]);

    let mut source = open_uri(&uri("ti", &path, "?fps=10")).unwrap();
    let (messages, _) = read_all(source.as_mut());
    assert_eq!(messages[3].captured_ns, 300_000_000);
}

#[test]
fn a_candump_log_gives_the_mapped_frames_with_exact_stamps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("can.log");
    let log = "(46408.584930) can1 210#08FFFB0000001884
(46408.584943) can1 2C1#0014DF14BBCA3A91
(46408.584944) can0 210#0000000000000000

not a line
(46408.600001) can1 21F#0102030405060708
(46408.600002) can1 21F##1AABB
";
    fs::write(&path, log).unwrap();
    let mut source = open_uri(&uri("can+candump", &path, "?map=toyota-tracks&iface=can1")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    assert_eq!(stamps(&messages), [46_408_584_930_000, 46_408_600_001_000]);
    assert_eq!(
        messages[0].data,
        [
            0x10, 2, 0, 0, 8, 0, 0, 0, 8, 0xff, 0xfb, 0, 0, 0, 0x18, 0x84
        ]
    );
    assert_eq!(messages[0].format, RawFormat::CanFrame);
    let lost: u64 = faults.iter().map(|f| f.count).sum();
    assert_eq!(lost, 2, "{faults:?}");
    assert!(faults.iter().all(|f| f.kind == FaultKind::Undecodable));

    let mut source = open_uri(&uri("can+candump", &path, "?map=toyota-tracks&iface=can0")).unwrap();
    assert_eq!(read_all(source.as_mut()).0.len(), 1);
    let error = open_uri(&uri("can+candump", &path, "?map=no-such-map"))
        .err()
        .unwrap();
    assert!(error.to_string().contains("toyota-tracks"), "{error}");
}

#[test]
fn an_endless_line_is_one_loss_and_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("can.log");
    let frame = "(1.000000) can1 210#08FFFB0000001884\n";
    let long = "x".repeat(100_000);
    fs::write(&path, format!("{frame}{long}\n{frame}")).unwrap();
    let mut source = open_uri(&uri("can+candump", &path, "?map=toyota-tracks")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    assert_eq!(messages.len(), 2);
    assert_eq!(counts(&faults), [(FaultKind::Undecodable, 1)]);
}

#[test]
fn the_real_candump_log_gives_all_radar_frames() {
    let Some(path) = recording("comma2k19/can.candump.log") else {
        return;
    };
    let mut source = open_uri(&uri("can+candump", &path, "?map=toyota-tracks")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    assert_eq!(faults, []);
    let id = |m: &RawMessage| u32::from_le_bytes([m.data[0], m.data[1], m.data[2], m.data[3]]);
    let radar = messages
        .iter()
        .filter(|m| (0x210..=0x21f).contains(&id(m)))
        .count();
    assert_eq!(radar, 9_600);
}

#[test]
fn the_real_video_decodes_to_its_221_pictures_each_with_its_own_stamp() {
    let Some(path) = recording("video/highway.mp4") else {
        return;
    };
    let mut source = open_uri(&uri("video", &path, "")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    assert_eq!(faults, []);
    assert_eq!(messages.len(), 221);
    let expected: Vec<u64> = (0..221).map(|i| i * 40_000_000).collect();
    assert_eq!(stamps(&messages), expected);
    let mut decoder = CameraDecoder::new(common::SENSOR, RawFormat::H264).unwrap();
    let mut image = Image::default();
    let mut changed = 0;
    let mut last = Vec::new();
    for message in &messages {
        assert!(decoder.decode(message, &mut image).unwrap());
        assert_eq!((image.width, image.height), (960, 540));
        assert_eq!(image.captured_ns, message.captured_ns);
        assert_eq!(image.sequence, message.sequence);
        changed += usize::from(image.rgb != last);
        last.clone_from(&image.rgb);
    }
    assert_eq!(changed, 221);
}

#[test]
fn a_video_that_is_cut_or_spoilt_is_an_error_or_a_counted_loss() {
    let Some(path) = recording("video/highway.mp4") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.mp4");
    let bytes = fs::read(&path).unwrap();
    // The tables stand at the front, so that a cut file still gives its first pictures.
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    match open_uri(&uri("video", &cut, "")) {
        Ok(mut source) => {
            let (messages, faults) = read_all(source.as_mut());
            let lost: u64 = faults.iter().map(|f| f.count).sum();
            assert_eq!(messages.len() as u64 + lost, 221);
        }
        Err(error) => assert!(matches!(error, SourceError::Format { .. }), "{error}"),
    }
    // Damage in the tables: whatever comes of it, no panic and no endless loop.
    for at in (0..5_000).step_by(61) {
        let mut spoilt = bytes[..200_000].to_vec();
        spoilt[at] ^= 0x55;
        fs::write(&cut, spoilt).unwrap();
        if let Ok(mut source) = open_uri(&uri("video", &cut, "")) {
            let mut message = RawMessage::empty(common::SENSOR, RawFormat::H264);
            for _ in 0..300 {
                let read = source.read(&mut message, std::time::Duration::ZERO);
                if !matches!(read, Ok(drafthorse_sensors::ReadOutcome::Message)) {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_jpeg_folder_is_stamped_by_its_names_or_by_a_rate() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str| fs::write(folder.path().join(name), name).unwrap();
    put("1700000000100.jpg");
    put("1700000000050.JPEG");
    put("notes.txt");
    let text = uri("jpeg", folder.path(), "");
    let (messages, faults) = read_all(open_uri(&text).unwrap().as_mut());
    assert_eq!(faults, []);
    assert_eq!(stamps(&messages), [T0 + S / 20, T0 + S / 10]);
    assert_eq!(messages[0].data, b"1700000000050.JPEG");

    // One name that is no time: the natural order of names, at a rate.
    put("frame_2.jpg");
    put("frame_10.jpg");
    let (messages, _) = read_all(open_uri(&text).unwrap().as_mut());
    assert_eq!(stamps(&messages), [0, S / 10, S / 5, 3 * S / 10]);
    assert_eq!(messages[2].data, b"frame_2.jpg");
    let (messages, _) = read_all(open_uri(&format!("{text}?fps=25")).unwrap().as_mut());
    assert_eq!(stamps(&messages)[3], 3 * S / 25);

    let empty = tempfile::tempdir().unwrap();
    let error = open_uri(&uri("jpeg", empty.path(), "")).err().unwrap();
    assert!(matches!(error, SourceError::Format { .. }), "{error}");
}

#[test]
fn a_picture_that_vanishes_is_a_counted_loss() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..3 {
        fs::write(folder.path().join(format!("{i}.jpg")), [i]).unwrap();
    }
    let mut source = open_uri(&uri("jpeg", folder.path(), "")).unwrap();
    fs::remove_file(folder.path().join("1.jpg")).unwrap();
    let (messages, faults) = read_all(source.as_mut());
    assert_eq!(stamps(&messages), [0, S / 5]);
    assert_eq!(counts(&faults), [(FaultKind::Undecodable, 1)]);
}
