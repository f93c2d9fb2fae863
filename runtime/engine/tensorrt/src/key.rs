//! What an engine holds for. An engine that was built for anything else is never run.

use crate::hash::sha256;
use crate::profile::Profile;
use serde::{Deserialize, Serialize};

/// The machine's side of an engine's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// `TensorRT`, or what stands in for it.
    pub implementation: String,
    /// Version of TensorRT.
    pub tensorrt: String,
    /// Version of CUDA.
    pub cuda: String,
    /// Compute capability of the GPU: `8.7`.
    pub compute: String,
    /// Name of the GPU.
    pub device: String,
    /// Power mode of the board.
    pub power_mode: String,
}

/// What an engine holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineKey {
    /// SHA-256 of the ONNX file.
    pub model: String,
    /// What was asked of the builder, in words.
    pub options: String,
    /// The machine.
    pub environment: Environment,
}

impl EngineKey {
    /// SHA-256 over everything, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        let Environment {
            implementation,
            tensorrt,
            cuda,
            compute,
            device,
            power_mode,
        } = &self.environment;
        digest(&[
            &self.model,
            &self.options,
            implementation,
            tensorrt,
            cuda,
            compute,
            device,
            power_mode,
        ])
    }

    /// Name of the file of a model called `name`: one for each model and its options, so that an
    /// engine of another machine or version is replaced and none pile up.
    #[must_use]
    pub fn file_name(&self, name: &str) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let plain = |c: char| if is_plain(c) { c } else { '_' };
        let name: String = name.chars().map(plain).take(64).collect();
        let asked = digest(&[&self.model, &self.options]);
        format!("{name}-{}.engine", &asked[..16])
    }
}

/// SHA-256 over fields, each after its length, so that none runs into the next.
fn digest(fields: &[&str]) -> String {
    let mut bytes = Vec::new();
    for field in fields {
        bytes.extend_from_slice(&(field.len() as u64).to_le_bytes());
        bytes.extend_from_slice(field.as_bytes());
    }
    sha256(&bytes)
}

/// What is asked of the builder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) fp16: bool,
    pub(crate) int8: bool,
    pub(crate) calibration: Vec<u8>,
    pub(crate) dla_core: Option<u32>,
    pub(crate) workspace_mib: u64,
    pub(crate) profiles: Vec<Profile>,
}

impl Asked {
    /// In words, the same words for the same.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("fp16={} int8={}", self.fp16, self.int8);
        if !self.calibration.is_empty() {
            words += &format!(" calibration={}", sha256(&self.calibration));
        }
        if let Some(core) = self.dla_core {
            words += &format!(" dla={core}");
        }
        if self.workspace_mib > 0 {
            words += &format!(" workspace={}MiB", self.workspace_mib);
        }
        for Profile {
            input,
            min,
            opt,
            max,
        } in &self.profiles
        {
            words += &format!(" {input:?}={min:?}..{opt:?}..{max:?}");
        }
        words
    }
}
