//! The encoder's weights and settings, from the file that training exports.

use crate::accumulate::{POINT, POINT_NAMES};
use crate::grid::Grid;
use crate::matrix::Dense;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// Format that this program reads.
pub(crate) const FORMAT: &str = "drafthorse-radar-gaussian-1";
/// Channels at most: more than any published detector has.
const MOST_CHANNELS: usize = 1024;
/// Scans together at most.
const MOST_SCANS: usize = 16;
/// Elements of a bird's-eye view at most: 1 GiB.
pub(crate) const MOST_ELEMENTS: usize = 1 << 28;
/// Largest length that a setting may be, m: beyond any radar's reach.
const LONGEST_M: f32 = 10_000.0;

/// Why a file of weights cannot be used. Export the model again
/// (`python -m radar_gaussian.export`).
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// No safetensors file, or a cut one.
    #[error("the encoder's weights are no whole safetensors file: {0}; export the model again")]
    File(#[from] SafeTensorError),
    /// Another format.
    #[error(
        "the encoder's weights are of the format {found:?} and not {FORMAT:?}; export the model again"
    )]
    Format {
        /// What it says.
        found: String,
    },
    /// A setting is missing or cannot be.
    #[error("the encoder's setting {name} {why}; export the model again")]
    Setting {
        /// Which.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
    /// An array is missing or of another shape.
    #[error("the encoder's array {name} {why}; export the model again")]
    Array {
        /// Which.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// Numbers beside the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name of the model.
    pub name: String,
    /// What the network is given of a point: places in [`crate::POINT_NAMES`], x, y and z first.
    pub features: Vec<usize>,
    /// Scans together, the newest among them.
    pub scans: usize,
    /// Grid of the bird's-eye view.
    pub grid: Grid,
    /// Features of a Gaussian.
    pub channels: usize,
    /// How far neighbours are, m.
    pub neighbour_radius_m: f32,
    /// Largest scale of a Gaussian, m.
    pub max_scale_m: f32,
    /// Farthest that a Gaussian lies from its point along each axis, m.
    pub max_offset_m: f32,
    /// Whether opacity is learned; it is 1 otherwise.
    pub learned_opacity: bool,
    /// Added to the variance of each Gaussian on the grid, cells squared.
    pub screen_variance_px2: f32,
    /// What divides the range before it is a feature, m.
    pub range_scale_m: f32,
    /// Most that a Gaussian covers of a cell.
    pub alpha_max: f32,
    /// What covers less than this of a cell leaves it alone.
    pub alpha_min: f32,
    /// A cell ends before the Gaussian that would let less than this through.
    pub stop: f32,
}

impl Settings {
    /// Whether a point lies in the grid's volume.
    #[must_use]
    pub fn is_in_grid(&self, point: &[f32; POINT]) -> bool {
        self.grid.holds([point[0], point[1], point[2]])
    }

    /// Whether all that the model reads of a point is a number.
    #[must_use]
    pub fn is_whole(&self, point: &[f32; POINT]) -> bool {
        self.features.iter().all(|&place| point[place].is_finite())
    }
}

/// Gain and shift of a layer norm.
pub(crate) type Norm = (Vec<f32>, Vec<f32>);

/// All arrays.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) mean: Vec<f32>,
    pub(crate) std: Vec<f32>,
    pub(crate) local: Dense,
    pub(crate) embed: Dense,
    pub(crate) norm_attention: Norm,
    pub(crate) query: Dense,
    pub(crate) key: Dense,
    pub(crate) value: Dense,
    pub(crate) project: Dense,
    pub(crate) norm_feed: Norm,
    pub(crate) feed_in: Dense,
    pub(crate) feed_out: Dense,
    pub(crate) head: Dense,
}

/// An array of the weights' file, for whatever else computes with them.
///
/// # Errors
/// [`WeightsError`].
pub fn array(bytes: &[u8], name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
    Arrays(SafeTensors::deserialize(bytes)?).array(name, shape)
}

/// Reads a file of weights.
pub(crate) fn read(bytes: &[u8]) -> Result<(Settings, Weights), WeightsError> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let settings = settings(header.metadata().as_ref())?;
    let file = Arrays(SafeTensors::deserialize(bytes)?);
    let (f, c) = (settings.features.len(), settings.channels);
    let dense = |name: &str, inputs: usize, outputs: usize| -> Result<Dense, WeightsError> {
        let weight = file.array(&format!("{name}.weight"), &[outputs, inputs])?;
        Ok(Dense::new(
            &weight,
            &file.array(&format!("{name}.bias"), &[outputs])?,
        ))
    };
    let norm = |name: &str| -> Result<Norm, WeightsError> {
        let gain = file.array(&format!("{name}.weight"), &[c])?;
        Ok((gain, file.array(&format!("{name}.bias"), &[c])?))
    };
    let std = file.array("input.std", &[f])?;
    if !std.iter().all(|&std| std > 0.0) {
        return Err(WeightsError::Array {
            name: "input.std".to_owned(),
            why: "holds a number that is not above 0".to_owned(),
        });
    }
    let weights = Weights {
        mean: file.array("input.mean", &[f])?,
        std,
        local: dense("local.linear", f + 3, c)?,
        embed: dense("whole.embed", f, c)?,
        norm_attention: norm("whole.norm_attention")?,
        query: dense("whole.query", c, c)?,
        key: dense("whole.key", c, c)?,
        value: dense("whole.value", c, c)?,
        project: dense("whole.project", c, c)?,
        norm_feed: norm("whole.norm_feed")?,
        feed_in: dense("whole.feed_in", c, 2 * c)?,
        feed_out: dense("whole.feed_out", 2 * c, c)?,
        head: dense("head", 3 + f + 2 * c, 11 + c)?,
    };
    Ok((settings, weights))
}

