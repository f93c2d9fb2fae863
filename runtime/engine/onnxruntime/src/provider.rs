//! What in ONNX Runtime does the work: the processor, CUDA, or TensorRT.

use crate::library::{OnnxRuntimeConfig, absent, built_without};
use drafthorse_engine::EngineError;
use ort::ep::{CPU, CUDA, ExecutionProvider as _, ExecutionProviderDispatch, TensorRT};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// What does the work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA GPU through CUDA, by its number; what CUDA cannot do runs on the processor.
    Cuda {
        /// Number of the GPU.
        device: i32,
    },
    /// TensorRT; what it cannot do runs through CUDA, and what CUDA cannot on the processor.
    Tensorrt(TensorrtOptions),
}

/// How TensorRT builds its engines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TensorrtOptions {
    /// Number of the GPU.
    pub device: i32,
    /// Layers may run in 16-bit floats.
    pub fp16: bool,
    /// Layers that the model quantises run in 8 bits.
    pub int8: bool,
    /// The deep learning accelerator to use, by its number, where the board has one.
    pub dla_core: Option<u32>,
    /// Memory that a layer may use while it runs, MiB.
    pub workspace_mib: usize,
    /// Folder of built engines and timings.
    pub cache: PathBuf,
}

impl Default for TensorrtOptions {
    fn default() -> Self {
        Self {
            device: 0,
            fp16: true,
            int8: false,
            dla_core: None,
            workspace_mib: 1024,
            cache: PathBuf::from("drafthorse-cache"),
        }
    }
}

impl Provider {
    /// Name of the backend.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "onnxruntime",
            Self::Cuda { .. } => "onnxruntime-cuda",
            Self::Tensorrt(_) => "onnxruntime-tensorrt",
        }
    }

    /// Whether the loaded library was built with it.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let (has, what) = match self {
            Self::Cpu => return Ok(()),
            Self::Cuda { .. } => (CUDA::is_available(), "CUDA"),
            Self::Tensorrt(_) => (TensorRT::is_available(), "TensorRT"),
        };
        match has {
            Ok(true) => Ok(()),
            Ok(false) => Err(built_without(self.name(), what)),
            Err(error) => Err(absent(self.name(), error.to_string())),
        }
    }

    /// What a session for that model is given, first choice first.
    pub(crate) fn providers(
        &self,
        config: &OnnxRuntimeConfig,
        model: &[u8],
        version: &str,
    ) -> Vec<ExecutionProviderDispatch> {
        let processor = CPU::default().with_arena_allocator(config.arena).build();
        let cuda = |device| CUDA::default().with_device_id(device).build();
        match self {
            Self::Cpu => vec![processor],
            // What was asked for must be there: a silent fall to the processor is no answer.
            Self::Cuda { device } => vec![cuda(*device).error_on_failure(), processor],
            Self::Tensorrt(options) => {
                let folder = folder(options, model, version, &machine());
                // Where it cannot be made, TensorRT says so when it builds.
                let _ = std::fs::create_dir_all(&folder);
                let tensorrt = options.provider(&folder).build().error_on_failure();
                vec![tensorrt, cuda(options.device), processor]
            }
        }
    }
}

impl TensorrtOptions {
    fn provider(&self, folder: &Path) -> TensorRT {
        let folder = folder.to_string_lossy();
        let provider = TensorRT::default()
            .with_device_id(self.device)
            .with_fp16(self.fp16)
            .with_int8(self.int8)
            .with_max_workspace_size(self.workspace_mib << 20)
            .with_engine_cache(true)
            .with_engine_cache_path(&folder)
            .with_timing_cache(true)
            .with_timing_cache_path(&folder);
        match self.dla_core {
            None => provider,
            Some(core) => provider.with_dla(true).with_dla_core(core),
        }
    }
}

/// Where the engines of a model go. An engine is good only for the model, options, versions, GPU and
/// power mode it was built for: another of any of them has another folder.
fn folder(options: &TensorrtOptions, model: &[u8], version: &str, machine: &str) -> PathBuf {
    let mut hash = Sha256::new();
    hash.update(Sha256::digest(model));
    let TensorrtOptions {
        device,
        fp16,
        int8,
        dla_core,
        workspace_mib,
        cache,
    } = options;
    let about = format!("{device} {fp16} {int8} {dla_core:?} {workspace_mib}");
    for part in [about.as_str(), version, machine] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let key: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    cache.join(format!("tensorrt-{key}"))
}

/// Driver, release of the board's software, GPU and power mode, as the system's files tell.
fn machine() -> String {
    const FILES: [&str; 4] = [
        "/proc/driver/nvidia/version",
        "/etc/nv_tegra_release",
        "/proc/device-tree/model",
        "/var/lib/nvpmodel/status",
    ];
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let mut all: Vec<String> = FILES.into_iter().map(read).collect();
    // The GPUs' own descriptions, in the kernel's order of their addresses.
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/proc/driver/nvidia/gpus")
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    folders.sort();
    for folder in folders {
        all.push(std::fs::read_to_string(folder.join("information")).unwrap_or_default());
    }
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_of_another_model_option_version_or_machine_lie_elsewhere() {
        let options = TensorrtOptions::default();
        let half = TensorrtOptions {
            fp16: false,
            ..options.clone()
        };
        let base = folder(&options, b"model", "1.23", "orin pmode:0000");
        assert_eq!(base, folder(&options, b"model", "1.23", "orin pmode:0000"));
        for other in [
            folder(&options, b"other", "1.23", "orin pmode:0000"),
            folder(&half, b"model", "1.23", "orin pmode:0000"),
            folder(&options, b"model", "1.24", "orin pmode:0000"),
            folder(&options, b"model", "1.23", "orin pmode:0002"),
        ] {
            assert_ne!(base, other);
        }
    }
}
