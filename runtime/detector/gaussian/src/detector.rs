//! The whole detector: points in, boxes out, with the convolutions on whatever engine runs them.

use crate::accumulate::POINT;
use crate::decode::{BoxHead, Decoder, DescriptionError, DetectedBox};
use crate::encoder::Encoder;
use crate::splat::Splatter;
use crate::stem::Stem;
use crate::weights::{Settings, WeightsError};
use drafthorse_engine::{DType, Dim, EngineError, Model, Port, View, ViewMut};

/// Name of the encoder's weights among a model's assets.
pub const ENCODER_FILE: &str = "encoder.safetensors";
/// Name of the description of the outputs among a model's assets.
pub const DECODE_FILE: &str = "decode.json";

/// A network that does not fit the encoder before it or the description behind it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the network {what}; its files are of different models: export it again (`python -m radar_gaussian.export`)"
)]
pub struct Misfit {
    what: String,
}

/// Why a scan has no boxes.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The network could not be run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What it gave means nothing.
    #[error("the network's heat map holds what is no number")]
    NotANumber,
}

/// Files of a model that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// The weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The description of the outputs.
    #[error(transparent)]
    Description(#[from] DescriptionError),
}

/// Makes the network's input in the processor's stead.
pub trait Feeder: Send {
    /// Writes the input for points as [`Parts::feed`] is given them.
    ///
    /// # Errors
    /// In words; it is not asked again.
    fn feed(&mut self, points: &[[f32; POINT]], input: &mut [f32]) -> Result<(), String>;
}

/// What stands before the network and behind it.
pub struct Parts {
    feeder: Option<Box<dyn Feeder>>,
    /// Why there is no feeder any more.
    lost: Option<String>,
    encoder: Encoder,
    splatter: Splatter,
    stem: Stem,
    decoder: Decoder,
}

impl Parts {
    /// Of the bytes of [`ENCODER_FILE`] and [`DECODE_FILE`].
    ///
    /// # Errors
    /// [`PartsError`].
    pub fn read(encoder: &[u8], decode: &[u8]) -> Result<Self, PartsError> {
        let weights = encoder;
        let encoder = Encoder::read(weights)?;
        Ok(Self {
            feeder: None,
            lost: None,
            splatter: Splatter::new(encoder.settings()),
            stem: Stem::read(weights, encoder.settings())?,
            decoder: Decoder::read(decode)?,
            encoder,
        })
    }

    /// The same with something else that makes the network's input, until it fails.
    #[must_use]
    pub fn with_feeder(self, feeder: Box<dyn Feeder>) -> Self {
        Self {
            feeder: Some(feeder),
            ..self
        }
    }

    /// Why the processor has taken over from the feeder, once.
    pub fn take_loss(&mut self) -> Option<String> {
        self.lost.take()
    }

    /// Numbers beside the weights.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.encoder.settings()
    }

    /// What the outputs mean.
    #[must_use]
    pub fn head(&self) -> &BoxHead {
        self.decoder.head()
    }

    /// Shape of the network's input.
    #[must_use]
    pub fn input_shape(&self) -> [usize; 4] {
        let [channels, height, width] = self.stem.shape();
        [1, channels, height, width]
    }

    /// Writes the network's input for points as [`crate::Accumulator::take`] gives them; `input` must hold
    /// what the last call left there.
    ///
    /// # Panics
    /// Where `input` is of another size than [`Parts::input_shape`].
    pub fn feed(&mut self, points: &[[f32; POINT]], input: &mut [f32]) {
        if let Some(feeder) = &mut self.feeder {
            match feeder.feed(points, input) {
                Ok(()) => return,
                Err(why) => {
                    self.lost = Some(why);
                    self.feeder = None;
                }
            }
        }
        let gaussians = self.encoder.encode(points);
        self.stem.apply(&self.splatter.blend(gaussians), input);
    }

    /// Refuses a network that does not stand between them.
    ///
    /// # Errors
    /// [`Misfit`].
    pub fn check(&self, inputs: &[Port], outputs: &[Port]) -> Result<(), Misfit> {
        fit(self, inputs, outputs).map(|_| ())
    }
}

