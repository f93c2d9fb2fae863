//! `ars548+udp:GROUP:PORT`: an ARS548 on the network.
//!
//! The kernel puts fragments together and stamps each datagram when it arrives
//! (`SO_TIMESTAMPNS`); it also says how many datagrams it had no room for (`SO_RXQ_OVFL`) and, for
//! all sockets of the machine together, how many datagrams lacked a fragment.

use super::{
    ReadOutcome, Source, SourceError, ars548_pcap::own_stamp, faults::FaultLog, retry::Retry,
};
use crate::{
    os,
    uri::{Scheme, SourceUri},
};
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    fs::File,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::AsFd,
    time::{Duration, Instant},
};

/// The longest UDP payload.
const MAX_PAYLOAD: usize = 65_535;
/// Room for a second of detection lists; the kernel may grant less.
const RECEIVE_BUFFER: usize = 4 << 20;
const REASSEMBLY_CHECK: Duration = Duration::from_secs(1);
/// Silence after which a group is joined again: the interface may have come up, or gone and come back, since it was joined,
/// and a membership goes with its interface without a word.
const SILENCE: Duration = Duration::from_secs(2);

/// A socket on the sensor's group.
pub(super) struct Ars548Udp {
    endpoint: SocketAddr,
    interface: Option<IpAddr>,
    name: String,
    sensor: SensorId,
    clock: fn() -> u64,
    socket: Option<Socket>,
    timeout: Duration,
    /// When something came, or the group was joined.
    heard: Instant,
    retry: Retry,
    dropped: u32,
    reassembly_failures: Option<u64>,
    checked: Instant,
    sequence: u32,
    faults: FaultLog,
}

impl Ars548Udp {
    pub(super) fn open(
        uri: &SourceUri,
        sensor: SensorId,
        clock: fn() -> u64,
    ) -> Result<Self, SourceError> {
        let endpoint = uri.endpoint().ok_or_else(|| crate::UriError::BadTarget {
            scheme: Scheme::Ars548Udp,
            target: uri.target().to_owned(),
            why: "it is not an address and a port",
        })?;
        let interface = uri.number("iface")?;
        let socket = listen(endpoint, interface).map_err(|error| SourceError::Network {
            endpoint: uri.target().to_owned(),
            error,
        })?;
        Ok(Self {
            endpoint,
            interface,
            name: format!("the ARS548 socket {endpoint}"),
            sensor,
            clock,
            socket: Some(socket),
            timeout: Duration::ZERO,
            heard: Instant::now(),
            retry: Retry::every(Duration::from_millis(500)),
            dropped: 0,
            reassembly_failures: reassembly_failures(),
            checked: Instant::now(),
            sequence: 0,
            faults: FaultLog::new(sensor),
        })
    }

    fn reopen(&mut self, timeout: Duration) {
        if self.retry.due(timeout) {
            self.listen_again();
        }
    }

    /// Nothing came.
    fn join_again(&mut self) {
        if self.endpoint.ip().is_multicast() && self.heard.elapsed() >= SILENCE {
            self.listen_again();
        }
    }

    fn listen_again(&mut self) {
        let at = (self.clock)();
        self.heard = Instant::now();
        self.timeout = Duration::ZERO;
        self.dropped = 0;
        match listen(self.endpoint, self.interface) {
            Ok(socket) => {
                self.socket = Some(socket);
                self.retry.found(&mut self.faults, at, &self.name);
            }
            Err(error) => {
                self.socket = None;
                self.retry.failed(&mut self.faults, at, &self.name, &error);
            }
        }
    }

    fn check_reassembly(&mut self) {
        if self.checked.elapsed() < REASSEMBLY_CHECK {
            return;
        }
        self.checked = Instant::now();
        let now = reassembly_failures();
        if let (Some(now), Some(before)) = (now, self.reassembly_failures) {
            let detail = "datagrams the kernel could not put together from fragments (all sockets)";
            let lost = now.saturating_sub(before);
            self.faults
                .note(FaultKind::FragmentLost, (self.clock)(), lost, detail);
        }
        self.reassembly_failures = now;
    }
}

