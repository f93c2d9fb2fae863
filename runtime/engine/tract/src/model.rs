//! A loaded model: its plans with the tensors they are run on.

use crate::plan::{Plans, datum};
use crate::value::{view, view_mut};
use crate::{NAME, guarded, words};
use drafthorse_engine::{DType, EngineError, Kept, Model, Port, Ports, View, ViewMut};
use std::sync::Arc;
use tract_onnx::prelude::*;

pub(crate) struct Loaded {
    plans: Plans,
    ports: Ports,
    /// What the plans are run on: our inputs, then the state.
    given: Vec<Arc<Tensor>>,
    /// Shapes of our inputs.
    shapes: Vec<Vec<usize>>,
    /// What the last run gave.
    outputs: Vec<Option<TValue>>,
}

impl Loaded {
    pub(crate) fn new(plans: Plans, ports: Ports) -> Result<Self, EngineError> {
        let mut loaded = Self {
            shapes: ports.inputs.iter().map(|port| port.shape_with(1)).collect(),
            outputs: vec![None; ports.outputs.len()],
            given: Vec::new(),
            plans,
            ports,
        };
        for (port, shape) in loaded.ports.inputs.iter().zip(&loaded.shapes) {
            loaded.given.push(zeros(port.dtype, shape)?);
        }
        loaded.reset()?;
        Ok(loaded)
    }
}

fn failed(error: &TractError) -> EngineError {
    EngineError::Failed {
        backend: NAME,
        why: words(error),
    }
}

fn zeros(dtype: DType, shape: &[usize]) -> Result<Arc<Tensor>, EngineError> {
    let tensor = Tensor::zero_dt(datum(dtype), shape).map_err(|error| failed(&error))?;
    Ok(Arc::new(tensor))
}

/// Types and shapes of all that a plan is given.
fn facts<'a>(ports: &Ports, given: &'a [Arc<Tensor>]) -> Vec<(DType, &'a [usize])> {
    let state = ports.state.iter().map(|state| &state.input);
    let ports = ports.inputs.iter().chain(state).zip(given);
    ports
        .map(|(port, tensor)| (port.dtype, tensor.shape()))
        .collect()
}

impl Model for Loaded {
    fn inputs(&self) -> &[Port] {
        &self.ports.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.ports.outputs
    }

    fn resize(&mut self, input: usize, shape: &[usize]) -> Result<(), EngineError> {
        let port = &self.ports.inputs[input];
        port.require(shape)?;
        if self.shapes[input] != shape {
            self.given[input] = zeros(port.dtype, shape)?;
            self.shapes[input].clear();
            self.shapes[input].extend_from_slice(shape);
        }
        Ok(())
    }

    #[allow(clippy::panic)] // As the trait says.
    fn input_mut(&mut self, input: usize) -> ViewMut<'_> {
        let dtype = self.ports.inputs[input].dtype;
        // Copied only where an output of the last run is this very tensor.
        let tensor = Arc::make_mut(&mut self.given[input]);
        let view = view_mut(tensor, dtype, &self.shapes[input]);
        view.unwrap_or_else(|| panic!("input {input} has no memory of the type it was made with"))
    }

    fn run(&mut self) -> Result<(), EngineError> {
        let (ports, given) = (&self.ports, &self.given);
        let plan = self.plans.plan(|| facts(ports, given))?;
        let inputs = self
            .given
            .iter()
            .map(|tensor| TValue::from_const(Arc::clone(tensor)));
        let inputs = inputs.collect();
        let mut answer = guarded(|| plan.run(inputs))?;
        // Everything is looked at before anything is taken over.
        let next = self.ports.state.iter().map(|state| &state.output);
        let all = self.ports.outputs.iter().chain(next);
        for (value, port) in answer.iter_mut().zip(all) {
            // Lengths that tract knows as such come out as its own type of them.
            if value.datum_type() == DatumType::TDim {
                let whole = value.cast_to::<i64>().map_err(|error| failed(&error))?;
                *value = whole.into_owned().into();
            }
            if view(value, port.dtype).is_none() {
                return Err(EngineError::Failed {
                    backend: NAME,
                    why: format!("the output {port} came out as {value:?}"),
                });
            }
        }
        let mut answer = answer.into_iter();
        for (output, value) in self.outputs.iter_mut().zip(answer.by_ref()) {
            *output = Some(value);
        }
        for (given, value) in self.given[self.ports.inputs.len()..].iter_mut().zip(answer) {
            *given = value.into_arc_tensor();
        }
        Ok(())
    }

    #[allow(clippy::panic)] // As the trait says.
    fn output(&self, output: usize) -> View<'_> {
        let dtype = self.ports.outputs[output].dtype;
        let value = self.outputs[output].as_ref();
        let value = value.and_then(|value| view(value, dtype));
        value.unwrap_or_else(|| panic!("output {output} is read before the first run"))
    }

    fn keep(&mut self, kept: Kept<'_>) -> Result<(), EngineError> {
        let inputs = self.ports.inputs.len();
        let mut left = Vec::with_capacity(self.ports.state.len());
        for (state, held) in self.ports.state.iter().zip(&self.given[inputs..]) {
            let (axis, shape) = state.keep(held.shape(), kept)?;
            if shape == held.shape() {
                left.push(Arc::clone(held));
                continue;
            }
            let dtype = state.input.dtype;
            let mut tensor = Tensor::zero_dt(datum(dtype), &shape).map_err(|it| failed(&it))?;
            let to = view_mut(&mut tensor, dtype, &shape);
            let copied = to.zip(view(held, dtype));
            if !copied.is_some_and(|(to, from)| to.copy_entries(from, axis, kept)) {
                return Err(EngineError::Failed {
                    backend: NAME,
                    why: format!("the state {} has become {held:?}", state.input),
                });
            }
            left.push(Arc::new(tensor));
        }
        self.given.truncate(inputs);
        self.given.append(&mut left);
        Ok(())
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        self.given.truncate(self.ports.inputs.len());
        for state in &self.ports.state {
            self.given.push(zeros(state.input.dtype, &state.initial)?);
        }
        Ok(())
    }
}
