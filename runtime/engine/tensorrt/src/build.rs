//! From a model to an open engine: out of the cache, or built and put there.

use crate::abi;
use crate::cache::Cache;
use crate::ffi::{Build, Said, Session};
use crate::hash::sha256;
use crate::key::{Asked, EngineKey};
use crate::library::{TensorRt, number};
use crate::profile::profiles;
use crate::{NAME, library};
use drafthorse_engine::{Artefact, CacheFault, EngineError, LoadOptions, Ports};
use drafthorse_onnx::Graph;
use std::ffi::CString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How far a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done, in TensorRT's words. Phases contain others; the innermost is told.
    pub phase: &'a str,
    /// Steps of the phase that are done.
    pub step: u32,
    /// Steps that the phase has.
    pub steps: u32,
    /// Since the build began.
    pub elapsed: Duration,
}

/// What is told of a build's progress; [`ControlFlow::Break`] ends it.
pub type Listener<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + Send + 'a;

/// An engine in the cache.
#[derive(Debug)]
pub struct Built {
    /// Its file; none where the configuration names no cache.
    pub file: Option<PathBuf>,
    /// What it holds for.
    pub key: EngineKey,
    /// Whether it was there already.
    pub reused: bool,
    /// Why an engine that was there was not used.
    pub refused: Option<EngineError>,
    /// How long the building took.
    pub took: Duration,
}

impl TensorRt {
    /// Sees to it that the cache holds a model's engine: builds it where it does not, or in any case
    /// where `again` is set. That takes minutes on a board, during which `listener` is told.
    ///
    /// # Errors
    /// [`EngineError`] of the model, [`EngineError::Load`] where TensorRT does not take it,
    /// [`EngineError::Cancelled`], [`EngineError::Write`].
    ///
    /// # Panics
    /// With what `listener` panics with, once the build has ended.
    pub fn build(
        &self,
        artefact: Artefact<'_>,
        options: &LoadOptions,
        again: bool,
        listener: &mut Listener<'_>,
    ) -> Result<Built, EngineError> {
        let plan = plan(self, artefact, options)?;
        let wish = if again { Wish::Again } else { Wish::Build };
        let (_, built) = session(self, artefact, &plan, wish, listener)?;
        Ok(built)
    }
}

/// What a model's engine is built from and for.
pub(crate) struct Plan {
    pub(crate) ports: Ports,
    pub(crate) asked: Asked,
    key: EngineKey,
}

/// What to do about an engine that the cache does not hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// As the configuration says for loading.
    Load,
    /// Build it.
    Build,
    /// Build it though the cache holds one.
    Again,
}

/// Reads the model and settles what is asked of the builder.
pub(crate) fn plan(
    engine: &TensorRt,
    artefact: Artefact<'_>,
    options: &LoadOptions,
) -> Result<Plan, EngineError> {
    let file = drafthorse_onnx::parse(artefact.bytes).map_err(|why| EngineError::NotAModel {
        model: artefact.name.to_owned(),
        why,
    })?;
    let ports = Ports::of(artefact.name, &file, options)?;
    let config = &engine.config;
    let mut is_quantised = false;
    if let Some(graph) = &file.graph {
        Graph::new(graph).walk(&mut |_, node| {
            is_quantised |= matches!(&*node.op_type, "QuantizeLinear" | "DequantizeLinear");
        });
    }
    let calibration = match &config.calibration {
        Some(path) if config.int8 => std::fs::read(path).map_err(|error| EngineError::Read {
            path: path.clone(),
            error,
        })?,
        _ => Vec::new(),
    };
    let asked = Asked {
        fp16: config.fp16,
        int8: config.int8 || is_quantised,
        calibration,
        dla_core: config.dla_core,
        workspace_mib: config.workspace_mib,
        profiles: profiles(artefact.name, &ports, config)?,
    };
    Ok(Plan {
        key: EngineKey {
            model: sha256(artefact.bytes),
            options: asked.words(),
            environment: engine.environment.clone(),
        },
        ports,
        asked,
    })
}