/// The detector, in the same memory from scan to scan.
pub struct GaussianDetector<M> {
    parts: Parts,
    model: M,
    fit: Fit,
}

impl<M: Model> GaussianDetector<M> {
    /// Of a network that takes what the parts give and gives what they read.
    ///
    /// # Errors
    /// [`Misfit`].
    pub fn new(parts: Parts, model: M) -> Result<Self, Misfit> {
        let fit = fit(&parts, model.inputs(), model.outputs())?;
        Ok(Self { parts, model, fit })
    }

    /// Finds boxes in the radar's frame; points as [`crate::Accumulator::take`] gives them.
    ///
    /// # Errors
    /// [`DetectError`].
    pub fn detect(&mut self, points: &[[f32; POINT]]) -> Result<&[DetectedBox], DetectError> {
        if let ViewMut::F32(_, input) = self.model.input_mut(0) {
            self.parts.feed(points, input);
        }
        self.model.run()?;
        let Fit {
            heatmap,
            boxes,
            plane,
        } = self.fit;
        let (View::F32(_, heatmap), View::F32(_, boxes)) =
            (self.model.output(heatmap), self.model.output(boxes))
        else {
            // The types were checked, and types do not change.
            return Ok(&[]);
        };
        if heatmap.iter().any(|logit| logit.is_nan()) {
            return Err(DetectError::NotANumber);
        }
        Ok(self.parts.decoder.decode(heatmap, boxes, plane))
    }

    /// The network.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The network, to ask what its engine has been through. Its input is not to be written.
    pub fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    /// What stands before it and behind it.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The same, to ask what has happened to them.
    pub fn parts_mut(&mut self) -> &mut Parts {
        &mut self.parts
    }
}

/// Where a network's outputs stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fit {
    heatmap: usize,
    boxes: usize,
    plane: [usize; 2],
}

fn fit(parts: &Parts, inputs: &[Port], outputs: &[Port]) -> Result<Fit, Misfit> {
    let (decoder, grid) = (&parts.decoder, &parts.settings().grid);
    let takes = parts.input_shape();
    let is_taken = matches!(inputs, [input] if is_f32(input, &takes));
    if !is_taken {
        let inputs: Vec<_> = inputs.iter().map(ToString::to_string).collect();
        return Err(Misfit {
            what: format!("takes {} and is given f32{takes:?}", inputs.join(" and ")),
        });
    }
    // Width and height of an output cell, in cells of the grid.
    let stride = (decoder.head().cell_m / grid.cell_m).round().max(1.0) as usize;
    let plane = [grid.height / stride, grid.width / stride];
    let [heat, boxes] = decoder.channels();
    let find = |name: &str, channels: usize| {
        let shape = [1, channels, plane[0], plane[1]];
        let found = outputs
            .iter()
            .position(|port| port.name == name && is_f32(port, &shape));
        found.ok_or_else(|| {
            let outputs: Vec<_> = outputs.iter().map(ToString::to_string).collect();
            Misfit {
                what: format!(
                    "gives {} and {DECODE_FILE} asks for `{name}` f32{shape:?}",
                    outputs.join(" and ")
                ),
            }
        })
    };
    Ok(Fit {
        heatmap: find("heatmap", heat)?,
        boxes: find("box", boxes)?,
        plane,
    })
}

fn is_f32(port: &Port, shape: &[usize]) -> bool {
    let fixed = |(dim, &length): (&Dim, &usize)| *dim == Dim::Fixed(length);
    port.dtype == DType::F32
        && port.dims.len() == shape.len()
        && port.dims.iter().zip(shape).all(fixed)
}
