//! ONNX Runtime's own Python package as a peer, in a process of its own.

use super::engine::Side;
use super::python::Python;
use anyhow::{Result, bail};
use drafthorse_engine::{Tensor, View};
use drafthorse_samples::Sample;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = include_str!("engine_peer.py");

pub(super) struct Peer {
    python: Python,
}

impl Peer {
    /// Starts it; says why where it cannot be had.
    pub(super) fn start(python: &Path) -> Option<Self> {
        match Self::try_start(python) {
            Ok(peer) => {
                let version = peer.version();
                eprintln!("beside ONNX Runtime {version} of {}", python.display());
                Some(peer)
            }
            Err(error) => {
                eprintln!(
                    "drafthorse: no peer beside: {error:#}; `pip install onnxruntime` and name that Python with --python"
                );
                None
            }
        }
    }

    fn try_start(python: &Path) -> Result<Self> {
        let mut command = Command::new(python);
        command.args(["-c", SCRIPT]);
        let python = Python::start(command)?;
        Ok(Self { python })
    }

    /// Of its ONNX Runtime.
    pub(super) fn version(&self) -> &str {
        &self.python.version
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
        self.python.ask(&command).map(drop)
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
        Ok(peer.python.ask(&json!({"peak": true}))?["mib"].as_f64())
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
        self.python.seconds(&json!({"block": count}))
    }

    fn steps(&mut self, count: usize) -> Result<Vec<f64>> {
        self.python.seconds(&json!({"steps": count}))
    }
}
