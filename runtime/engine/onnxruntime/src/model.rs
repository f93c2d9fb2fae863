//! A loaded model: its session with the values it is run on.

use crate::NAME;
use crate::value::{self, Order, failed, is_tensor, take_shape, view, view_mut, zeros};
use drafthorse_engine::{DType, EngineError, Kept, Model, Port, Ports, View, ViewMut};
use ort::session::{Session, SessionInputValue};
use ort::value::DynValue;

pub(crate) struct Loaded {
    session: Session,
    ports: Ports,
    order: Order,
    /// What the session is run on, in its own order.
    given: Vec<SessionInputValue<'static>>,
    /// Shapes of our inputs.
    shapes: Vec<Vec<usize>>,
    outputs: Vec<Output>,
    /// Everything that a run gave, in the session's order; empty between runs.
    answer: Vec<Option<DynValue>>,
}

/// What the last run gave for one output.
struct Output {
    value: Option<DynValue>,
    shape: Vec<usize>,
    dtype: DType,
}

impl Loaded {
    pub(crate) fn new(session: Session, ports: Ports, order: Order) -> Result<Self, EngineError> {
        let outputs = ports.outputs.iter().map(|port| Output {
            value: None,
            shape: Vec::new(),
            dtype: port.dtype,
        });
        let mut loaded = Self {
            outputs: outputs.collect(),
            answer: Vec::with_capacity(session.outputs().len()),
            shapes: Vec::new(),
            given: Vec::new(),
            session,
            ports,
            order,
        };
        // In the session's order; every one of its inputs is one of ours or of the state.
        for _ in loaded.session.inputs() {
            loaded.given.push(zeros(DType::U8, &[0])?.into());
        }
        for index in 0..loaded.ports.inputs.len() {
            let port = &loaded.ports.inputs[index];
            let (dtype, shape) = (port.dtype, port.shape_with(1));
            loaded.given[loaded.order.inputs[index]] = zeros(dtype, &shape)?.into();
            loaded.shapes.push(shape);
        }
        loaded.reset()?;
        Ok(loaded)
    }
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
            self.given[self.order.inputs[input]] = zeros(port.dtype, shape)?.into();
            self.shapes[input].clear();
            self.shapes[input].extend_from_slice(shape);
        }
        Ok(())
    }

    #[allow(clippy::panic)] // As the trait says.
    fn input_mut(&mut self, input: usize) -> ViewMut<'_> {
        let dtype = self.ports.inputs[input].dtype;
        let shape = &self.shapes[input];
        let value = match &mut self.given[self.order.inputs[input]] {
            SessionInputValue::Owned(value) => view_mut(value, dtype, shape),
            _ => None,
        };
        value.unwrap_or_else(|| panic!("input {input} has no memory of the type it was made with"))
    }

    fn run(&mut self) -> Result<(), EngineError> {
        let given: &[SessionInputValue<'static>] = &self.given;
        let ran = self.session.run::<0>(given).map_err(failed)?;
        // All of the run's answer or nothing of it: state moves only once everything is there.
        let values = &mut self.answer;
        values.clear();
        values.extend(ran.into_iter().map(|(_, value)| Some(value)));
        let (to, from) = (&self.order.state_inputs, &self.order.state_outputs);
        let is_there = |at: usize, dtype: DType| {
            let value = values.get(at).and_then(Option::as_ref);
            value.is_some_and(|value| is_tensor(value, dtype))
        };
        let ours = self.outputs.iter().zip(&self.order.outputs);
        let state = self.ports.state.iter().zip(from);
        let all = ours.map(|(output, &at)| (at, output.dtype));
        let mut all = all.chain(state.map(|(state, &at)| (at, state.output.dtype)));
        if !all.all(|(at, dtype)| is_there(at, dtype)) {
            return Err(EngineError::Failed {
                backend: NAME,
                why: "an output is not of the type that the model declares".to_owned(),
            });
        }
        for (output, &at) in self.outputs.iter_mut().zip(&self.order.outputs) {
            output.value = values.get_mut(at).and_then(Option::take);
            if let Some(value) = &output.value {
                take_shape(value, output.dtype, &mut output.shape);
            }
        }
        for (&to, &from) in to.iter().zip(from) {
            if let Some(next) = values.get_mut(from).and_then(Option::take) {
                self.given[to] = SessionInputValue::Owned(next);
            }
        }
        Ok(())
    }

    #[allow(clippy::panic)] // As the trait says.
    fn output(&self, output: usize) -> View<'_> {
        let Output {
            value,
            shape,
            dtype,
        } = &self.outputs[output];
        let value = value.as_ref().and_then(|value| view(value, *dtype, shape));
        value.unwrap_or_else(|| panic!("output {output} is read before the first run"))
    }

    fn keep(&mut self, kept: Kept<'_>) -> Result<(), EngineError> {
        let mut left = Vec::with_capacity(self.ports.state.len());
        let mut held = Vec::new();
        for (state, &at) in self.ports.state.iter().zip(&self.order.state_inputs) {
            let dtype = state.input.dtype;
            let SessionInputValue::Owned(value) = &self.given[at] else {
                continue;
            };
            take_shape(value, dtype, &mut held);
            let (axis, shape) = state.keep(&held, kept)?;
            if shape == held {
                continue;
            }
            let mut next = zeros(dtype, &shape)?;
            let copied = view_mut(&mut next, dtype, &shape).zip(view(value, dtype, &held));
            if !copied.is_some_and(|(to, from)| to.copy_entries(from, axis, kept)) {
                return Err(EngineError::Failed {
                    backend: NAME,
                    why: format!("the state {} cannot be read", state.input),
                });
            }
            left.push((at, next));
        }
        for (at, next) in left {
            self.given[at] = SessionInputValue::Owned(next);
        }
        Ok(())
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        for (state, &at) in self.ports.state.iter().zip(&self.order.state_inputs) {
            self.given[at] = value::zeros(state.input.dtype, &state.initial)?.into();
        }
        Ok(())
    }
}
