//! A loaded model.

use crate::error::EngineError;
use crate::kept::Kept;
use crate::port::Port;
use crate::tensor::{Tensor, View, ViewMut};

/// A model that is loaded and can be run again and again in the same memory.
///
/// Set the shapes of inputs with dynamic axes, fill the inputs, run, read the outputs. While the
/// shapes stay, nothing is allocated here. State pairs stay in the backend and are not among the
/// inputs and outputs.
pub trait Model: Send {
    /// What has to be filled, in the file's order.
    fn inputs(&self) -> &[Port];

    /// What is given, in the file's order.
    fn outputs(&self) -> &[Port];

    /// Gives an input its shape; its elements are zeros then, unless it has that shape already.
    /// Needed where axes are dynamic, before the first run; they have the length 1 until then.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where the input's declared axes do not allow it.
    fn resize(&mut self, input: usize, shape: &[usize]) -> Result<(), EngineError>;

    /// The elements of an input, to fill. They stay from run to run.
    ///
    /// # Panics
    /// Where there is no such input.
    fn input_mut(&mut self, input: usize) -> ViewMut<'_>;

    /// Runs.
    ///
    /// # Errors
    /// [`EngineError::Failed`] with what the engine says; outputs and state are as before then.
    fn run(&mut self) -> Result<(), EngineError>;

    /// What the last run gave.
    ///
    /// # Panics
    /// Where there is no such output, or before the first run.
    fn output(&self, output: usize) -> View<'_>;

    /// Goes back: of each state these entries stay, as if no run had given the others. Outputs and
    /// inputs are left as they are.
    ///
    /// # Errors
    /// [`EngineError::Keep`] where a state does not grow along one axis or has not so many entries,
    /// [`EngineError::Failed`] where the engine has no memory for it; all states are as before then.
    fn keep(&mut self, kept: Kept<'_>) -> Result<(), EngineError>;

    /// Makes the state what it was before the first run.
    ///
    /// # Errors
    /// [`EngineError::Failed`] where the engine has no memory for it.
    fn reset(&mut self) -> Result<(), EngineError>;
}

/// Fills all inputs in order, runs, and copies the outputs: for tests and checks, not for lanes.
///
/// # Errors
/// [`EngineError`] of the shapes or of the run.
pub fn run_once(model: &mut dyn Model, inputs: &[Tensor]) -> Result<Vec<Tensor>, EngineError> {
    for (index, tensor) in inputs.iter().enumerate() {
        model.resize(index, tensor.shape())?;
        if !model.input_mut(index).copy_from(tensor.view()) {
            let port = &model.inputs()[index];
            return Err(EngineError::Shape {
                port: port.to_string(),
                given: format!("{}{:?}", tensor.dtype(), tensor.shape()),
            });
        }
    }
    model.run()?;
    let outputs = 0..model.outputs().len();
    Ok(outputs.map(|i| model.output(i).to_tensor()).collect())
}

impl<M: Model + ?Sized> Model for Box<M> {
    fn inputs(&self) -> &[Port] {
        (**self).inputs()
    }

    fn outputs(&self) -> &[Port] {
        (**self).outputs()
    }

    fn resize(&mut self, input: usize, shape: &[usize]) -> Result<(), EngineError> {
        (**self).resize(input, shape)
    }

    fn input_mut(&mut self, input: usize) -> ViewMut<'_> {
        (**self).input_mut(input)
    }

    fn run(&mut self) -> Result<(), EngineError> {
        (**self).run()
    }

    fn output(&self, output: usize) -> View<'_> {
        (**self).output(output)
    }

    fn keep(&mut self, kept: Kept<'_>) -> Result<(), EngineError> {
        (**self).keep(kept)
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        (**self).reset()
    }
}
