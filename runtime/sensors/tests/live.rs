//! Live sources on loopback: multicast UDP, a pseudo-terminal, and CAN and cameras where the
//! kernel has them.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use common::{SENSOR, ars548_payload, next_fault, next_message, open_uri, recording, ti_packet};
use drafthorse_core::{FaultKind, RawFormat, RawMessage};
use drafthorse_sensors::{ReadOutcome, Source, SourceError, vehicle_clock_ns};
use serialport::{SerialPort, TTYPort};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, Instant},
};

/// A socket that sends to multicast groups on loopback only.
fn sender() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket.set_multicast_ttl_v4(0).unwrap();
    socket.set_multicast_loop_v4(true).unwrap();
    socket
}

/// A port that nobody else uses at the moment.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

fn listen(group: &str, port: u16) -> (Box<dyn Source>, SocketAddr) {
    let source = open_uri(&format!("ars548+udp:{group}:{port}?iface=127.0.0.1")).unwrap();
    (source, format!("{group}:{port}").parse().unwrap())
}

#[test]
fn multicast_datagrams_arrive_whole_with_the_kernels_stamp() {
    let (mut source, group) = listen("239.255.42.1", free_port());
    let socket = sender();
    // The real payload is longer than any MTU: the kernel fragments it where the MTU is below.
    let payload = match recording("ars548/detection_list.bin") {
        Some(path) => fs::read(path).unwrap(),
        None => ars548_payload(1_708_578_203_955_760_000, true),
    };
    for i in 0..5_u32 {
        let before = vehicle_clock_ns();
        socket.send_to(&payload, &group.into()).unwrap();
        let message = next_message(source.as_mut());
        assert_eq!(message.data, payload);
        assert_eq!(
            (message.sensor, message.format),
            (SENSOR, RawFormat::Ars548)
        );
        assert_eq!(message.sequence, i);
        assert!((before..=vehicle_clock_ns()).contains(&message.received_ns));
        assert_eq!(message.captured_ns, 1_708_578_203_955_760_000);
    }
    // A sensor that is not synchronised is stamped at receipt.
    socket
        .send_to(&ars548_payload(77, false), &group.into())
        .unwrap();
    let message = next_message(source.as_mut());
    assert_eq!(message.captured_ns, message.received_ns);
    // What is no ARS548 message is passed on for the decoder to refuse.
    socket.send_to(b"hello", &group.into()).unwrap();
    assert_eq!(next_message(source.as_mut()).data, b"hello");
    assert_eq!(source.progress(), None);
}

#[test]
fn a_group_that_was_silent_is_joined_again_and_heard_without_a_fault() {
    let (mut source, group) = listen("239.255.42.7", free_port());
    let socket = sender();
    let (mut message, mut faults) = (RawMessage::empty(SENSOR, RawFormat::Ars548), Vec::new());
    let silent = std::time::Instant::now();
    while silent.elapsed() < Duration::from_millis(2_500) {
        let outcome = source.read(&mut message, Duration::from_millis(100));
        assert_eq!(outcome.unwrap(), ReadOutcome::Idle);
    }
    for sequence in 0..3 {
        socket.send_to(b"at last", &group.into()).unwrap();
        let message = next_message(source.as_mut());
        assert_eq!(
            (message.data.as_slice(), message.sequence),
            (&b"at last"[..], sequence)
        );
    }
    source.take_faults(&mut faults);
    assert_eq!(faults, []);
}

#[test]
fn other_groups_on_the_port_stay_outside_and_silence_is_idle() {
    let port = free_port();
    let (mut source, _) = listen("239.255.42.2", port);
    let (mut other, group) = listen("239.255.42.3", port);
    sender().send_to(b"for the other", &group.into()).unwrap();
    assert_eq!(next_message(other.as_mut()).data, b"for the other");
    let mut message = RawMessage::empty(SENSOR, RawFormat::Ars548);
    let begun = Instant::now();
    let outcome = source
        .read(&mut message, Duration::from_millis(80))
        .unwrap();
    assert_eq!(outcome, ReadOutcome::Idle);
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[test]
fn datagrams_beyond_the_kernels_room_are_counted() {
    let (mut source, group) = listen("239.255.42.4", free_port());
    let socket = sender();
    let payload = ars548_payload(1, false);
    let sent = 2_000_u64;
    for _ in 0..sent {
        socket.send_to(&payload, &group.into()).unwrap();
    }
    let mut message = RawMessage::empty(SENSOR, RawFormat::Ars548);
    let mut read = 0;
    while source
        .read(&mut message, Duration::from_millis(100))
        .unwrap()
        == ReadOutcome::Message
    {
        read += 1;
    }
    // The count of drops comes with the first message after them.
    socket.send_to(&payload, &group.into()).unwrap();
    next_message(source.as_mut());
    let mut faults = Vec::new();
    source.take_faults(&mut faults);
    let dropped: u64 = faults
        .iter()
        .filter(|f| f.kind == FaultKind::Dropped)
        .map(|f| f.count)
        .sum();
    assert!(read < sent, "the kernel kept them all; send more");
    assert_eq!(read + dropped, sent);
}

#[test]
fn a_unicast_address_is_bound_without_joining() {
    let port = free_port();
    let mut source = open_uri(&format!("ars548+udp:127.0.0.1:{port}")).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"unicast", ("127.0.0.1", port)).unwrap();
    assert_eq!(next_message(source.as_mut()).data, b"unicast");
}

