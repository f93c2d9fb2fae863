//! The backends of this machine.

use drafthorse_engine::{Backend, EngineError};
use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig, Provider, TensorrtOptions};
use drafthorse_engine_tensorrt::{AxisRange, TensorRt, TensorRtConfig};
use drafthorse_engine_tract::Tract;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How networks are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Which engine runs a model: `auto` takes the fastest that passes the model's self-test.
    pub backend: BackendName,
    /// Threads that work on one run.
    pub threads: usize,
    /// The library of ONNX Runtime; where absent it is looked for beside the program
    /// (`lib/libonnxruntime.so`) and where the system keeps libraries.
    pub onnxruntime_library: Option<PathBuf>,
    /// Whether ONNX Runtime's threads wait for work by spinning: lower latency, and a busy core.
    pub onnxruntime_spinning: bool,
    /// Whether ONNX Runtime keeps memory from run to run in an arena.
    pub onnxruntime_arena: bool,
    /// The library that `drafthorse engine shim` compiles; where absent it is looked for beside the
    /// program (`lib/libdrafthorse_tensorrt.so`) and where the system keeps libraries.
    pub tensorrt_library: Option<PathBuf>,
    /// Whether TensorRT may run layers in 16-bit floats.
    pub tensorrt_fp16: bool,
    /// Whether TensorRT may run in 8 bits what the model quantises.
    pub tensorrt_int8: bool,
    /// Calibration cache with the ranges by which TensorRT quantises a model that does not do so itself;
    /// `drafthorse calibrate --tensorrt-cache` writes one.
    pub tensorrt_calibration: Option<PathBuf>,
    /// Lengths that dynamic axes may have in TensorRT's engines, by the axis's name in the model:
    /// shortest, the one to be fastest at, longest. Others are 1, 1, 256.
    pub tensorrt_axes: BTreeMap<String, [usize; 3]>,
    /// The deep learning accelerator that TensorRT uses, by its number.
    pub tensorrt_dla_core: Option<u32>,
    /// Folder of the record of choices, and of the engines that were built.
    pub cache: PathBuf,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            backend: BackendName::Auto,
            threads: 1,
            onnxruntime_library: None,
            onnxruntime_spinning: false,
            onnxruntime_arena: true,
            tensorrt_library: None,
            tensorrt_fp16: false,
            tensorrt_int8: false,
            tensorrt_calibration: None,
            tensorrt_axes: BTreeMap::new(),
            tensorrt_dla_core: None,
            cache: PathBuf::from("drafthorse-cache"),
        }
    }
}

impl EngineConfig {
    /// Hash of the calibration cache's bytes: the same name may come to hold others.
    fn calibration_hash(&self) -> Result<String, EngineError> {
        let Some(path) = &self.tensorrt_calibration else {
            return Ok(String::new());
        };
        let bytes = std::fs::read(path).map_err(|error| EngineError::Read {
            path: path.clone(),
            error,
        })?;
        Ok(format!("{:x}", Sha256::digest(bytes)))
    }

    /// How TensorRT itself is opened. Loading builds no engine: that is `drafthorse engine build`'s
    /// affair, so that no drive waits for it.
    #[must_use]
    pub fn tensorrt(&self) -> TensorRtConfig {
        TensorRtConfig {
            library: self.tensorrt_library.clone(),
            cache: Some(self.cache.join("tensorrt")),
            build_when_loading: false,
            fp16: self.tensorrt_fp16,
            int8: self.tensorrt_int8,
            calibration: self.tensorrt_calibration.clone(),
            axes: self
                .tensorrt_axes
                .iter()
                .map(|(name, &[min, opt, max])| (name.clone(), AxisRange { min, opt, max }))
                .collect(),
            dla_core: self.tensorrt_dla_core,
            ..TensorRtConfig::default()
        }
    }
}

/// An engine by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendName {
    /// The fastest that passes the self-test; ONNX Runtime's TensorRT is not among them, since it
    /// builds its engines when a model is loaded.
    #[default]
    Auto,
    /// Pure Rust, always there.
    Tract,
    /// TensorRT itself, through the library that `drafthorse engine shim` compiles on the board.
    Tensorrt,
    /// ONNX Runtime on the processor.
    Onnxruntime,
    /// ONNX Runtime through CUDA.
    OnnxruntimeCuda,
    /// ONNX Runtime through TensorRT.
    OnnxruntimeTensorrt,
}