impl Source for Ars548Udp {
    fn read(
        &mut self,
        into: &mut RawMessage,
        timeout: Duration,
    ) -> Result<ReadOutcome, SourceError> {
        self.check_reassembly();
        let Some(socket) = &self.socket else {
            self.reopen(timeout);
            return Ok(ReadOutcome::Idle);
        };
        let timeout = timeout.max(Duration::from_millis(1));
        if self.timeout != timeout && socket.set_read_timeout(Some(timeout)).is_ok() {
            self.timeout = timeout;
        }
        into.data.resize(MAX_PAYLOAD, 0);
        let received = match os::receive(socket.as_fd(), &mut into.data) {
            Ok(received) => received,
            Err(error) if os::is_timeout(&error) => {
                into.data.clear();
                self.join_again();
                return Ok(ReadOutcome::Idle);
            }
            Err(error) => {
                into.data.clear();
                self.socket = None;
                let at = (self.clock)();
                let outcome = self.retry.failed(&mut self.faults, at, &self.name, &error);
                return Ok(outcome);
            }
        };
        self.heard = Instant::now();
        into.data.truncate(received.bytes);
        into.sensor = self.sensor;
        into.format = RawFormat::Ars548;
        into.received_ns = received.stamp_ns.unwrap_or_else(self.clock);
        into.captured_ns = own_stamp(&into.data).unwrap_or(into.received_ns);
        into.sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        if let Some(dropped) = received.dropped {
            let lost = dropped.wrapping_sub(self.dropped);
            self.dropped = dropped;
            let detail = "datagrams the kernel had no room for; the program reads too slowly";
            self.faults
                .note(FaultKind::Dropped, into.received_ns, lost.into(), detail);
        }
        Ok(ReadOutcome::Message)
    }

    fn take_faults(&mut self, out: &mut Vec<Fault>) {
        self.faults.take(out);
    }

    fn progress(&self) -> Option<f64> {
        None
    }
}

/// A socket that receives what is sent to `endpoint`: joined where it is a multicast group.
fn listen(endpoint: SocketAddr, interface: Option<IpAddr>) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(endpoint),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    os::want_stamps_and_drops(socket.as_fd())?;
    // Bound to the group itself, so that other groups on the port stay outside.
    socket.bind(&endpoint.into())?;
    match (endpoint.ip(), interface) {
        (IpAddr::V4(group), Some(IpAddr::V4(on))) if group.is_multicast() => {
            socket.join_multicast_v4(&group, &on)?;
        }
        (IpAddr::V4(group), None) if group.is_multicast() => {
            socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
        }
        (IpAddr::V6(group), None) if group.is_multicast() => socket.join_multicast_v6(&group, 0)?,
        (group, Some(_)) if group.is_multicast() => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the interface must be given by its IPv4 address, for an IPv4 group",
            ));
        }
        _ => {}
    }
    Ok(socket)
}

/// `ReasmFails` of `/proc/net/snmp`, without allocating.
fn reassembly_failures() -> Option<u64> {
    let mut bytes = [0; 4096];
    let read = File::open("/proc/net/snmp").ok()?.read(&mut bytes).ok()?;
    parse_reassembly_failures(std::str::from_utf8(bytes.get(..read)?).ok()?)
}

/// The `Ip:` lines name the counters, then give their values.
fn parse_reassembly_failures(text: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Ip:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut both = names.split_whitespace().zip(values.split_whitespace());
    both.find(|(name, _)| *name == "ReasmFails")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_reassembly_counter_of_the_kernels_table() {
        let text = "Ip: Forwarding DefaultTTL ReasmOKs ReasmFails FragOKs\nIp: 2 64 9 17 4\nIcmp: InMsgs\nIcmp: 3\n";
        assert_eq!(parse_reassembly_failures(text), Some(17));
        assert_eq!(parse_reassembly_failures("Ip: ReasmFails\n"), None);
        assert_eq!(
            parse_reassembly_failures("Ip: ReasmFails\nIp: many\n"),
            None
        );
        assert_eq!(parse_reassembly_failures(""), None);
    }
}
