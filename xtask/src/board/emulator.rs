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

use super::vehicle::now_ns;

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

    /// The reset button: what the board's memory held is gone. Gives this machine's time before and after,
    /// ns: a busy QEMU answers late.
    pub(super) fn reset(&self) -> anyhow::Result<[u64; 2]> {
        let (_, sent_ns) = self.command("system_reset")?;
        Ok([sent_ns, now_ns()])
    }

    /// The longest that the disk has taken lately to have written what the board flushed, which is what
    /// a sync there waits for.
    pub(super) fn slowest_flush(&self) -> anyhow::Result<Duration> {
        let (stats, _) = self.command("query-blockstats")?;
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
        self.command("quit")?;
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

    /// A command without arguments over QEMU's machine protocol; gives its answer, and when it was
    /// sent, ns.
    fn command(&self, name: &str) -> anyhow::Result<(Value, u64)> {
        let path = self.folder.join("qmp.sock");
        let stream = UnixStream::connect(&path)
            .with_context(|| format!("the board is not up: {}", path.display()))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let mut stream = &stream;
        let mut answered = Value::Null;
        let mut sent_ns = 0;
        for command in ["qmp_capabilities", name] {
            sent_ns = now_ns();
            writeln!(stream, "{}", json!({ "execute": command }))?;
            loop {
                let Some(line) = lines.next() else {
                    // It ended before it answered, as it was asked to.
                    ensure!(command == "quit", "QEMU closed its socket");
                    return Ok((answered, sent_ns));
                };
                let mut answer: Value = serde_json::from_str(&line?)?;
                if let Some(error) = answer.get("error") {
                    bail!("QEMU refuses {command}: {error}");
                }
                if let Some(returned) = answer.get_mut("return") {
                    answered = returned.take();
                    break;
                }
            }
        }
        Ok((answered, sent_ns))
    }
}
