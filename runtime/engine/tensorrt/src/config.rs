//! How TensorRT is found and what it builds.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How TensorRT is found and what it builds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TensorRtConfig {
    /// The library that `drafthorse engine shim` compiles; where absent it is looked for beside the
    /// program (`lib/libdrafthorse_tensorrt.so`) and where the system keeps libraries.
    pub library: Option<PathBuf>,
    /// Folder of built engines; where absent each load builds anew.
    pub cache: Option<PathBuf>,
    /// Whether loading builds an engine that the cache does not hold, which takes minutes on a
    /// board. Where not, that is an error which names `drafthorse engine build`.
    pub build_when_loading: bool,
    /// Number of the GPU.
    pub device: u32,
    /// Whether kernels in half precision may be taken.
    pub fp16: bool,
    /// Whether kernels in 8 bits may be taken. Models that are quantised already are built with them
    /// anyway.
    pub int8: bool,
    /// TensorRT's calibration cache, for models in floating point that are to be run in 8 bits.
    pub calibration: Option<PathBuf>,
    /// Core of the deep learning accelerator that runs what it can; the GPU where absent.
    pub dla_core: Option<u32>,
    /// Scratch memory that kernels may take, MiB; 0 for what TensorRT takes by itself.
    pub workspace_mib: u64,
    /// Lengths that dynamic axes may have, by the axis's name in the model.
    pub axes: BTreeMap<String, AxisRange>,
    /// Lengths of the dynamic axes that `axes` does not name. Those of a state begin as short as the
    /// state does.
    pub other_axes: AxisRange,
    /// Whether runs of unchanged shapes are replayed as one CUDA graph, which spares the launching
    /// of each kernel.
    pub graphs: bool,
}

impl Default for TensorRtConfig {
    fn default() -> Self {
        Self {
            library: None,
            cache: Some(PathBuf::from("drafthorse-cache/tensorrt")),
            build_when_loading: true,
            device: 0,
            fp16: false,
            int8: false,
            calibration: None,
            dla_core: None,
            workspace_mib: 0,
            axes: BTreeMap::new(),
            other_axes: AxisRange::default(),
            graphs: true,
        }
    }
}

/// Lengths that a dynamic axis may have. An engine is fastest at `opt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisRange {
    /// Shortest.
    pub min: usize,
    /// Length to be fastest at.
    pub opt: usize,
    /// Longest.
    pub max: usize,
}

impl Default for AxisRange {
    fn default() -> Self {
        Self {
            min: 1,
            opt: 1,
            max: 256,
        }
    }
}
