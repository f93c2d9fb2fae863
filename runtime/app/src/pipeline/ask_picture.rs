//! Asking a network about a picture.

use super::ask::{Ask, note_engine};
use super::picture::{PictureInput, picture_size};
use crate::plan::NetworkPlan;
use anyhow::{Context, Result, bail};
use drafthorse_core::Image;
use drafthorse_engine::{EngineError, Model as _, View, ViewMut};
use drafthorse_engine_auto::{Handover, Loaded};
use drafthorse_record::messages::drafthorse::{NetworkAnswer, NetworkTensor};

/// A loaded network with the pictures' way into it. Its answers are its outputs.
pub struct PictureAsker {
    model: Loaded,
    input: PictureInput,
}

impl PictureAsker {
    /// For a network of the plan.
    ///
    /// # Errors
    /// A network that takes anything else than a picture.
    pub fn new(model: Loaded, plan: &NetworkPlan) -> Result<Self> {
        let Some(size) = picture_size(model.inputs()) else {
            let inputs: Vec<_> = model.inputs().iter().map(ToString::to_string).collect();
            bail!(
                "the network {} takes {}; in a camera's lane it must take one picture, f32[1, 3, height, width]",
                plan.name(),
                inputs.join(" and ")
            );
        };
        let meaning = plan.manifest.inputs.get(&model.inputs()[0].name);
        let (mean, std) = meaning.map_or((&[][..], &[][..]), |m| (&m.mean, &m.std));
        let mut asker = Self {
            input: PictureInput::new(size, mean, std)?,
            model,
        };
        let shape = [1, 3, size[0], size[1]];
        asker
            .model
            .resize(0, &shape)
            .with_context(|| format!("the network {} refuses its own shape", plan.name()))?;
        Ok(asker)
    }
}

impl Ask for PictureAsker {
    type Seen = Image;

    fn ask(&mut self, image: &Image, answer: &mut NetworkAnswer) -> Result<()> {
        if let ViewMut::F32(_, elements) = self.model.input_mut(0) {
            self.input.fill(image, elements)?;
        }
        // What is fed is whole each time, so a network that lost its state is asked once more.
        match self.model.run() {
            Err(EngineError::StateLost { .. }) => self.model.run()?,
            other => other?,
        }
        note_engine(&self.model, answer);
        let ports = self.model.outputs();
        answer
            .outputs
            .resize_with(ports.len(), NetworkTensor::default);
        for (index, (port, to)) in ports.iter().zip(&mut answer.outputs).enumerate() {
            let view = self.model.output(index);
            if let View::F32(_, numbers) = view
                && numbers.iter().any(|number| number.is_nan())
            {
                bail!(
                    "the answer `{}` of {} holds what is no number",
                    port.name,
                    self.model.running()
                );
            }
            port.name.clone_into(&mut to.name);
            to.dtype = view.dtype().to_string();
            to.shape.clear();
            to.shape
                .extend(view.shape().iter().map(|&axis| axis as u64));
            to.data.clear();
            view.write_le(&mut to.data);
        }
        Ok(())
    }

    fn take_handovers(&mut self) -> Vec<Handover> {
        self.model.take_handovers()
    }
}
