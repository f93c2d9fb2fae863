//! A graph of the model on an engine, its inputs and outputs by name.

use crate::error::VisionError;
use crate::positions::Positions;
use drafthorse_engine::{
    Artefact, Backend, DType, Element, EngineError, Kept, LoadOptions, Model, View,
};
use std::path::Path;

/// A graph, loaded.
pub struct Graph {
    name: String,
    model: Box<dyn Model>,
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, VisionError> {
    std::fs::read(path).map_err(|error| VisionError::Read {
        path: path.to_owned(),
        error,
    })
}

/// What a graph's file is called in errors.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

impl Graph {
    /// Loads the graph of a file.
    ///
    /// # Errors
    /// [`VisionError::Read`], [`VisionError::Engine`].
    pub fn open(
        path: &Path,
        backend: &dyn Backend,
        options: &LoadOptions,
    ) -> Result<Self, VisionError> {
        Self::load(path, &read(path)?, backend, options)
    }

    pub(crate) fn load(
        path: &Path,
        bytes: &[u8],
        backend: &dyn Backend,
        options: &LoadOptions,
    ) -> Result<Self, VisionError> {
        let name = name_of(path);
        let artefact = Artefact { name: &name, bytes };
        let model = backend.load(artefact, options)?;
        Ok(Self { name, model })
    }

    /// An error over this graph.
    #[must_use]
    pub fn wrong(&self, what: String) -> VisionError {
        VisionError::Graph {
            graph: self.name.clone(),
            what,
        }
    }

    /// The input of that name, if there is one.
    pub(crate) fn find_input(&self, name: &str) -> Option<usize> {
        self.model
            .inputs()
            .iter()
            .position(|port| port.name == name)
    }

    /// The input of that name.
    ///
    /// # Errors
    /// [`VisionError::Graph`] with the names that there are.
    pub fn input(&self, name: &str) -> Result<usize, VisionError> {
        self.find_input(name).ok_or_else(|| {
            let names = self.model.inputs().iter().map(|port| port.name.as_str());
            let names: Vec<&str> = names.collect();
            self.wrong(format!("has no input {name}, but {}", names.join(", ")))
        })
    }

    /// The output of that name.
    ///
    /// # Errors
    /// [`VisionError::Graph`] with the names that there are.
    pub fn output(&self, name: &str) -> Result<usize, VisionError> {
        let outputs = self.model.outputs();
        let found = outputs.iter().position(|port| port.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = outputs.iter().map(|port| port.name.as_str()).collect();
            self.wrong(format!("has no output {name}, but {}", names.join(", ")))
        })
    }

    /// Refuses inputs that are not among those.
    pub(crate) fn takes_only(&self, known: &[&str]) -> Result<(), VisionError> {
        let mut inputs = self.model.inputs().iter();
        match inputs.find(|port| !known.contains(&port.name.as_str())) {
            Some(port) => Err(self.wrong(format!("asks for {port}, which is not known here"))),
            None => Ok(()),
        }
    }

    /// Type of an input's elements.
    pub(crate) fn dtype(&self, input: usize) -> DType {
        self.model.inputs()[input].dtype
    }

    /// Gives an input its shape, and its elements to fill.
    ///
    /// # Errors
    /// [`VisionError::Engine`] where it has another shape or type.
    pub fn fill<T: Element>(
        &mut self,
        input: usize,
        shape: &[usize],
    ) -> Result<&mut [T], VisionError> {
        self.model.resize(input, shape)?;
        let port = &self.model.inputs()[input];
        if port.dtype != T::DTYPE {
            let given = format!("{}{shape:?}", T::DTYPE);
            let port = port.to_string();
            return Err(EngineError::Shape { port, given }.into());
        }
        // Of that type, as was just looked up.
        Ok(T::of_mut(self.model.input_mut(input)).unwrap_or_default())
    }

    /// Fills an input of the shape `[1, tokens]` with token ids.
    pub(crate) fn fill_ids(&mut self, input: usize, ids: &[u32]) -> Result<(), VisionError> {
        let to = self.fill::<i64>(input, &[1, ids.len()])?;
        to.iter_mut()
            .zip(ids)
            .for_each(|(to, &id)| *to = i64::from(id));
        Ok(())
    }

    /// Fills an input of the shape `[1, tokens, width]` with embeddings.
    pub(crate) fn fill_embeds(
        &mut self,
        input: usize,
        embeds: &[f32],
        count: usize,
    ) -> Result<(), VisionError> {
        if count == 0 || !embeds.len().is_multiple_of(count) {
            let what = format!("is given {} values for {count} tokens", embeds.len());
            return Err(self.wrong(what));
        }
        let shape = [1, count, embeds.len() / count];
        self.fill::<f32>(input, &shape)?.copy_from_slice(embeds);
        Ok(())
    }

    /// Fills an input with positions: `[1, tokens]` on one axis, `[axes, 1, tokens]` on several.
    pub(crate) fn fill_positions(
        &mut self,
        input: usize,
        positions: &Positions,
    ) -> Result<(), VisionError> {
        let (axes, count) = (positions.axes(), positions.len());
        let to: &mut [i64] = match axes {
            1 => self.fill(input, &[1, count])?,
            _ => self.fill(input, &[axes, 1, count])?,
        };
        for (axis, to) in to.chunks_exact_mut(count).enumerate() {
            to.iter_mut()
                .zip(positions.axis(axis))
                .for_each(|(to, position)| *to = position);
        }
        Ok(())
    }

    /// Runs.
    ///
    /// # Errors
    /// [`VisionError::Engine`].
    pub fn run(&mut self) -> Result<(), VisionError> {
        Ok(self.model.run()?)
    }

    pub(crate) fn keep(&mut self, kept: Kept<'_>) -> Result<(), VisionError> {
        Ok(self.model.keep(kept)?)
    }

    pub(crate) fn reset(&mut self) -> Result<(), VisionError> {
        Ok(self.model.reset()?)
    }

    /// Shape and elements of an output.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where it is not u8.
    pub fn bytes(&self, output: usize) -> Result<(&[usize], &[u8]), VisionError> {
        match self.model.output(output) {
            View::U8(shape, values) => Ok((shape, values)),
            other => {
                let port = &self.model.outputs()[output].name;
                Err(self.wrong(format!("gives {port} as {}, not u8", other.dtype())))
            }
        }
    }

    /// Shape and elements of an output.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where it is not f32.
    pub fn floats(&self, output: usize) -> Result<(&[usize], &[f32]), VisionError> {
        match self.model.output(output) {
            View::F32(shape, values) => Ok((shape, values)),
            other => {
                let port = &self.model.outputs()[output].name;
                Err(self.wrong(format!("gives {port} as {}, not f32", other.dtype())))
            }
        }
    }
}