impl BackendName {
    /// Whether a backend of that name may be taken.
    fn allows(self, name: &str) -> bool {
        match self {
            // It builds its engines when a model is loaded, in silence: only who names it waits.
            Self::Auto => name != "onnxruntime-tensorrt",
            Self::Tract => name == "tract",
            Self::Tensorrt => name == "tensorrt",
            Self::Onnxruntime => name == "onnxruntime",
            Self::OnnxruntimeCuda => name == "onnxruntime-cuda",
            Self::OnnxruntimeTensorrt => name == "onnxruntime-tensorrt",
        }
    }
}

/// The backends that are present, and why others are not.
pub struct Engines {
    present: Vec<Box<dyn Backend>>,
    absent: Vec<EngineError>,
    /// How they were opened, in words.
    settings: String,
}

impl Engines {
    /// Looks for all backends that the configuration allows.
    ///
    /// # Errors
    /// Where the one that the configuration names is absent.
    pub fn open(config: &EngineConfig) -> Result<Self, EngineError> {
        let opened = EngineConfig {
            // Where things are kept changes no answer.
            cache: PathBuf::new(),
            ..config.clone()
        };
        let mut engines = Self {
            present: Vec::new(),
            absent: Vec::new(),
            settings: format!("{opened:?} {}", config.calibration_hash()?),
        };
        if config.backend.allows("tensorrt") {
            match TensorRt::open(&config.tensorrt()) {
                Ok(backend) => engines.present.push(Box::new(backend)),
                // An engine that is named must be there, and so must a library.
                Err(error) if config.backend != BackendName::Auto => return Err(error),
                Err(error) if config.tensorrt_library.is_some() => return Err(error),
                Err(error) => engines.absent.push(error),
            }
        }
        engines.open_onnxruntime(config)?;
        if config.backend.allows("tract") {
            engines.present.push(Box::new(Tract));
        }
        Ok(engines)
    }

    fn open_onnxruntime(&mut self, config: &EngineConfig) -> Result<(), EngineError> {
        let tensorrt = Provider::Tensorrt(TensorrtOptions {
            fp16: config.tensorrt_fp16,
            int8: config.tensorrt_int8,
            dla_core: config.tensorrt_dla_core,
            cache: config.cache.clone(),
            ..TensorrtOptions::default()
        });
        let open = |provider| {
            OnnxRuntime::open(&OnnxRuntimeConfig {
                library: config.onnxruntime_library.clone(),
                spinning: config.onnxruntime_spinning,
                arena: config.onnxruntime_arena,
                provider,
            })
        };
        let is_named = config.backend != BackendName::Auto;
        for (name, provider) in [
            ("onnxruntime-tensorrt", tensorrt),
            ("onnxruntime-cuda", Provider::Cuda { device: 0 }),
            ("onnxruntime", Provider::Cpu),
        ] {
            if !config.backend.allows(name) {
                continue;
            }
            // Without the library none of the three is here: that is said once.
            let library = open(Provider::Cpu);
            let is_lost = library.is_err();
            match library.and_then(|_| open(provider)) {
                Ok(backend) => self.present.push(Box::new(backend)),
                // An engine that is named must be there, and so must a library.
                Err(error) if is_named => return Err(error),
                Err(error) if is_lost && config.onnxruntime_library.is_some() => return Err(error),
                Err(error) => self.absent.push(error),
            }
            if is_lost {
                break;
            }
        }
        Ok(())
    }

    /// Those given, in order of preference among equals.
    #[must_use]
    pub fn of(present: Vec<Box<dyn Backend>>) -> Self {
        Self {
            present,
            absent: Vec::new(),
            settings: String::new(),
        }
    }

    /// The backends, in order of preference among equals.
    pub fn present(&self) -> impl Iterator<Item = &dyn Backend> {
        self.present.iter().map(AsRef::as_ref)
    }

    /// What `open` makes of the first backend with which it succeeds, and that backend's name.
    ///
    /// # Errors
    /// Otherwise what it says of each, the same words once.
    pub fn first<T, E: std::fmt::Display>(
        &self,
        mut open: impl FnMut(&dyn Backend) -> Result<T, E>,
    ) -> Result<(T, String), String> {
        let mut refused: Vec<String> = Vec::new();
        for backend in self.present() {
            match open(backend) {
                Ok(opened) => return Ok((opened, backend.name().to_owned())),
                Err(error) => refused.push(error.to_string()),
            }
        }
        // What is wrong with a model itself, each engine says in the same words.
        refused.dedup();
        Err(refused.join("; "))
    }

    /// How they were opened: part of what an outcome holds for.
    pub(crate) fn settings(&self) -> &str {
        &self.settings
    }

    /// Why others are not present.
    #[must_use]
    pub fn absent(&self) -> &[EngineError] {
        &self.absent
    }

    /// The backend of that name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&dyn Backend> {
        self.present().find(|backend| backend.name() == name)
    }
}
