//! The tract backend: pure Rust, always there, one thread.
//!
//! What tract is known to get wrong it is not given: see [`Tract`]'s loading.

mod model;
mod plan;
mod refuse;
mod value;

use drafthorse_engine::{Artefact, Backend, EngineError, LoadOptions, Model, Ports};

/// Name of the backend.
pub(crate) const NAME: &str = "tract";

/// tract, which is part of the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tract;

impl Backend for Tract {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> String {
        // The version that the workspace pins.
        "0.23.9".to_owned()
    }

    fn load(
        &self,
        artefact: Artefact<'_>,
        options: &LoadOptions,
    ) -> Result<Box<dyn Model>, EngineError> {
        let file =
            drafthorse_onnx::parse(artefact.bytes).map_err(|why| EngineError::NotAModel {
                model: artefact.name.to_owned(),
                why,
            })?;
        refuse::check(artefact.name, &file)?;
        let ports = Ports::of(artefact.name, &file, options)?;
        let loaded = std::panic::catch_unwind(|| {
            let plans = plan::Plans::new(artefact, &ports)?;
            model::Loaded::new(plans, ports)
        });
        // tract checks most of a graph, and panics over the rest.
        let loaded = loaded.unwrap_or_else(|_| {
            Err(EngineError::Load {
                backend: NAME,
                model: artefact.name.to_owned(),
                why: "it broke off while reading the graph".to_owned(),
            })
        });
        Ok(Box::new(loaded?))
    }
}

/// Runs a part of tract, whose panics are errors too.
pub(crate) fn guarded<T>(
    work: impl FnOnce() -> tract_onnx::prelude::TractResult<T>,
) -> Result<T, EngineError> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    let why = match done {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => words(&error),
        Err(_) => "it broke off in the middle of a run".to_owned(),
    };
    Err(EngineError::Failed { backend: NAME, why })
}

/// An error of tract with its causes, in a line.
pub(crate) fn words(error: &tract_onnx::prelude::TractError) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    causes.join(": ").replace('\n', " ")
}
