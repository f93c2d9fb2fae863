//! A graph on the engine, its inputs and outputs by name.

use crate::Failure;
use drafthorse_engine::{Artefact, Backend, Element, LoadOptions, Model};
use std::path::Path;

pub(crate) struct Graph {
    path: String,
    model: Box<dyn Model>,
}

impl Graph {
    pub(crate) fn open(path: &Path, backend: &dyn Backend) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|e| format!("{name} cannot be read: {e}"))?;
        let artefact = Artefact {
            name: &name,
            bytes: &bytes,
        };
        let model = backend.load(artefact, &LoadOptions::default())?;
        Ok(Self { path: name, model })
    }

    /// Fills an input.
    pub(crate) fn set<T: Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[T],
    ) -> Result<(), Failure> {
        let inputs = self.model.inputs();
        let found = inputs.iter().position(|port| port.name == name);
        let index = found.ok_or_else(|| format!("{} has no input {name}", self.path))?;
        self.model.resize(index, shape)?;
        let to = T::of_mut(self.model.input_mut(index)).filter(|to| to.len() == values.len());
        let wrong = || format!("{}: {name} is no {}{shape:?}", self.path, T::DTYPE);
        to.ok_or_else(wrong)?.copy_from_slice(values);
        Ok(())
    }

    pub(crate) fn run(&mut self) -> Result<(), Failure> {
        Ok(self.model.run()?)
    }

    /// Elements of an output.
    pub(crate) fn get(&self, name: &str) -> Result<&[f32], Failure> {
        let outputs = self.model.outputs();
        let found = outputs.iter().position(|port| port.name == name);
        let index = found.ok_or_else(|| format!("{} has no output {name}", self.path))?;
        let view = self.model.output(index);
        let wrong = || format!("{}: {name} is not f32", self.path);
        Ok(f32::of(&view).ok_or_else(wrong)?)
    }
}
