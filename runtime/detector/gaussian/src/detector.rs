//! The whole detector: points in, boxes out, with the convolutions on whatever engine runs them.

use crate::accumulate::POINT;
use crate::decode::{Decoder, DetectedBox};
use crate::encoder::Encoder;
use crate::splat::Splatter;
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

/// Encoder, splat, network and decoding, in the same memory from scan to scan.
#[derive(Debug)]
pub struct GaussianDetector<M> {
    encoder: Encoder,
    splatter: Splatter,
    model: M,
    decoder: Decoder,
    heatmap: usize,
    boxes: usize,
    plane: [usize; 2],
}

impl<M: Model> GaussianDetector<M> {
    /// Of a network that takes what the encoder's splat gives and gives what the decoder reads. Its input
    /// must hold zeros, as it does after loading.
    ///
    /// # Errors
    /// [`Misfit`].
    pub fn new(encoder: Encoder, decoder: Decoder, model: M) -> Result<Self, Misfit> {
        let fit = fit(&encoder, &decoder, model.inputs(), model.outputs())?;
        Ok(Self {
            splatter: Splatter::new(encoder.settings()),
            encoder,
            model,
            decoder,
            heatmap: fit.heatmap,
            boxes: fit.boxes,
            plane: fit.plane,
        })
    }

    /// Finds boxes in the radar's frame; points as [`crate::Accumulator::take`] gives them.
    ///
    /// # Errors
    /// [`DetectError`].
    pub fn detect(&mut self, points: &[[f32; POINT]]) -> Result<&[DetectedBox], DetectError> {
        let gaussians = self.encoder.encode(points);
        if let ViewMut::F32(_, view) = self.model.input_mut(0) {
            self.splatter.draw(gaussians, view);
        }
        self.model.run()?;
        let (View::F32(_, heatmap), View::F32(_, boxes)) = (
            self.model.output(self.heatmap),
            self.model.output(self.boxes),
        ) else {
            // The types were checked, and types do not change.
            return Ok(&[]);
        };
        if heatmap.iter().any(|logit| logit.is_nan()) {
            return Err(DetectError::NotANumber);
        }
        Ok(self.decoder.decode(heatmap, boxes, self.plane))
    }

    /// The network.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The network, to ask what its engine has been through. Its input is the splat's.
    pub fn model_mut(&mut self) -> &mut M {
        &mut self.model
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// What the outputs mean.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}

/// Where a network's outputs stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fit {
    heatmap: usize,
    boxes: usize,
    plane: [usize; 2],
}

/// Whether a network with those inputs and outputs stands between them.
///
/// # Errors
/// [`Misfit`].
pub fn check(
    encoder: &Encoder,
    decoder: &Decoder,
    inputs: &[Port],
    outputs: &[Port],
) -> Result<(), Misfit> {
    fit(encoder, decoder, inputs, outputs).map(|_| ())
}

fn fit(
    encoder: &Encoder,
    decoder: &Decoder,
    inputs: &[Port],
    outputs: &[Port],
) -> Result<Fit, Misfit> {
    let settings = encoder.settings();
    let grid = &settings.grid;
    let takes = [1, settings.channels, grid.height, grid.width];
    let is_taken = matches!(inputs, [input] if is_f32(input, &takes));
    if !is_taken {
        let inputs: Vec<_> = inputs.iter().map(ToString::to_string).collect();
        return Err(Misfit {
            what: format!(
                "takes {} and its encoder gives f32{takes:?}",
                inputs.join(" and ")
            ),
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
