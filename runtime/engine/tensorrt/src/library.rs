//! Finding and loading the library that stands between this program and TensorRT.

use crate::abi;
use crate::build;
use crate::config::TensorRtConfig;
use crate::ffi::{Shim, Unusable};
use crate::key::Environment;
use crate::model::Loaded;
use crate::power::power_mode;
use crate::{NAME, STANDIN};
use drafthorse_engine::{Artefact, Backend, EngineError, LoadOptions, Model};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// File name of the library.
pub const LIBRARY: &str = "libdrafthorse_tensorrt.so";

/// What `dht_versions` says where TensorRT itself is behind the library.
const GENUINE: &str = "TensorRT";

/// TensorRT, loaded.
pub struct TensorRt {
    pub(crate) shim: Arc<Shim>,
    pub(crate) config: TensorRtConfig,
    pub(crate) environment: Environment,
    pub(crate) dla_cores: u32,
    path: PathBuf,
}

impl TensorRt {
    /// Loads the library and asks the device what it is.
    ///
    /// # Errors
    /// [`EngineError::Absent`] with where was looked, [`EngineError::TooOld`],
    /// [`EngineError::Failed`] where there is no device.
    pub fn open(config: &TensorRtConfig) -> Result<Self, EngineError> {
        let mode = power_mode();
        Self::open_in_mode(config, mode)
    }

    /// The same on a board whose power mode is known already.
    ///
    /// # Errors
    /// As [`TensorRt::open`].
    pub fn open_in_mode(config: &TensorRtConfig, mode: String) -> Result<Self, EngineError> {
        let (shim, path) = find(config.library.as_deref())?;
        let versions = shim.versions(number(config.device));
        let versions = versions.map_err(|said| EngineError::Failed {
            backend: NAME,
            why: said.text,
        })?;
        let numbers = versions.numbers;
        let dotted = |numbers: &[i32]| {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            numbers.join(".")
        };
        Ok(Self {
            environment: Environment {
                implementation: versions.implementation,
                tensorrt: dotted(&numbers.tensorrt),
                cuda: dotted(&numbers.cuda),
                compute: dotted(&numbers.compute),
                device: versions.device,
                power_mode: mode,
            },
            dla_cores: u32::try_from(numbers.dla_cores).unwrap_or(0),
            shim: Arc::new(shim),
            config: config.clone(),
            path,
        })
    }

    /// The library's file, or its name where the system has found it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What built engines depend on besides the model and the options.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Deep learning accelerators beside the GPU.
    #[must_use]
    pub fn dla_cores(&self) -> u32 {
        self.dla_cores
    }
}

impl Backend for TensorRt {
    fn name(&self) -> &'static str {
        match self.environment.implementation == GENUINE {
            true => NAME,
            false => STANDIN,
        }
    }

    fn version(&self) -> String {
        let Environment {
            implementation,
            tensorrt,
            cuda,
            compute,
            device,
            power_mode,
        } = &self.environment;
        let genuine = if implementation == GENUINE {
            String::new()
        } else {
            format!("{implementation}: ")
        };
        let mut version = format!(
            "{genuine}{tensorrt}, CUDA {cuda}, {device} ({compute}), power mode {power_mode}"
        );
        // What changes answers and times belongs to what a self-test's outcome holds for.
        if self.config.fp16 {
            version += ", fp16";
        }
        if self.config.int8 {
            version += ", int8";
        }
        if let Some(core) = self.config.dla_core {
            version += &format!(", accelerator {core}");
        }
        version
    }

    fn load(
        &self,
        artefact: Artefact<'_>,
        options: &LoadOptions,
    ) -> Result<Box<dyn Model>, EngineError> {
        let plan = build::plan(self, artefact, options)?;
        let go_on = &mut |_: build::Progress<'_>| ControlFlow::Continue(());
        let (session, _) = build::session(self, artefact, &plan, build::Wish::Load, go_on)?;
        Ok(Box::new(Loaded::new(artefact.name, session, plan)?))
    }
}

fn find(wanted: Option<&Path>) -> Result<(Shim, PathBuf), EngineError> {
    let mut why = Vec::new();
    for path in candidates(wanted) {
        match Shim::open(&path) {
            Ok(shim) => return Ok((shim, path)),
            Err(Unusable::Foreign(said)) => why.push(said),
            Err(Unusable::Abi(found)) if found < abi::ABI_VERSION => {
                return Err(EngineError::TooOld {
                    backend: NAME,
                    path,
                    found: format!("interface {found}"),
                    needed: format!("interface {}", abi::ABI_VERSION),
                });
            }
            Err(Unusable::Abi(found)) => why.push(format!(
                "{} has the interface {found}, newer than this program's {}",
                path.display(),
                abi::ABI_VERSION
            )),
        }
    }
    Err(EngineError::Absent {
        backend: NAME,
        why: why.join("; "),
        instead: "on a board with JetPack 6.1 or newer `drafthorse engine shim` compiles its library",
    })
}

/// Where the library may lie, in the order in which it is looked for.
fn candidates(wanted: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = wanted {
        return vec![path.to_owned()];
    }
    let program = std::env::current_exe();
    let folder = program.as_ref().ok().and_then(|program| program.parent());
    let beside = folder.map(|folder| folder.join("lib").join(LIBRARY));
    // By its name alone the system looks for it.
    beside.into_iter().chain([PathBuf::from(LIBRARY)]).collect()
}

/// A number of a device as the library takes it.
pub(crate) fn number(device: u32) -> i32 {
    i32::try_from(device).unwrap_or(i32::MAX)
}
