//! Making a session of a model's file.

use crate::library::OnnxRuntimeConfig;
use crate::model::Loaded;
use crate::{NAME, value};
use drafthorse_engine::{Artefact, EngineError, LoadOptions, Model, Ports};
use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

pub(crate) fn load(
    environment: &Environment,
    version: &str,
    config: &OnnxRuntimeConfig,
    artefact: Artefact<'_>,
    options: &LoadOptions,
) -> Result<Box<dyn Model>, EngineError> {
    let failed = |why: String| EngineError::Load {
        backend: NAME,
        model: artefact.name.to_owned(),
        why,
    };
    let file = drafthorse_onnx::parse(artefact.bytes).map_err(|why| EngineError::NotAModel {
        model: artefact.name.to_owned(),
        why,
    })?;
    let ports = Ports::of(artefact.name, &file, options)?;
    drop(file);
    let providers = config.provider.providers(config, artefact.bytes, version);
    let session = builder(environment, config, options, &providers)
        .and_then(|mut builder| builder.commit_from_memory(artefact.bytes))
        .map_err(|error| failed(error.to_string()))?;
    let order = value::order(&session, &ports).map_err(failed)?;
    Ok(Box::new(Loaded::new(session, ports, order)?))
}

fn builder(
    environment: &Environment,
    config: &OnnxRuntimeConfig,
    options: &LoadOptions,
    providers: &[ExecutionProviderDispatch],
) -> ort::Result<SessionBuilder> {
    Ok(Session::builder(environment)?
        .with_execution_providers(providers)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(options.threads.max(1))?
        .with_intra_op_spinning(config.spinning)?
        .with_inter_threads(1)?
        .with_parallel_execution(false)?)
}
