//! QEMU with the board in it: started, reset, stopped.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

/// Datagram socket whose packets arrive at the board as Ethernet frames of the radar's network.
pub(super) const RADAR_SOCKET: &str = "radar.sock";

/// How far back [`Emulator::slowest_flush`] looks, at least, s.
const LOOK_BACK_S: u32 = 30;

/// The emulator, whose files lie in one folder.
pub(super) struct Emulator {
    folder: PathBuf,
}

impl Emulator {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Starts it in the background; gives the port of the loopback that leads to the board's sshd.
    pub(super) fn start(&self, image: &Path) -> anyhow::Result<u16> {
        for socket in ["qmp.sock", RADAR_SOCKET] {
            let _ = fs::remove_file(self.folder.join(socket));
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let status = Command::new("qemu-system-aarch64")
            .args(["-M", "virt,gic-version=3", "-cpu", "cortex-a76"])
            .args(["-accel", "tcg,thread=multi", "-smp", "2", "-m", "2048"])
            .arg("-kernel")
            .arg(image.join("vmlinuz"))
            .arg("-initrd")
            .arg(image.join("initrd"))
            .args(["-append", "console=ttyAMA0 panic=5 quiet"])
            .arg("-drive")
            .arg(format!(
                "if=none,id=disk,format=raw,file=disk.img,stats-intervals.0={LOOK_BACK_S}"
            ))
            .args(["-device", "virtio-blk-pci,drive=disk"])
            .arg("-netdev")
            .arg(format!(
                "user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"
            ))
            .args(["-device", "virtio-net-pci,netdev=lan,romfile=,mac=52:54:00:00:00:01"])
            .arg("-netdev")
            .arg(format!(
                "dgram,id=radar,local.type=unix,local.path={RADAR_SOCKET},remote.type=unix,remote.path=nobody.sock"
            ))
            .args(["-device", "virtio-net-pci,netdev=radar,romfile=,mac=52:54:00:00:00:02"])
            .args(["-display", "none", "-serial", "file:console.log"])
            .args(["-qmp", "unix:qmp.sock,server=on,wait=off"])
            .args(["-pidfile", "qemu.pid", "-daemonize"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .status()
            .context("qemu-system-aarch64 could not be started")?;
        ensure!(
            status.success(),
            "QEMU does not start; version 7.2 or newer is needed"
        );
        Ok(port)
    }

    /// Starts the process that plays the radar; it ends with the board.
    pub(super) fn play(&self) -> anyhow::Result<()> {
        let log = fs::File::create(self.folder.join("radar.log"))?;
        Command::new(std::env::current_exe()?)
            .args(["board", "play"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("the radar could not be started")?;
        Ok(())
    }

    /// Whether it runs.
    pub(super) fn is_running(&self) -> bool {
        let Ok(pid) = fs::read_to_string(self.folder.join("qemu.pid")) else {
            return false;
        };
        let line = Path::new("/proc").join(pid.trim()).join("cmdline");
        fs::read(line).is_ok_and(|line| line.starts_with(b"qemu-system-aarch64"))
    }

    /// The plug is pulled: what the board's memory held is gone. Gives when it stood still, ns of this machine's time, as
    /// QEMU has it. It is stopped before it is reset, since a busy QEMU tells of a reset seconds after the board's last
    /// step.
    pub(super) fn reset(&self) -> anyhow::Result<u64> {
        let (_, stopped_ns) = self.command("stop", Some("STOP"))?;
        self.command("system_reset", None)?;
        self.command("cont", None)?;
        stopped_ns.context("QEMU does not say when it stopped")
    }

    /// The longest that the disk has taken lately to have written what the board flushed, which is what
    /// a sync there waits for.
    pub(super) fn slowest_flush(&self) -> anyhow::Result<Duration> {
        let (stats, _) = self.command("query-blockstats", None)?;
        let timed = &stats[0]["stats"]["timed_stats"][0];
        let ns = timed["max_flush_latency_ns"].as_u64();
        let ns =
            ns.with_context(|| format!("QEMU does not tell of its disk's flushes: {stats}"))?;
        Ok(Duration::from_nanos(ns))
    }

    /// Ends it, as by pulling the plug.
    pub(super) fn stop(&self) -> anyhow::Result<()> {
        if !self.is_running() {
            println!("board: it is not up");
            return Ok(());
        }
        self.command("quit", None)?;
        for _ in 0..100 {
            if !self.is_running() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("QEMU does not end; its process is in target/board/qemu.pid")
    }

    /// What the board's console said last.
    pub(super) fn console(&self) -> String {
        let text = fs::read(self.folder.join("console.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// A command without arguments over QEMU's machine protocol; gives its answer, and where `event` is named
    /// waits for it and gives when it happened, ns of this machine's time.
    fn command(&self, name: &str, event: Option<&str>) -> anyhow::Result<(Value, Option<u64>)> {
        let path = self.folder.join("qmp.sock");
        let stream = UnixStream::connect(&path)
            .with_context(|| format!("the board is not up: {}", path.display()))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let mut stream = &stream;
        let (mut answered, mut happened_ns) = (None, None);
        for command in ["qmp_capabilities", name] {
            answered = None;
            writeln!(stream, "{}", json!({ "execute": command }))?;
            let waits = event.is_some() && command == name;
            while answered.is_none() || (waits && happened_ns.is_none()) {
                let Some(line) = lines.next() else {
                    // It ended before it answered, as it was asked to.
                    ensure!(command == "quit", "QEMU closed its socket");
                    return Ok((Value::Null, None));
                };
                let mut told: Value = serde_json::from_str(&line?)?;
                if let Some(error) = told.get("error") {
                    bail!("QEMU refuses {command}: {error}");
                }
                if waits && told["event"].as_str() == event {
                    happened_ns = Some(stamp_ns(&told["timestamp"])?);
                }
                if let Some(returned) = told.get_mut("return") {
                    answered = Some(returned.take());
                }
            }
        }
        Ok((answered.unwrap_or_default(), happened_ns))
    }
}

/// An event's time.
fn stamp_ns(stamp: &Value) -> anyhow::Result<u64> {
    let part = |name: &str| stamp[name].as_u64();
    let (seconds, microseconds) = part("seconds")
        .zip(part("microseconds"))
        .with_context(|| format!("QEMU does not say when: {stamp}"))?;
    Ok(seconds * 1_000_000_000 + microseconds * 1000)
}
