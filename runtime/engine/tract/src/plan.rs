//! Plans: the optimised graph for any lengths of its dynamic axes, or one for each shape in use.

use crate::{NAME, words};
use drafthorse_engine::{Artefact, DType, Dim, EngineError, Port, Ports};
use std::sync::Arc;
use tract_onnx::prelude::*;

/// Plans that are kept, where each shape needs its own.
const KEPT: usize = 8;

pub(crate) type Plan = TypedRunnableModel;

/// The plans of a model.
pub(crate) enum Plans {
    /// One for all shapes.
    Any(Arc<Plan>),
    /// One for each set of input shapes, the one used last at the end.
    Each {
        model: Box<InferenceModel>,
        name: String,
        plans: Vec<(Vec<Vec<usize>>, Arc<Plan>)>,
    },
}

/// The inputs in the order that plans take them in: ours, then the state's.
fn ports(ports: &Ports) -> impl Iterator<Item = &Port> {
    let state = ports.state.iter().map(|state| &state.input);
    ports.inputs.iter().chain(state)
}

impl Plans {
    pub(crate) fn new(artefact: Artefact<'_>, all: &Ports) -> Result<Self, EngineError> {
        let failed = |error: TractError| EngineError::Load {
            backend: NAME,
            model: artefact.name.to_owned(),
            why: words(&error),
        };
        let model = read(artefact.bytes, all).map_err(failed)?;
        let is_fixed = ports(all).all(|port| {
            let fixed = |dim: &Dim| matches!(dim, Dim::Fixed(_));
            port.dims.iter().all(fixed)
        });
        match (optimise(model.clone()), is_fixed) {
            (Ok(plan), _) => Ok(Self::Any(plan)),
            (Err(error), true) => Err(failed(error)),
            // Not everything can be planned without knowing the lengths.
            (Err(_), false) => Ok(Self::Each {
                model: Box::new(model),
                name: artefact.name.to_owned(),
                plans: Vec::with_capacity(KEPT),
            }),
        }
    }

    /// The plan for inputs of those types and shapes.
    pub(crate) fn plan<'a>(
        &mut self,
        inputs: impl FnOnce() -> Vec<(DType, &'a [usize])>,
    ) -> Result<&Arc<Plan>, EngineError> {
        let (model, name, plans) = match self {
            Self::Any(plan) => return Ok(plan),
            Self::Each { model, name, plans } => (model, name, plans),
        };
        let inputs = inputs();
        let is_it = |known: &[Vec<usize>]| known.iter().zip(&inputs).all(|(a, (_, b))| a == b);
        if let Some(at) = plans.iter().position(|(shapes, _)| is_it(shapes)) {
            plans[at..].rotate_left(1);
        } else {
            let plan = fixed(model, &inputs).map_err(|error| EngineError::Load {
                backend: NAME,
                model: name.clone(),
                why: words(&error),
            })?;
            if plans.len() == KEPT {
                plans.remove(0);
            }
            let shapes = inputs.iter().map(|(_, shape)| shape.to_vec());
            plans.push((shapes.collect(), plan));
        }
        // One is there now.
        plans
            .last()
            .map(|(_, plan)| plan)
            .ok_or_else(|| EngineError::Failed {
                backend: NAME,
                why: "no plan was kept".to_owned(),
            })
    }
}

/// Reads the graph, with inputs and outputs in our order.
fn read(bytes: &[u8], all: &Ports) -> TractResult<InferenceModel> {
    let model = tract_onnx::onnx().model_for_read(&mut &*bytes)?;
    let inputs: Vec<&str> = ports(all).map(|port| port.name.as_str()).collect();
    let outputs = all.outputs.iter().map(|port| port.name.as_str());
    let next = all.state.iter().map(|state| state.output.name.as_str());
    let outputs: Vec<&str> = outputs.chain(next).collect();
    model
        .with_input_names(&inputs)?
        .with_outputs_by_name(&outputs)
}

fn optimise(model: InferenceModel) -> TractResult<Arc<Plan>> {
    model.into_optimized()?.into_runnable()
}

fn fixed(model: &InferenceModel, inputs: &[(DType, &[usize])]) -> TractResult<Arc<Plan>> {
    let mut model = model.clone();
    for (index, (dtype, shape)) in inputs.iter().enumerate() {
        let fact = InferenceFact::dt_shape(datum(*dtype), *shape);
        model.set_input_fact(index, fact)?;
    }
    optimise(model)
}

/// tract's name of a type.
pub(crate) fn datum(dtype: DType) -> DatumType {
    match dtype {
        DType::F32 => DatumType::F32,
        DType::I64 => DatumType::I64,
        DType::I32 => DatumType::I32,
        DType::U8 => DatumType::U8,
        DType::I8 => DatumType::I8,
        DType::Bool => DatumType::Bool,
    }
}
