//! A loaded model: its engine with the memory that it is run on.

use crate::NAME;
use crate::build::Plan;
use crate::ffi::{Described, Said, Session};
use crate::profile::Profile;
use drafthorse_engine::{EngineError, Kept, Model, Port, Ports, View, ViewMut};

pub(crate) struct Loaded {
    session: Session,
    ports: Ports,
    /// The engine's index of each input and output, and of each state's.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    state: Vec<(usize, usize)>,
    /// Bounds of each input, where its axes are dynamic.
    bounds: Vec<Option<Profile>>,
    shapes: Vec<Vec<usize>>,
    /// As of the last run.
    output_shapes: Vec<Vec<usize>>,
    has_run: bool,
}

impl Loaded {
    pub(crate) fn new(model: &str, session: Session, plan: Plan) -> Result<Self, EngineError> {
        let wrong = |why: String| EngineError::Load {
            backend: NAME,
            model: model.to_owned(),
            why,
        };
        let Plan { ports, asked, .. } = plan;
        let tensors: Result<Vec<Described>, Said> =
            (0..session.count()).map(|i| session.describe(i)).collect();
        let tensors = tensors.map_err(|said| wrong(said.text))?;
        let find = |port: &Port, is_input: bool| {
            let is_it =
                |tensor: &Described| tensor.name == port.name && tensor.is_input == is_input;
            let at = tensors.iter().position(is_it);
            let at = at.ok_or_else(|| wrong(format!("the engine has no `{}`", port.name)))?;
            match tensors[at].dtype {
                Some(dtype) if dtype == port.dtype => Ok(at),
                Some(dtype) => Err(wrong(format!("the engine has {dtype} for {port}"))),
                None => Err(wrong(format!("the engine has an unknown type for {port}"))),
            }
        };
        let all = |ports: &[Port], is_input| -> Result<Vec<usize>, EngineError> {
            ports.iter().map(|port| find(port, is_input)).collect()
        };
        let bound = |port: &Port| asked.profiles.iter().find(|it| it.input == port.name);
        let mut loaded = Self {
            inputs: all(&ports.inputs, true)?,
            outputs: all(&ports.outputs, false)?,
            state: Vec::new(),
            bounds: ports.inputs.iter().map(|it| bound(it).cloned()).collect(),
            shapes: ports.inputs.iter().map(|port| port.shape_with(1)).collect(),
            output_shapes: vec![Vec::new(); ports.outputs.len()],
            has_run: false,
            session,
            ports,
        };
        for pair in &loaded.ports.state {
            let pair = (find(&pair.input, true)?, find(&pair.output, false)?);
            loaded.state.push(pair);
        }
        for &(input, output) in &loaded.state {
            loaded.session.keep(input).map_err(failed)?;
            loaded.session.keep(output).map_err(failed)?;
        }
        for (&input, shape) in loaded.inputs.iter().zip(&loaded.shapes) {
            loaded.session.set_shape(input, shape).map_err(failed)?;
        }
        loaded.reset()?;
        Ok(loaded)
    }

    /// Each state's output becomes its input: all of them, or none.
    fn move_state(&mut self) -> Result<(), EngineError> {
        for (done, &(input, output)) in self.state.iter().enumerate() {
            if let Err(said) = self.session.swap(input, output) {
                // To swap again is to swap back.
                for &(input, output) in &self.state[..done] {
                    self.session.swap(input, output).map_err(failed)?;
                }
                return Err(failed(said));
            }
        }
        Ok(())
    }
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn failed(said: Said) -> EngineError {
    EngineError::Failed {
        backend: NAME,
        why: said.text,
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
        if let Some(bounds) = &self.bounds[input]
            && !bounds.accepts(shape)
        {
            let Profile { min, max, .. } = bounds;
            return Err(EngineError::Shape {
                port: port.to_string(),
                given: format!(
                    "{shape:?}, outside the lengths {min:?} to {max:?} that its engine was built for,"
                ),
            });
        }
        if self.shapes[input] != shape {
            let set = self.session.set_shape(self.inputs[input], shape);
            set.map_err(failed)?;
            self.shapes[input].clear();
            self.shapes[input].extend_from_slice(shape);
        }
        Ok(())
    }

    #[allow(clippy::panic)] // As the trait says.
    fn input_mut(&mut self, input: usize) -> ViewMut<'_> {
        let (at, dtype) = (self.inputs[input], self.ports.inputs[input].dtype);
        let view = self.session.view_mut(at, dtype, &self.shapes[input]);
        view.unwrap_or_else(|said| panic!("input {input} has no memory: {}", said.text))
    }

    fn run(&mut self) -> Result<(), EngineError> {
        self.session.run().map_err(failed)?;
        for ((&at, port), shape) in self
            .outputs
            .iter()
            .zip(&self.ports.outputs)
            .zip(&mut self.output_shapes)
        {
            self.session.shape(at, shape).map_err(failed)?;
            // That it can be read is known from here on.
            self.session.view(at, port.dtype, shape).map_err(failed)?;
        }
        // The state moves on only once every output is known to be readable.
        self.move_state()?;
        self.has_run = true;
        Ok(())
    }

    #[allow(clippy::panic)] // As the trait says.
    fn output(&self, output: usize) -> View<'_> {
        assert!(self.has_run, "output {output} is read before the first run");
        let (at, dtype) = (self.outputs[output], self.ports.outputs[output].dtype);
        let view = self.session.view(at, dtype, &self.output_shapes[output]);
        view.unwrap_or_else(|said| panic!("output {output} has no memory: {}", said.text))
    }

    fn keep(&mut self, kept: Kept<'_>) -> Result<(), EngineError> {
        let mut held = Vec::new();
        let mut axes = Vec::with_capacity(self.state.len());
        for (state, &(input, _)) in self.ports.state.iter().zip(&self.state) {
            self.session.shape(input, &mut held).map_err(failed)?;
            axes.push(state.keep(&held, kept)?.0);
        }
        // What stays is copied into the outputs' memory, which then becomes the inputs'.
        for (&(input, output), axis) in self.state.iter().zip(axes) {
            let gathered = self.session.gather(input, output, axis, kept);
            gathered.map_err(failed)?;
        }
        self.move_state()
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        for (state, &(input, _)) in self.ports.state.iter().zip(&self.state) {
            let set = self.session.set_shape(input, &state.initial);
            set.map_err(failed)?;
        }
        Ok(())
    }
}
