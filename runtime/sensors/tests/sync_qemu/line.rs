//! A serial line between QEMU and a pseudo-terminal: bytes take their time and some are damaged. What either
//! end really sent is noted on the way.

use drafthorse_link::{Decoder, Message, Status};
use serialport::{SerialPort, TTYPort};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// At 921,600 baud.
const BYTE: Duration = Duration::from_nanos(10_851);

/// What was sent, undamaged.
#[derive(Default)]
pub(crate) struct Heard {
    /// By the firmware, each with its session.
    pub(crate) to_host: Vec<(u16, Message)>,
    pub(crate) to_mcu: Vec<Message>,
    /// To the firmware, to the host.
    pub(crate) bytes: [usize; 2],
    pub(crate) damaged: [usize; 2],
}

impl Heard {
    pub(crate) fn last_status(&self) -> Option<Status> {
        self.to_host
            .iter()
            .rev()
            .find_map(|(_, message)| match message {
                Message::Status(status) => Some(*status),
                _ => None,
            })
    }
}

/// The line, with two threads that carry bytes.
pub(crate) struct DamagedLine {
    device: String,
    stop: Arc<AtomicBool>,
    carriers: [JoinHandle<Carried>; 2],
}

#[derive(Default)]
struct Carried {
    messages: Vec<(u16, Message)>,
    bytes: usize,
    damaged: usize,
}

impl DamagedLine {
    /// `damaged` is the part of the bytes that are.
    pub(crate) fn new(qemu: UnixStream, damaged: f64, seed: u64) -> Self {
        let (mut master, device) = TTYPort::pair().unwrap();
        // The device's end is closed at once: the source opens it exclusively.
        let device = device.name().unwrap();
        master.set_timeout(Duration::from_millis(100)).unwrap();
        qemu.set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let carrier = |from: Box<dyn Read + Send>, to: Box<dyn Write + Send>, seed: u64| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || carry(from, to, damaged, seed, &stop))
        };
        let to_qemu = Box::new(qemu.try_clone().unwrap());
        let to_host = Box::new(master.try_clone_native().unwrap());
        let carriers = [
            carrier(Box::new(master), to_qemu, seed),
            carrier(Box::new(qemu), to_host, seed + 1),
        ];
        Self {
            device,
            stop,
            carriers,
        }
    }

    pub(crate) fn device(&self) -> &str {
        &self.device
    }

    /// Ends the line; what went over it.
    pub(crate) fn finish(self) -> Heard {
        self.stop.store(true, Ordering::Relaxed);
        let [to_mcu, to_host] = self.carriers.map(|carrier| carrier.join().unwrap());
        Heard {
            to_mcu: to_mcu.messages.into_iter().map(|(_, m)| m).collect(),
            bytes: [to_mcu.bytes, to_host.bytes],
            damaged: [to_mcu.damaged, to_host.damaged],
            to_host: to_host.messages,
        }
    }
}

fn carry(
    mut from: Box<dyn Read + Send>,
    mut to: Box<dyn Write + Send>,
    damaged: f64,
    seed: u64,
    stop: &AtomicBool,
) -> Carried {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut decoder = Decoder::new();
    let mut carried = Carried::default();
    let mut piece = [0; 64];
    let mut free = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let read = match from.read(&mut piece) {
            Ok(read) => read,
            Err(error) => {
                // A pseudo-terminal that nobody has open has an error of its own, at once.
                if !matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) {
                    thread::sleep(Duration::from_millis(5));
                }
                continue;
            }
        };
        let bytes = &mut piece[..read];
        decoder.push_all(bytes, |result| {
            if let Ok(frame) = result {
                carried.messages.push((frame.session, frame.message));
            }
        });
        carried.bytes += read;
        for byte in bytes.iter_mut() {
            if random.f64() < damaged {
                *byte ^= random.u8(1..);
                carried.damaged += 1;
            }
        }
        free = free.max(Instant::now()) + BYTE * read as u32;
        wait_until(free);
        // Where nobody listens bytes are lost, as on any line.
        let _ = to.write_all(bytes);
    }
    carried
}

/// Sleeps, and looks at the clock at the end: a sleep alone is up to 0.1 ms too long.
fn wait_until(end: Instant) {
    let left = end.saturating_duration_since(Instant::now());
    thread::sleep(left.saturating_sub(Duration::from_micros(120)));
    while Instant::now() < end {
        thread::yield_now();
    }
}