/// Opens the model's engine from the cache, or builds it and puts it there.
pub(crate) fn session(
    engine: &TensorRt,
    artefact: Artefact<'_>,
    plan: &Plan,
    wish: Wish,
    listener: &mut Listener<'_>,
) -> Result<(Session, Built), EngineError> {
    let cache = engine.config.cache.as_deref().map(Cache::new);
    let file = cache.as_ref().map(|it| it.path(artefact.name, &plan.key));
    let mut built = Built {
        key: plan.key.clone(),
        reused: false,
        refused: None,
        took: Duration::ZERO,
        file,
    };
    if let (Some(cache), Some(file), true) = (&cache, &built.file, wish != Wish::Again) {
        match held(engine, cache, file, plan) {
            Ok(session) => {
                built.reused = true;
                return Ok((session, built));
            }
            Err(error) if wish == Wish::Load && !engine.config.build_when_loading => {
                return Err(error);
            }
            Err(error) if is_missing(&error) => {
                tracing::info!(model = artefact.name, "building its engine");
            }
            Err(error) => {
                tracing::warn!(model = artefact.name, %error, "building its engine anew");
                built.refused = Some(error);
            }
        }
    }
    let began = Instant::now();
    let bytes = make(engine, artefact, plan, cache.as_ref(), listener)?;
    built.took = began.elapsed();
    let session = open(engine, plan, &bytes).map_err(|said| load_error(artefact, said.text))?;
    if let Some(file) = &built.file {
        match crate::sealed::write(file, &plan.key, &bytes) {
            // The model runs all the same; only the next load builds again.
            Err(error) if wish == Wish::Load => tracing::warn!(%error, "the engine is not kept"),
            written => written?,
        }
    }
    Ok((session, built))
}

fn is_missing(error: &EngineError) -> bool {
    let missing = CacheFault::Missing;
    matches!(error, EngineError::Cache { why, .. } if *why == missing)
}

/// The engine that the cache holds, opened.
fn held(
    engine: &TensorRt,
    cache: &Cache,
    file: &Path,
    plan: &Plan,
) -> Result<Session, EngineError> {
    let bytes = cache.engine(file, &plan.key)?;
    open(engine, plan, &bytes).map_err(|said| EngineError::Cache {
        path: file.to_owned(),
        why: CacheFault::Rejected(said.text),
    })
}

fn open(engine: &TensorRt, plan: &Plan, bytes: &[u8]) -> Result<Session, Said> {
    Session::open(
        &engine.shim,
        bytes,
        number(engine.config.device),
        dla_core(&plan.asked),
        engine.config.graphs,
    )
}

/// As the library takes it.
fn dla_core(asked: &Asked) -> i32 {
    asked.dla_core.map_or(-1, library::number)
}

fn load_error(artefact: Artefact<'_>, why: String) -> EngineError {
    EngineError::Load {
        backend: NAME,
        model: artefact.name.to_owned(),
        why,
    }
}

/// Builds.
fn make(
    engine: &TensorRt,
    artefact: Artefact<'_>,
    plan: &Plan,
    cache: Option<&Cache>,
    listener: &mut Listener<'_>,
) -> Result<Vec<u8>, EngineError> {
    let mut shapes = Vec::new();
    for profile in &plan.asked.profiles {
        let name = CString::new(profile.input.as_str());
        let name = name.map_err(|_| load_error(artefact, "an input's name holds NUL".into()))?;
        let lengths = |shape: &[usize]| {
            let length = |&length| i64::try_from(length).unwrap_or(i64::MAX);
            shape.iter().map(length).collect()
        };
        let bounds = [&profile.min, &profile.opt, &profile.max];
        shapes.push((name, bounds.map(|shape| lengths(shape))));
    }
    let environment = &engine.environment;
    let timing = cache.map(|cache| cache.timing(environment));
    let timing = timing.unwrap_or_default();
    let build = Build {
        onnx: artefact.bytes,
        timing: &timing,
        calibration: &plan.asked.calibration,
        profiles: &shapes,
        workspace: plan.asked.workspace_mib.saturating_mul(1 << 20),
        device: number(engine.config.device),
        dla_core: dla_core(&plan.asked),
        fp16: plan.asked.fp16,
        int8: plan.asked.int8,
    };
    let began = Instant::now();
    let mut step = |phase: &str, step: i32, steps: i32| {
        listener(Progress {
            phase,
            step: u32::try_from(step).unwrap_or(0),
            steps: u32::try_from(steps).unwrap_or(0),
            elapsed: began.elapsed(),
        })
        .is_continue()
    };
    let made = engine.shim.build(&build, &mut step);
    let (bytes, times) = made.map_err(|said| match said.status {
        abi::CANCELLED => EngineError::Cancelled {
            backend: NAME,
            model: artefact.name.to_owned(),
        },
        _ => load_error(artefact, said.text),
    })?;
    if let (Some(cache), false) = (cache, times.is_empty()) {
        cache.keep_timing(environment, &times);
    }
    Ok(bytes)
}
