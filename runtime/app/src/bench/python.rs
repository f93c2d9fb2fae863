//! A peer in Python: a process that answers each command, a line of JSON, with another.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The running process. It is ended with this.
pub(super) struct Python {
    /// Of what it measures, as its first line says.
    pub(super) version: String,
    /// What it says beside its answers.
    errors: File,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Python {
    /// Starts it and waits for its first line.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let errors = tempfile::tempfile().context("no temporary file could be made")?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone()?)
            .spawn()
            .with_context(|| format!("{program} does not start"))?;
        let to = child.stdin.take().context("it has no input")?;
        let from = BufReader::new(child.stdout.take().context("it has no output")?);
        let mut peer = Self {
            version: String::new(),
            errors,
            child,
            to,
            from,
        };
        let hello = peer.answer();
        let hello = hello.with_context(|| format!("{program} cannot run the peer"))?;
        hello["version"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut peer.version);
        Ok(peer)
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            // Python says last what it died of.
            let mut said = Vec::new();
            self.errors.seek(SeekFrom::Start(0))?;
            self.errors.read_to_end(&mut said)?;
            let said = String::from_utf8_lossy(&said);
            let last = said.trim_end().lines().last().unwrap_or_default();
            bail!("the peer has ended: {last}");
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// Gives it a command; its answer.
    pub(super) fn ask(&mut self, command: &Value) -> Result<Value> {
        writeln!(self.to, "{command}")?;
        self.to.flush()?;
        self.answer()
    }

    /// Gives it a command that is answered with seconds of each run.
    pub(super) fn seconds(&mut self, command: &Value) -> Result<Vec<f64>> {
        let answer = self.ask(command)?;
        Ok(serde_json::from_value(answer["seconds"].clone())?)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
