//! The whole detector: points in, boxes out, with the convolutions on whatever engine runs them.

use crate::accumulate::{POINT, POINT_NAMES};
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
    /// Points without what the model reads of them, as of a radar that gives no cross-section.
    #[error("none of the {points} points on its grid has all that the model reads: {features}")]
    Incomplete {
        /// How many.
        points: usize,
        /// What it reads.
        features: String,
    },
    /// What goes into the network or comes out of it means nothing.
    #[error("the network's {0} holds what is no number")]
    NotANumber(&'static str),
    /// An engine has stepped in whose file is of another model.
    #[error(transparent)]
    Misfit(#[from] Misfit),
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

    /// Refuses points on the grid of which none has what the model reads: to find nothing in them would
    /// be wrong.
    ///
    /// # Errors
    /// [`DetectError::Incomplete`].
    pub fn check_points(&self, points: &[[f32; POINT]]) -> Result<(), DetectError> {
        let settings = self.settings();
        let on_grid = || points.iter().filter(|point| settings.is_in_grid(point));
        if on_grid().next().is_none() || on_grid().any(|point| settings.is_whole(point)) {
            return Ok(());
        }
        let names = settings.features.iter().map(|&place| POINT_NAMES[place]);
        Err(DetectError::Incomplete {
            points: on_grid().count(),
            features: names.collect::<Vec<_>>().join(", "),
        })
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
}

impl<M: Model> GaussianDetector<M> {
    /// Of a network that takes what the parts give and gives what they read.
    ///
    /// # Errors
    /// [`Misfit`].
    pub fn new(parts: Parts, model: M) -> Result<Self, Misfit> {
        parts.check(model.inputs(), model.outputs())?;
        Ok(Self { parts, model })
    }

    /// Finds boxes in the radar's frame; points as [`crate::Accumulator::take`] gives them.
    ///
    /// # Errors
    /// [`DetectError`].
    pub fn detect(&mut self, points: &[[f32; POINT]]) -> Result<&[DetectedBox], DetectError> {
        self.parts.check_points(points)?;
        if let ViewMut::F32(_, input) = self.model.input_mut(0) {
            self.parts.feed(points, input);
            if input.iter().any(|number| !number.is_finite()) {
                return Err(DetectError::NotANumber("input"));
            }
        }
        self.model.run()?;
        // Another engine may have stepped in with another file.
        let Fit {
            heatmap,
            boxes,
            plane,
        } = fit(&self.parts, self.model.inputs(), self.model.outputs())?;
        let (View::F32(_, heatmap), View::F32(_, boxes)) =
            (self.model.output(heatmap), self.model.output(boxes))
        else {
            // The types were checked, and types do not change.
            return Ok(&[]);
        };
        if heatmap.iter().any(|logit| logit.is_nan()) {
            return Err(DetectError::NotANumber("heat map"));
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
    let head = decoder.head();
    let stride = (head.cell_m / grid.cell_m).round().max(1.0);
    let is_same = |a: f32, b: f32| (a - b).abs() < 1e-3 * grid.cell_m;
    if !is_same(head.cell_m, stride * grid.cell_m)
        || !is_same(head.x_min_m, grid.x_min_m)
        || !is_same(head.y_min_m, grid.y_min_m)
    {
        return Err(Misfit {
            what: format!("is described by a {DECODE_FILE} of another grid than the encoder's"),
        });
    }
    let stride = stride as usize;
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