pub(crate) struct Arrays<'a>(pub(crate) SafeTensors<'a>);

impl Arrays<'_> {
    /// Length of an array of one axis.
    pub(crate) fn rows(&self, name: &str) -> Result<usize, WeightsError> {
        let wrong = |why: String| WeightsError::Array {
            name: name.to_owned(),
            why,
        };
        let found = self
            .0
            .tensor(name)
            .map_err(|error| wrong(error.to_string()))?;
        match found.shape() {
            [rows] if (1..=MOST_CHANNELS).contains(rows) => Ok(*rows),
            shape => Err(wrong(format!("is of the shape {shape:?}"))),
        }
    }

    pub(crate) fn array(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let wrong = |why: String| WeightsError::Array {
            name: name.to_owned(),
            why,
        };
        let found = self
            .0
            .tensor(name)
            .map_err(|error| wrong(error.to_string()))?;
        if found.dtype() != Dtype::F32 || found.shape() != shape {
            return Err(wrong(format!(
                "is {:?} {:?} and not F32 {shape:?}",
                found.dtype(),
                found.shape()
            )));
        }
        let (numbers, _) = found.data().as_chunks();
        let numbers: Vec<f32> = numbers.iter().copied().map(f32::from_le_bytes).collect();
        match numbers.iter().all(|number| number.is_finite()) {
            true => Ok(numbers),
            false => Err(wrong("holds a number that is not finite".to_owned())),
        }
    }
}

fn settings(metadata: Option<&HashMap<String, String>>) -> Result<Settings, WeightsError> {
    let text = |name: &'static str| {
        let found = metadata.and_then(|metadata| metadata.get(name));
        found.cloned().ok_or(WeightsError::Setting {
            name,
            why: "is missing".to_owned(),
        })
    };
    let found = text("format")?;
    if found != FORMAT {
        return Err(WeightsError::Format { found });
    }
    let positive = |name: &'static str| -> Result<f32, WeightsError> {
        let number: f32 = json(name, &text(name)?)?;
        match (0.0..=LONGEST_M).contains(&number) {
            true => Ok(number),
            false => Err(WeightsError::Setting {
                name,
                why: format!("is {number}"),
            }),
        }
    };
    let settings = Settings {
        name: text("name")?,
        features: features(&text("features")?)?,
        scans: json("scans", &text("scans")?)?,
        grid: json("grid", &text("grid")?)?,
        channels: json("channels", &text("channels")?)?,
        neighbour_radius_m: positive("neighbour_radius_m")?,
        max_scale_m: positive("max_scale_m")?,
        max_offset_m: positive("max_offset_m")?,
        learned_opacity: json("learned_opacity", &text("learned_opacity")?)?,
        screen_variance_px2: positive("screen_variance_px2")?,
        range_scale_m: positive("range_scale_m")?,
        alpha_max: positive("alpha_max")?,
        alpha_min: positive("alpha_min")?,
        stop: positive("stop")?,
    };
    check(&settings)?;
    Ok(settings)
}

/// Refuses what would divide by zero, or take more memory than any detector.
fn check(settings: &Settings) -> Result<(), WeightsError> {
    let grid = &settings.grid;
    let right = |low: f32, high: f32, cells: usize| {
        let length = f64::from(high) - f64::from(low);
        let wanted = cells as f64 * f64::from(grid.cell_m);
        length > 0.0 && (length - wanted).abs() < 1e-3 * wanted
    };
    let cells = grid.width.checked_mul(grid.height);
    let elements = cells.and_then(|cells| cells.checked_mul(settings.channels));
    let is_grid = elements.is_some_and(|elements| (1..=MOST_ELEMENTS).contains(&elements))
        && right(grid.x_min_m, grid.x_max_m, grid.width)
        && right(grid.y_min_m, grid.y_max_m, grid.height)
        && grid.z_min_m < grid.z_max_m;
    let tests = [
        (is_grid, "grid", "does not fit its cells"),
        (
            (1..=MOST_CHANNELS).contains(&settings.channels),
            "channels",
            "is not 1 to 1024",
        ),
        (
            settings.features.starts_with(&[0, 1, 2]),
            "features",
            "does not begin with x_m, y_m, z_m",
        ),
        (
            (1..=MOST_SCANS).contains(&settings.scans),
            "scans",
            "is not 1 to 16",
        ),
        (settings.range_scale_m > 0.0, "range_scale_m", "is 0"),
        (
            settings.screen_variance_px2 > 0.0,
            "screen_variance_px2",
            "is 0",
        ),
        (settings.alpha_max < 1.0, "alpha_max", "is not below 1"),
        (
            settings.alpha_min > 0.0 && settings.alpha_min < settings.alpha_max,
            "alpha_min",
            "is not between 0 and alpha_max",
        ),
    ];
    match tests.into_iter().find(|(is_right, ..)| !is_right) {
        None => Ok(()),
        Some((_, name, why)) => Err(WeightsError::Setting {
            name,
            why: why.to_owned(),
        }),
    }
}

/// Places of the features in a point, by their names.
fn features(names: &str) -> Result<Vec<usize>, WeightsError> {
    let place = |name: &str| {
        let place = POINT_NAMES.iter().position(|known| *known == name);
        place.ok_or_else(|| WeightsError::Setting {
            name: "features",
            why: format!("names {name:?}; known are {}", POINT_NAMES.join(", ")),
        })
    };
    names.split(',').map(place).collect()
}

fn json<T: DeserializeOwned>(name: &'static str, text: &str) -> Result<T, WeightsError> {
    serde_json::from_str(text).map_err(|error| WeightsError::Setting {
        name,
        why: error.to_string(),
    })
}
