//! Finding and loading the library.

use crate::provider::Provider;
use crate::{NAME, session};
use drafthorse_engine::{Artefact, Backend, EngineError, LoadOptions, Model};
use ort::LoadDynamicError;
use ort::environment::Environment;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The oldest version that serves.
pub const MINIMUM: &str = "1.23";

/// Where the library lies beside the program.
const BESIDE: &str = "lib/libonnxruntime.so";
/// Names that it has where the system keeps libraries.
const NAMES: [&str; 2] = ["libonnxruntime.so.1", "libonnxruntime.so"];

/// How ONNX Runtime is found and set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnnxRuntimeConfig {
    /// The library; where absent it is looked for beside the program (`lib/libonnxruntime.so`) and
    /// where the system keeps libraries.
    pub library: Option<PathBuf>,
    /// Whether threads wait for work by spinning: lower latency, and a busy core.
    pub spinning: bool,
    /// Whether memory is kept from run to run in an arena.
    pub arena: bool,
    /// What does the work.
    pub provider: Provider,
}

impl Default for OnnxRuntimeConfig {
    fn default() -> Self {
        Self {
            library: None,
            spinning: false,
            arena: true,
            provider: Provider::Cpu,
        }
    }
}

/// ONNX Runtime, loaded.
pub struct OnnxRuntime {
    loaded: Arc<Loaded>,
    config: OnnxRuntimeConfig,
}

/// The library that this process holds.
struct Loaded {
    environment: Environment,
    path: PathBuf,
    version: String,
}

/// A library stays loaded until the process ends, and its environment can be made only once.
static LOADED: Mutex<Option<Arc<Loaded>>> = Mutex::new(None);

impl OnnxRuntime {
    /// Loads the library.
    ///
    /// # Errors
    /// [`EngineError::Absent`] with where was looked, [`EngineError::TooOld`].
    pub fn open(config: &OnnxRuntimeConfig) -> Result<Self, EngineError> {
        let mut held = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = match &*held {
            Some(loaded) => Arc::clone(loaded),
            None => Arc::clone(held.insert(Arc::new(load(config.library.as_deref())?))),
        };
        if let Some(wanted) = &config.library
            && *wanted != loaded.path
        {
            return Err(absent(
                config.provider.name(),
                format!(
                    "this process has loaded {} already and cannot load {} beside it",
                    loaded.path.display(),
                    wanted.display()
                ),
            ));
        }
        config.provider.check()?;
        let config = config.clone();
        Ok(Self { loaded, config })
    }

    /// The library's file, or its name where the system has found it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.loaded.path
    }
}

impl Backend for OnnxRuntime {
    fn name(&self) -> &'static str {
        self.config.provider.name()
    }

    fn version(&self) -> String {
        self.loaded.version.clone()
    }

    fn load(
        &self,
        artefact: Artefact<'_>,
        options: &LoadOptions,
    ) -> Result<Box<dyn Model>, EngineError> {
        session::load(
            &self.loaded.environment,
            &self.loaded.version,
            &self.config,
            artefact,
            options,
        )
    }
}

fn load(wanted: Option<&Path>) -> Result<Loaded, EngineError> {
    let mut why = Vec::new();
    let candidates: Vec<PathBuf> = match wanted {
        Some(path) => vec![path.to_owned()],
        None => {
            // Never from the folder that the program happens to be started in.
            let program = std::env::current_exe().ok();
            let beside = program.and_then(|program| Some(program.parent()?.join(BESIDE)));
            let beside = beside.filter(|path| path.is_file());
            beside.into_iter().chain(NAMES.map(PathBuf::from)).collect()
        }
    };
    for path in candidates {
        match ort::init_from(&path) {
            Ok(builder) => return begin(builder, path),
            Err(LoadDynamicError::BadVersion { version_str, path }) => {
                return Err(EngineError::TooOld {
                    backend: NAME,
                    path,
                    found: version_str,
                    needed: MINIMUM.to_owned(),
                });
            }
            Err(error) => why.push(error.to_string()),
        }
    }
    Err(absent(NAME, why.join("; ")))
}

fn begin(
    builder: ort::environment::EnvironmentBuilder,
    path: PathBuf,
) -> Result<Loaded, EngineError> {
    // ONNX Runtime writes warnings to standard error; errors come back as such.
    let environment = builder.with_name("drafthorse").build();
    let environment = environment.map_err(|error| EngineError::Failed {
        backend: NAME,
        why: error.to_string(),
    })?;
    environment.set_log_level(ort::logging::LogLevel::Error);
    let minor = ort::util::probe(&path);
    Ok(Loaded {
        environment,
        version: minor.map_or_else(|| "1".to_owned(), |minor| format!("1.{minor}")),
        path,
    })
}

pub(crate) fn absent(backend: &'static str, why: String) -> EngineError {
    EngineError::Absent {
        backend,
        why,
        instead: "install ONNX Runtime (its Python package brings the library) or name the library: --onnxruntime FILE, or onnxruntime_library in [engine]",
    }
}

/// The library is here, and was built without what is asked for.
pub(crate) fn built_without(backend: &'static str, what: &str) -> EngineError {
    EngineError::Absent {
        backend,
        why: format!("this ONNX Runtime was built without {what}"),
        instead: "name the library of a build with it in the configuration (those of the package onnxruntime-gpu, or NVIDIA's for Jetson)",
    }
}