#[test]
fn an_address_of_no_interface_is_refused() {
    let error = open_uri("ars548+udp:192.0.2.1:42102").err().unwrap();
    assert!(matches!(error, SourceError::Network { .. }), "{error}");
    assert!(error.to_string().contains("192.0.2.1:42102"));
}

fn link(port: &TTYPort, path: &Path) {
    let _ = fs::remove_file(path);
    symlink(port.name().unwrap(), path).unwrap();
}

#[test]
fn a_serial_radar_resynchronises_and_comes_back_after_unplugging() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("ttyRadar");
    let text = format!("ti+serial:{}?baud=115200", device.display());
    let mut source = open_uri(&text).unwrap();
    // The device is not there yet.
    let fault = next_fault(source.as_mut(), FaultKind::SensorLost);
    assert!(fault.detail.contains("ttyRadar"), "{}", fault.detail);

    let (mut radar, host) = TTYPort::pair().unwrap();
    link(&host, &device);
    // The pair's own end must be free for the source, which opens its port exclusively.
    drop(host);
    next_fault(source.as_mut(), FaultKind::SensorRecovered);

    let before = vehicle_clock_ns();
    radar.write_all(b"boot text\n").unwrap();
    let (first, second) = (ti_packet(1, 0), ti_packet(2, 10_000_000));
    radar.write_all(&first).unwrap();
    // The second comes in two pieces.
    radar.write_all(&second[..50]).unwrap();
    let message = next_message(source.as_mut());
    assert_eq!(message.data, first);
    assert_eq!((message.format, message.sequence), (RawFormat::TiTlv, 0));
    assert!((before..=vehicle_clock_ns()).contains(&message.captured_ns));
    radar.write_all(&second[50..]).unwrap();
    assert_eq!(next_message(source.as_mut()).data, second);
    let mut faults = Vec::new();
    source.take_faults(&mut faults);
    assert_eq!(common::counts(&faults), [(FaultKind::Undecodable, 10)]);

    // Unplugged in the middle of a packet, and back under the same name.
    radar.write_all(&first[..20]).unwrap();
    drop(radar);
    fs::remove_file(&device).unwrap();
    next_fault(source.as_mut(), FaultKind::SensorLost);
    let (mut radar, host) = TTYPort::pair().unwrap();
    link(&host, &device);
    drop(host);
    next_fault(source.as_mut(), FaultKind::SensorRecovered);
    radar.write_all(&first).unwrap();
    let message = next_message(source.as_mut());
    assert_eq!((message.data, message.sequence), (first, 2));
}

#[test]
fn a_can_interface_that_is_absent_is_waited_for() {
    let mut source = open_uri("can+socket:nocan9?map=toyota-tracks").unwrap();
    let fault = next_fault(source.as_mut(), FaultKind::SensorLost);
    assert!(fault.detail.contains("nocan9"), "{}", fault.detail);
    let mut message = RawMessage::empty(SENSOR, RawFormat::CanFrame);
    let outcome = source.read(&mut message, Duration::from_millis(1)).unwrap();
    assert_eq!(outcome, ReadOutcome::Idle);
    assert!(open_uri("can+socket:can0?map=no-such-map").is_err());
}

#[test]
fn a_virtual_can_interface_gives_the_mapped_frames() {
    use socketcan::{CanFrame, CanSocket, EmbeddedFrame, Socket as _, StandardId};
    let interfaces = fs::read_dir("/sys/class/net").unwrap();
    let names = interfaces.map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    let Some(name) = names.into_iter().find(|n| n.starts_with("vcan")) else {
        println!("skipped: this kernel has no vcan interface");
        return;
    };
    let mut source = open_uri(&format!("can+socket:{name}?map=toyota-tracks")).unwrap();
    let mut message = RawMessage::empty(SENSOR, RawFormat::CanFrame);
    let outcome = source
        .read(&mut message, Duration::from_millis(10))
        .unwrap();
    assert_eq!(outcome, ReadOutcome::Idle);
    let bus = CanSocket::open(&name).unwrap();
    for id in [0x100_u16, 0x210, 0x21f, 0x220] {
        let frame = CanFrame::new(StandardId::new(id).unwrap(), &[1, 2, 3]).unwrap();
        bus.write_frame(&frame).unwrap();
    }
    let first = next_message(source.as_mut());
    assert_eq!(
        first.data,
        [0x10, 2, 0, 0, 3, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0]
    );
    assert_eq!(next_message(source.as_mut()).data[..2], [0x1f, 2]);
}

#[cfg(feature = "v4l2")]
#[test]
fn a_camera_gives_pictures_or_is_waited_for() {
    let absent = "v4l2:/dev/video-none?format=mjpeg";
    let mut source = open_uri(absent).unwrap();
    let fault = next_fault(source.as_mut(), FaultKind::SensorLost);
    assert!(fault.detail.contains("/dev/video-none"), "{}", fault.detail);
    if !Path::new("/dev/video0").exists() {
        println!("skipped: this kernel has no camera /dev/video0");
        return;
    }
    let mut source = open_uri("v4l2:/dev/video0").unwrap();
    let (first, second) = (next_message(source.as_mut()), next_message(source.as_mut()));
    assert!(first.format.is_camera());
    assert!(first.captured_ns < second.captured_ns);
    assert!(second.captured_ns <= second.received_ns);
}

#[cfg(not(feature = "v4l2"))]
#[test]
fn without_camera_support_the_error_says_how_to_build_it() {
    let error = open_uri("v4l2:/dev/video0").err().unwrap();
    assert!(matches!(error, SourceError::NotBuilt { .. }));
    assert!(error.to_string().contains("--features v4l2"), "{error}");
}
