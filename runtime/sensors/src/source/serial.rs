//! A serial port that comes and goes: opened when it is there, opened again when it vanishes.

use super::{faults::FaultLog, retry::Retry};
use serialport::{SerialPort, TTYPort};
use std::{
    io::{self, Read, Write},
    time::Duration,
};

/// What a port gave.
pub(super) enum Got {
    /// So many bytes.
    Bytes(usize),
    /// Nothing in time.
    Nothing,
    /// It is gone; what was half read stays so.
    Lost,
}

/// The port. What happens to it is told as faults of its sensor.
pub(super) struct Serial {
    device: String,
    name: String,
    baud: u32,
    clock: fn() -> u64,
    port: Option<TTYPort>,
    retry: Retry,
}

impl Serial {
    /// A port that is not open yet.
    pub(super) fn new(device: &str, baud: u32, clock: fn() -> u64) -> Self {
        Self {
            device: device.to_owned(),
            name: format!("the serial port {device}"),
            baud,
            clock,
            port: None,
            retry: Retry::every(Duration::from_millis(500)),
        }
    }

    /// Whether there is a port to read from.
    pub(super) fn is_open(&self) -> bool {
        self.port.is_some()
    }

    /// Opens it where it is not open and a try is due; waits for that at most `timeout`. Whether it is open.
    pub(super) fn open(&mut self, timeout: Duration, faults: &mut FaultLog) -> bool {
        if self.port.is_some() {
            return true;
        }
        if !self.retry.due(timeout) {
            return false;
        }
        match serialport::new(&self.device, self.baud).open_native() {
            Ok(port) => {
                self.port = Some(port);
                self.retry.found(faults, (self.clock)(), &self.name);
            }
            Err(error) => self.lose(&error, faults),
        }
        self.port.is_some()
    }

    /// Sends bytes; `false` where the port is gone.
    pub(super) fn write(&mut self, bytes: &[u8], faults: &mut FaultLog) -> bool {
        let written = match &mut self.port {
            Some(port) if !bytes.is_empty() => port.write_all(bytes),
            Some(_) => Ok(()),
            None => return false,
        };
        match written {
            Ok(()) => true,
            Err(error) => {
                self.lose(&error, faults);
                false
            }
        }
    }

    /// Reads one piece, waiting for it at most `timeout` (at least a millisecond).
    pub(super) fn read(
        &mut self,
        piece: &mut [u8],
        timeout: Duration,
        faults: &mut FaultLog,
    ) -> Got {
        let Some(port) = &mut self.port else {
            return Got::Lost;
        };
        let timeout = timeout.max(Duration::from_millis(1));
        if port.timeout() != timeout && port.set_timeout(timeout).is_err() {
            self.lose(&"its timeout cannot be set", faults);
            return Got::Lost;
        }
        match port.read(piece) {
            Ok(0) => self.lose(&"it was closed", faults),
            Ok(read) => return Got::Bytes(read),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) =>
            {
                return Got::Nothing;
            }
            Err(error) => self.lose(&error, faults),
        }
        Got::Lost
    }

    fn lose(&mut self, error: &dyn std::fmt::Display, faults: &mut FaultLog) {
        self.port = None;
        let at = (self.clock)();
        self.retry.failed(faults, at, &self.name, error);
    }
}
