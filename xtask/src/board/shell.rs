//! The way onto the board: ssh over a port of the loopback, with a key of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::emulator::Emulator;

/// The board, as the configuration for ssh names it.
pub(super) const HOST: &str = "virtual-board";
/// The user that deployments come in as.
pub(super) const USER: &str = "fleet";

/// A configuration for ssh.
pub(super) struct Shell {
    folder: PathBuf,
}

/// The public key that the board's system is made with.
pub(super) fn public_key(folder: &Path) -> PathBuf {
    folder.join("ssh_key.pub")
}

/// Makes the key pair where there is none.
pub(super) fn want_key(folder: &Path) -> anyhow::Result<()> {
    if public_key(folder).is_file() {
        return Ok(());
    }
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "virtual-board", "-f"])
        .arg(folder.join("ssh_key"))
        .stdin(Stdio::null())
        .status()
        .context("ssh-keygen could not be started: apt-get install openssh-client")?;
    ensure!(status.success(), "ssh-keygen made no key");
    Ok(())
}

impl Shell {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The configuration, for `-F`.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("ssh_config")
    }

    /// Writes it for a port.
    pub(super) fn configure(&self, port: u16) -> anyhow::Result<()> {
        // Each new disk has keys of its own, and only the loopback leads there.
        let text = format!(
            "Host {HOST}\n    HostName 127.0.0.1\n    Port {port}\n    User {USER}\n    IdentityFile {}\n    \
             IdentitiesOnly yes\n    StrictHostKeyChecking no\n    UserKnownHostsFile /dev/null\n    LogLevel ERROR\n",
            self.folder.join("ssh_key").display()
        );
        fs::write(self.config(), text)?;
        Ok(())
    }

    fn ssh(&self, user: &str) -> Command {
        let mut command = Command::new("ssh");
        command
            .arg("-F")
            .arg(self.config())
            .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-l", user])
            .arg(HOST);
        command
    }

    /// Waits until somebody can come in.
    pub(super) fn wait(&self, patience: Duration, emulator: &Emulator) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let ended = self.ssh("root").arg("true").output()?;
            if ended.status.success() {
                return Ok(());
            }
            ensure!(
                emulator.is_running(),
                "QEMU has ended:\n{}",
                emulator.console()
            );
            ensure!(
                began.elapsed() < patience,
                "nobody can come in after {} s: {}\nits console says:\n{}",
                patience.as_secs(),
                String::from_utf8_lossy(&ended.stderr).trim(),
                emulator.console()
            );
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Runs lines of shell as root, who prepares the board and looks after its sensors.
    pub(super) fn root(&self, script: &str) -> anyhow::Result<String> {
        said(script, &self.ssh("root").arg(script).output()?)
    }

    /// Runs lines of shell as the user that deployments come in as.
    pub(super) fn user(&self, script: &str) -> anyhow::Result<String> {
        said(script, &self.ssh(USER).arg(script).output()?)
    }

    /// The same, for its raw output.
    pub(super) fn bytes(&self, script: &str) -> anyhow::Result<Vec<u8>> {
        let ended = self.ssh(USER).arg(script).output()?;
        said(script, &ended)?;
        Ok(ended.stdout)
    }

    /// Runs lines of shell as root that read these bytes.
    pub(super) fn feed(&self, script: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let mut child = self
            .ssh("root")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(bytes)?;
        }
        ensure!(child.wait()?.success(), "`{script}` failed on the board");
        Ok(())
    }

    /// A shell for a person, or a command with its words.
    pub(super) fn open(&self, as_root: bool, words: &[String]) -> anyhow::Result<()> {
        let status = self
            .ssh(if as_root { "root" } else { USER })
            .args(words)
            .status()
            .context("ssh could not be started")?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

fn said(script: &str, ended: &Output) -> anyhow::Result<String> {
    if !ended.status.success() {
        bail!(
            "`{script}` failed on the board with {}: {}{}",
            ended.status,
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}
