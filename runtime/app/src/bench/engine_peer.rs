//! ONNX Runtime's own Python package as a peer, in a process of its own.

use super::engine::Side;
use anyhow::{Context, Result, bail};
use drafthorse_engine::{Tensor, View};
use drafthorse_samples::Sample;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const SCRIPT: &str = include_str!("engine_peer.py");

pub(super) struct Peer {
    /// Of its ONNX Runtime.
    pub(super) version: String,
    /// What it says beside its answers.
    errors: File,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it; says why where it cannot be had.
    pub(super) fn start(python: &Path) -> Option<Self> {
        match Self::try_start(python) {
            Ok(peer) => Some(peer),
            Err(error) => {
                eprintln!(
                    "drafthorse: no peer beside: {error:#}; `pip install onnxruntime` and name that Python with --python"
                );
                None
            }
        }
    }

    fn try_start(python: &Path) -> Result<Self> {
        let errors = tempfile::tempfile().context("no temporary file could be made")?;
        let mut child = Command::new(python)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone()?)
            .spawn()
            .with_context(|| format!("{} does not start", python.display()))?;
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
        let hello = hello.with_context(|| format!("{} cannot run the peer", python.display()))?;
        hello["version"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut peer.version);
        eprintln!(
            "beside ONNX Runtime {} of {}",
            peer.version,
            python.display()
        );
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

    fn ask(&mut self, command: &Value) -> Result<Value> {
        writeln!(self.to, "{command}")?;
        self.to.flush()?;
        self.answer()
    }

    /// Loads a sample with its inputs, through files in `dir`.
    pub(super) fn load(&mut self, sample: &Sample, dir: &Path, threads: usize) -> Result<()> {
        let path = dir.join(format!("{}.onnx", sample.name));
        std::fs::write(&path, sample.bytes())?;
        let mut inputs = Vec::new();
        let names = drafthorse_onnx::inputs(&sample.model);
        for (index, (tensor, port)) in sample.inputs(1).iter().zip(&names).enumerate() {
            let file = dir.join(format!("{}.{index}", sample.name));
            std::fs::write(&file, bytes(tensor)?)?;
            inputs.push(json!({
                "name": port.name,
                "dtype": match tensor.view() { View::I64(..) => "int64", _ => "float32" },
                "shape": tensor.shape(),
                "file": file,
            }));
        }
        let state: Vec<Value> = sample
            .state
            .iter()
            .map(|pair| json!([pair.input, pair.output, pair.initial]))
            .collect();
        let command = json!({"load": path, "threads": threads, "inputs": inputs, "state": state});
        self.ask(&command).map(drop)
    }

    fn seconds(&mut self, command: &Value) -> Result<Vec<f64>> {
        let answer = self.ask(command)?;
        Ok(serde_json::from_value(answer["seconds"].clone())?)
    }

    /// Peak memory of a process that does nothing but run the sample, MiB.
    pub(super) fn peak(
        python: &Path,
        sample: &Sample,
        dir: &Path,
        threads: usize,
    ) -> Result<Option<f64>> {
        let Ok(mut peer) = Self::try_start(python) else {
            return Ok(None);
        };
        peer.load(sample, dir, threads)?;
        match sample.state.is_empty() {
            true => peer.block(4)?,
            false => peer.steps(48)?,
        };
        Ok(peer.ask(&json!({"peak": true}))?["mib"].as_f64())
    }
}

fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    Ok(match tensor.view() {
        View::F32(_, data) => data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        View::I64(_, data) => data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        _ => bail!("samples have inputs of f32 and i64"),
    })
}

impl Side for Peer {
    fn block(&mut self, count: usize) -> Result<Vec<f64>> {
        self.seconds(&json!({"block": count}))
    }

    fn steps(&mut self, count: usize) -> Result<Vec<f64>> {
        self.seconds(&json!({"steps": count}))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
