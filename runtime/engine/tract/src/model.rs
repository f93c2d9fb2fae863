//! A loaded model: its plans with the tensors they are run on.

use crate::plan::{Plans, datum};
use crate::value::{view, view_mut};
use crate::{NAME, words};
use drafthorse_engine::{DType, EngineError, Model, Port, Ports, View, ViewMut};
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

impl Model for Loaded {
    fn inputs(&self) -> &[Port] {
        &self.ports.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.ports.outputs
    }

    fn resize(&mut self, input: usize, shape: &[usize]) -> Result<(), EngineError> {
        let port = &self.ports.inputs[input];
        if !port.accepts(shape) {
            return Err(EngineError::Shape {
                port: port.to_string(),
                given: format!("{shape:?}"),
            });
        }
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
        let state = self.ports.state.iter().map(|state| &state.input);
        let ports = self.ports.inputs.iter().chain(state);
        let given = ports.zip(&self.given);
        let facts: Vec<_> = given.map(|(p, tensor)| (p.dtype, tensor.shape())).collect();
        let plan = self.plans.plan(&facts)?;
        let inputs = self
            .given
            .iter()
            .map(|tensor| TValue::from_const(Arc::clone(tensor)));
        let answer = plan.run(inputs.collect()).map_err(|error| failed(&error))?;
        let ours = self.outputs.len();
        for ((value, output), port) in answer
            .iter()
            .zip(&mut self.outputs)
            .zip(&self.ports.outputs)
        {
            // Lengths that tract knows as such come out as its own type of them.
            let value = match value.datum_type() == DatumType::TDim {
                true => &value
                    .cast_to::<i64>()
                    .map_err(|error| failed(&error))?
                    .into_owned()
                    .into(),
                false => value,
            };
            if view(value, port.dtype).is_none() {
                return Err(EngineError::Failed {
                    backend: NAME,
                    why: format!("the output {port} came out as {value:?}"),
                });
            }
            *output = Some(value.clone());
        }
        let next = answer.into_iter().skip(ours);
        for (value, given) in next.zip(&mut self.given[self.ports.inputs.len()..]) {
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

    fn reset(&mut self) -> Result<(), EngineError> {
        self.given.truncate(self.ports.inputs.len());
        for state in &self.ports.state {
            self.given.push(zeros(state.input.dtype, &state.initial)?);
        }
        Ok(())
    }
}
