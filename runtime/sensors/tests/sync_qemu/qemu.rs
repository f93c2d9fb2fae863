//! The board in QEMU.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// QEMU, until it is dropped.
pub(crate) struct Qemu {
    child: Child,
    folder: TempDir,
}

impl Qemu {
    pub(crate) fn start() -> Self {
        let firmware = std::env::var("DRAFTHORSE_FIRMWARE")
            .expect("DRAFTHORSE_FIRMWARE names the firmware: run `cargo xtask firmware`");
        let folder = tempfile::tempdir().unwrap();
        let socket = |name: &str| {
            let path = folder.path().join(name);
            format!("unix:{},server=on,wait=off", path.display())
        };
        let file = |name: &str| File::create(folder.path().join(name)).unwrap();
        let child = Command::new("qemu-system-arm")
            .args(["-M", "mps2-an386", "-display", "none"])
            .args(["-serial", &socket("serial")])
            .args(["-monitor", &socket("monitor")])
            .args(["-gdb", &socket("gdb")])
            .args(["-semihosting-config", "enable=on,target=native"])
            // Each write of the pins, with the time of the machine that QEMU runs on.
            .args(["-trace", "mps2_fpgaio_write", "-msg", "timestamp=on"])
            .arg("-D")
            .arg(folder.path().join("trace"))
            .args(["-kernel", &firmware])
            .stdin(Stdio::null())
            // What defmt writes.
            .stdout(file("defmt"))
            .stderr(file("errors"))
            .spawn()
            .expect("qemu-system-arm could not be started: apt-get install qemu-system-arm");
        Self { child, folder }
    }

    pub(crate) fn serial(&self) -> UnixStream {
        self.connect("serial")
    }

    /// Has QEMU's monitor do something.
    pub(crate) fn monitor(&self, command: &str) {
        let mut monitor = self.connect("monitor");
        writeln!(monitor, "{command}").unwrap();
        // It answers when it has done so.
        thread::sleep(Duration::from_millis(300));
    }

    /// Puts the processor into an endless loop, as a debugger would.
    pub(crate) fn hang(&self) {
        let mut gdb = self.connect("gdb");
        gdb.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // Only who has asked for the registers' names may set one.
        packet(&mut gdb, "qXfer:features:read:target.xml:0,10", "$m");
        // `b .` in memory that nobody uses, and the program counter there.
        packet(&mut gdb, "M20300000,2:fee7", "$OK");
        packet(&mut gdb, "Pf=00003020", "$OK");
        packet(&mut gdb, "D", "$OK");
    }

    /// When the pins of the outputs rose so far, ns since 1970.
    pub(crate) fn led_rises(&self) -> [Vec<u64>; 2] {
        let text = std::fs::read_to_string(self.folder.path().join("trace")).unwrap();
        let mut rises = [Vec::new(), Vec::new()];
        let mut leds = 0;
        for line in text.lines() {
            let Some((at_ns, value)) = write_of(line) else {
                continue;
            };
            for (output, rises) in rises.iter_mut().enumerate() {
                let bit = 1 << output;
                if value & bit != 0 && leds & bit == 0 {
                    rises.push(at_ns);
                }
            }
            leds = value;
        }
        rises
    }

    fn connect(&self, name: &str) -> UnixStream {
        let path = self.folder.path().join(name);
        for _ in 0..200 {
            if let Ok(stream) = UnixStream::connect(&path) {
                return stream;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("QEMU does not listen: {}", errors(self.folder.path()));
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            eprintln!("QEMU ended with {status}: {}", errors(self.folder.path()));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn errors(folder: &Path) -> String {
    let path: PathBuf = folder.join("errors");
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Time and value of a line like `77@1764530000.123456:mps2_fpgaio_write MPS2 FPGAIO write: offset 0x0 data
/// 0x1 size 4`, where it is of the LEDs.
fn write_of(line: &str) -> Option<(u64, u32)> {
    let (_, rest) = line.split_once('@')?;
    let (time, rest) = rest.split_once(":mps2_fpgaio_write")?;
    let (seconds, micros) = time.split_once('.')?;
    let at_us = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
    let (_, rest) = rest.split_once("offset 0x0 data 0x")?;
    let (value, _) = rest.split_once(' ')?;
    Some((at_us * 1_000, u32::from_str_radix(value, 16).ok()?))
}

/// Sends a packet of the gdb remote protocol and waits for its answer.
fn packet(gdb: &mut UnixStream, contents: &str, expected: &str) {
    let sum = contents.bytes().fold(0_u8, u8::wrapping_add);
    write!(gdb, "${contents}#{sum:02x}").unwrap();
    loop {
        let mut answer = Vec::new();
        let mut byte = [0];
        while byte != *b"#" {
            gdb.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        gdb.read_exact(&mut [0; 2]).unwrap();
        gdb.write_all(b"+").unwrap();
        let answer = String::from_utf8_lossy(&answer);
        // That it stopped the processor it says unasked.
        if !answer.contains("$T") {
            assert!(answer.contains(expected), "{contents}: {answer}");
            return;
        }
    }
}
