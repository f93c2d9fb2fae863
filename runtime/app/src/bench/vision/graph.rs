//! A graph on the engine, its inputs and outputs by name.

use anyhow::{Context, Result};
use drafthorse_engine::{Artefact, Backend, Element, LoadOptions, Model};
use std::path::Path;

pub(super) struct Graph {
    path: String,
    model: Box<dyn Model>,
}

impl Graph {
    pub(super) fn open(path: &Path, backend: &dyn Backend) -> Result<Self> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
        let artefact = Artefact {
            name: &name,
            bytes: &bytes,
        };
        let model = backend.load(artefact, &LoadOptions::default())?;
        Ok(Self { path: name, model })
    }

    /// Fills an input.
    pub(super) fn set<T: Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[T],
    ) -> Result<()> {
        let inputs = self.model.inputs();
        let found = inputs.iter().position(|port| port.name == name);
        let index = found.with_context(|| format!("{} has no input {name}", self.path))?;
        self.model.resize(index, shape)?;
        let to = T::of_mut(self.model.input_mut(index)).filter(|to| to.len() == values.len());
        let wrong = || format!("{}: {name} is no {}{shape:?}", self.path, T::DTYPE);
        to.with_context(wrong)?.copy_from_slice(values);
        Ok(())
    }

    pub(super) fn run(&mut self) -> Result<()> {
        Ok(self.model.run()?)
    }

    /// Elements of an output.
    pub(super) fn get(&self, name: &str) -> Result<&[f32]> {
        let outputs = self.model.outputs();
        let found = outputs.iter().position(|port| port.name == name);
        let index = found.with_context(|| format!("{} has no output {name}", self.path))?;
        let view = self.model.output(index);
        let wrong = || format!("{}: {name} is not f32", self.path);
        f32::of(&view).with_context(wrong)
    }
}
