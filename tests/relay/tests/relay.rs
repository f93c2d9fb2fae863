//! The relay in front of a server that sends back what it gets.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use drafthorse_relay::{Conditions, Relay, Way};

fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut bytes = [0; 1000];
                while let Ok(size @ 1..) = stream.read(&mut bytes) {
                    if stream.write_all(&bytes[..size]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

fn there_and_back(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writing = stream.try_clone().unwrap();
    let sent = bytes.to_vec();
    let writer = thread::spawn(move || writing.write_all(&sent));
    let mut back = vec![0; bytes.len()];
    let read = stream.read_exact(&mut back);
    let _ = writer.join();
    read.map(|()| back)
}

#[test]
fn bytes_pass_unchanged_after_the_delay() {
    let link = Conditions {
        jitter: Duration::from_millis(10),
        ..Conditions::link(Duration::from_millis(80), 8_000_000)
    };
    let relay = Relay::start(echo(), link).unwrap();
    relay.record();
    let mut stream = TcpStream::connect(relay.address()).unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i * 7 % 251) as u8).collect();
    let began = Instant::now();
    assert_eq!(there_and_back(&mut stream, &bytes).unwrap(), bytes);
    // 100 kB at 1 MB/s and the round trip.
    assert!(
        began.elapsed() >= Duration::from_millis(180),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(relay.bytes(Way::Up), 100_000);
    assert_eq!(relay.recorded(Way::Up), bytes);
    assert_eq!(relay.recorded(Way::Down), bytes);
}

#[test]
fn a_connection_is_cut_in_the_middle_of_a_message() {
    let relay = Relay::start(
        echo(),
        Conditions {
            cut_after: Some(5_000),
            ..Conditions::default()
        },
    )
    .unwrap();
    let mut stream = TcpStream::connect(relay.address()).unwrap();
    assert!(there_and_back(&mut stream, &[7; 10_000]).is_err());
    assert!(relay.bytes(Way::Up) + relay.bytes(Way::Down) <= 5_000);
    relay.set(Conditions::default());
    let mut stream = TcpStream::connect(relay.address()).unwrap();
    assert_eq!(
        there_and_back(&mut stream, &[7; 10_000]).unwrap(),
        [7; 10_000]
    );
}

#[test]
fn a_silent_link_holds_back_and_goes_on() {
    let relay = Relay::start(
        echo(),
        Conditions {
            silent: true,
            ..Conditions::default()
        },
    )
    .unwrap();
    let mut stream = TcpStream::connect(relay.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    stream.write_all(b"held").unwrap();
    let mut back = [0; 4];
    assert!(stream.read_exact(&mut back).is_err());
    relay.set(Conditions::default());
    stream.set_read_timeout(None).unwrap();
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"held");
}

#[test]
fn connections_break_and_are_refused() {
    let relay = Relay::start(echo(), Conditions::default()).unwrap();
    let mut stream = TcpStream::connect(relay.address()).unwrap();
    assert!(there_and_back(&mut stream, b"first").is_ok());
    relay.break_connections();
    assert!(there_and_back(&mut stream, b"second").is_err());
    relay.set(Conditions {
        refuse: true,
        ..Conditions::default()
    });
    let mut stream = TcpStream::connect(relay.address()).unwrap();
    assert!(there_and_back(&mut stream, b"third").is_err());
    assert_eq!(relay.connections(), 1);
}
