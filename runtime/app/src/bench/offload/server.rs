//! The target's server, `drafthorse-target`, as it is run anywhere: a process of its own, behind mutual TLS.

use super::Folders;
use crate::cli::OffloadBench;
use anyhow::{Context, Result, bail};
use drafthorse_offload::client::ClientSettings;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The program, with what it is started with.
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<PathBuf>,
    onnxruntime: Option<PathBuf>,
    certificates: TempDir,
}

/// A server that answers. It ends when it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Program {
    /// The one that is named, or the one beside this program; makes certificates.
    pub(super) fn find(args: &OffloadBench, folders: &Folders) -> Result<Self> {
        let path = match &args.target_program {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("drafthorse-target"),
        };
        if !path.is_file() {
            bail!(
                "{} is not there: build it with `cargo build --release -p drafthorse-target`, or name it with --target-program",
                path.display()
            );
        }
        let certificates = tempfile::tempdir().context("no temporary folder could be made")?;
        let made = Command::new(&path)
            .args(["certs", "--vehicle", "bench", "--out"])
            .arg(certificates.path())
            .stdout(Stdio::null())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            bail!("{} makes no certificates", path.display());
        }
        let flags = ["--model", "--drafter"].map(PathBuf::from);
        let given = [folders.target.clone(), folders.drafter.clone()];
        Ok(Self {
            path,
            arguments: flags
                .into_iter()
                .zip(given)
                .flat_map(<[_; 2]>::from)
                .collect(),
            onnxruntime: args.engine.onnxruntime.clone(),
            certificates,
        })
    }

    /// Starts a server that takes at least `pace_ms` a run; `alone`: without a drafter beside the target, a token a run.
    pub(super) fn serve(&self, pace_ms: f64, alone: bool) -> Result<Server> {
        let mut command = Command::new(&self.path);
        command.arg("serve").args(&self.arguments);
        command.args(["--listen", "127.0.0.1:0", "--answers", "0"]);
        // Every block of the bench is one that is waited for: none is to be shed.
        command.args(["--rate", "1000", "--burst", "1000"]);
        command.arg("--pace-ms").arg(pace_ms.to_string());
        if alone {
            command.args(["--ahead", "0"]);
        }
        if let Some(library) = &self.onnxruntime {
            command.arg("--onnxruntime").arg(library);
        }
        for (flag, file) in [
            ("--ca", "ca.pem"),
            ("--certificate", "server.pem"),
            ("--key", "server.key"),
        ] {
            command.arg(flag).arg(self.file(file));
        }
        let mut child = command
            .stdout(Stdio::piped())
            .env("DRAFTHORSE_LOG", "error")
            .spawn()
            .with_context(|| format!("{} does not start", self.path.display()))?;
        let out = child.stdout.take().context("it has no output")?;
        let mut server = Server {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let ready: serde_json::Value =
            serde_json::from_str(&line).context("the server has ended before it answered")?;
        let address = ready["address"].as_str().unwrap_or_default();
        server.address = address
            .parse()
            .context("the server does not say where it is")?;
        Ok(server)
    }

    /// How a vehicle reaches a server behind that address.
    pub(super) fn client(&self, address: SocketAddr) -> ClientSettings {
        ClientSettings {
            address: format!("https://{address}"),
            ca: Some(self.file("ca.pem")),
            certificate: Some(self.file("bench.pem")),
            key: Some(self.file("bench.key")),
            ..ClientSettings::default()
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(self.certificates.path()).join(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing that would have to be put away.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
