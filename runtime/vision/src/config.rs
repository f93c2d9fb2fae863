//! What a model's JSON files say: config.json, preprocessor_config.json, generation_config.json.

use crate::error::VisionError;
use crate::folder::ModelFolder;
use crate::pixels::{Crop, Filter, Normalisation, PatchRows, Preparation, Split};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Kinds of models that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Idefics3 and SmolVLM: square tiles and a thumbnail (arXiv:2504.05299).
    Idefics3,
    /// Qwen2-VL and Qwen2.5-VL: one grid of any size, positions on three axes (arXiv:2502.13923).
    Qwen2Vl,
    /// The scene model: one picture of one size (docs/scene-vlm.md).
    Scene,
}

impl Architecture {
    /// By config.json's `model_type`.
    const KNOWN: [(&'static str, Self); 5] = [
        ("idefics3", Self::Idefics3),
        ("smolvlm", Self::Idefics3),
        ("qwen2_vl", Self::Qwen2Vl),
        ("qwen2_5_vl", Self::Qwen2Vl),
        ("drafthorse-scene-vlm", Self::Scene),
    ];

    /// Axes that positions have.
    #[must_use]
    pub fn axes(self) -> usize {
        match self {
            Self::Qwen2Vl => 3,
            Self::Idefics3 | Self::Scene => 1,
        }
    }
}

/// A model's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Kind of model.
    pub architecture: Architecture,
    /// Token id that stands where a picture's token comes.
    pub image_token: u32,
    /// Token ids that end an answer.
    pub end_tokens: Vec<u32>,
    /// Tokens of the longest answer, where the model says so.
    pub longest_answer: Option<usize>,
    /// No run of so many tokens is said twice in an answer; 0 where runs may come again.
    pub no_repeat: usize,
    /// How pictures become pixel values.
    pub preparation: Preparation,
    /// How the fit of a text and a patch becomes a probability; the scene model says.
    pub patch_match: Option<PatchMatch>,
}

/// The fit of a text and a patch as the logit of the patch showing it: `scale * fit + bias`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct PatchMatch {
    /// Factor of the fit.
    #[serde(rename = "patch_scale")]
    pub scale: f32,
    /// What is added.
    #[serde(rename = "patch_bias")]
    pub bias: f32,
}

impl PatchMatch {
    /// The probability, 0 to 1.
    #[must_use]
    pub fn probability(self, fit: f32) -> f32 {
        1.0 / (1.0 + (-(self.scale * fit + self.bias)).exp())
    }
}

impl Settings {
    /// Reads a model's JSON files.
    ///
    /// # Errors
    /// [`VisionError::Read`], [`VisionError::Config`], [`VisionError::UnknownArchitecture`].
    pub fn read(folder: &ModelFolder) -> Result<Self, VisionError> {
        let config: Config = json(&folder.config)?;
        let known = Architecture::KNOWN.iter();
        let known = known.clone().find(|(name, _)| *name == config.model_type);
        let Some(&(_, architecture)) = known else {
            return Err(VisionError::UnknownArchitecture {
                path: folder.config.clone(),
                found: config.model_type,
                known: Architecture::KNOWN.map(|(name, _)| name).join(", "),
            });
        };
        let generation: Generation = match &folder.generation_config {
            Some(path) => json(path)?,
            None => Generation::default(),
        };
        let text = config.text_config.as_ref();
        let end = generation.eos_token_id.or(config.eos_token_id.clone());
        let end = end.or_else(|| text.and_then(|text| text.eos_token_id.clone()));
        let end = end.ok_or_else(|| VisionError::Config {
            path: folder.config.clone(),
            why: "neither it nor generation_config.json names an eos_token_id".to_owned(),
        })?;
        Ok(Self {
            architecture,
            image_token: config.image_token_id,
            end_tokens: end.into(),
            longest_answer: generation.max_new_tokens,
            no_repeat: generation.no_repeat_ngram_size,
            preparation: preparation(architecture, &config, folder)?,
            patch_match: config.match_config,
        })
    }
}

#[derive(Deserialize)]
struct Config {
    model_type: String,
    image_token_id: u32,
    #[serde(default)]
    eos_token_id: Option<Ids>,
    #[serde(default)]
    scale_factor: Option<usize>,
    #[serde(default)]
    text_config: Option<Text>,
    #[serde(default)]
    match_config: Option<PatchMatch>,
    vision_config: Vision,
}

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    eos_token_id: Option<Ids>,
}

#[derive(Deserialize)]
struct Vision {
    #[serde(default)]
    patch_size: Option<usize>,
    #[serde(default)]
    patches: Option<[usize; 2]>,
}

#[derive(Default, Deserialize)]
struct Generation {
    #[serde(default)]
    eos_token_id: Option<Ids>,
    #[serde(default)]
    max_new_tokens: Option<usize>,
    #[serde(default)]
    no_repeat_ngram_size: usize,
}

/// One id or several.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}

impl From<Ids> for Vec<u32> {
    fn from(ids: Ids) -> Self {
        match ids {
            Ids::One(id) => vec![id],
            Ids::Many(ids) => ids,
        }
    }
}

/// What preprocessor_config.json may say; what it leaves out is as in the processor's own code.
#[derive(Deserialize)]
struct Preprocessor {
    #[serde(default)]
    do_image_splitting: Option<bool>,
    #[serde(default)]
    size: Size,
    #[serde(default)]
    max_image_size: Size,
    #[serde(default)]
    crop_size: Size,
    #[serde(default)]
    min_pixels: Option<usize>,
    #[serde(default)]
    max_pixels: Option<usize>,
    #[serde(default)]
    patch_size: Option<usize>,
    #[serde(default)]
    temporal_patch_size: Option<usize>,
    #[serde(default)]
    merge_size: Option<usize>,
    #[serde(default)]
    resample: Option<u8>,
    #[serde(default)]
    do_rescale: Option<bool>,
    #[serde(default)]
    rescale_factor: Option<f64>,
    #[serde(default)]
    do_normalize: Option<bool>,
    #[serde(default)]
    image_mean: Option<[f32; 3]>,
    #[serde(default)]
    image_std: Option<[f32; 3]>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Size {
    #[serde(default)]
    longest_edge: Option<usize>,
    #[serde(default)]
    shortest_edge: Option<usize>,
    #[serde(default)]
    height: Option<u32>,
    #[serde(default)]
    width: Option<u32>,
}

impl Preprocessor {
    fn normalisation(&self, mean: [f32; 3], std: [f32; 3]) -> Normalisation {
        let scale = match self.do_rescale {
            Some(false) => 1.0,
            _ => self.rescale_factor.unwrap_or(1.0 / 255.0),
        };
        match self.do_normalize {
            Some(false) => Normalisation::new(scale, [0.0; 3], [1.0; 3]),
            _ => Normalisation::new(
                scale,
                self.image_mean.unwrap_or(mean),
                self.image_std.unwrap_or(std),
            ),
        }
    }
}

/// CLIP's mean and standard deviation, those of Qwen's processor.
const CLIP: [[f32; 3]; 2] = [
    [0.481_454_66, 0.457_827_5, 0.408_210_73],
    [0.268_629_54, 0.261_302_6, 0.275_777_1],
];

fn preparation(
    architecture: Architecture,
    config: &Config,
    folder: &ModelFolder,
) -> Result<Preparation, VisionError> {
    let path = &folder.preprocessor_config;
    let given: Preprocessor = json(path)?;
    let wrong = |path: &Path, why: String| VisionError::Config {
        path: path.to_owned(),
        why,
    };
    let filter = |default: u8| {
        let code = given.resample.unwrap_or(default);
        Filter::from_pil(code).ok_or_else(|| {
            wrong(
                path,
                format!("resample {code} is none of PIL's filters 0 to 5"),
            )
        })
    };
    Ok(match architecture {
        Architecture::Idefics3 => {
            let tile = given.max_image_size.longest_edge.unwrap_or(364);
            let patch = config.vision_config.patch_size.unwrap_or(32);
            let scale = config.scale_factor.unwrap_or(2);
            let side = patch * scale;
            if tile == 0 || side == 0 || !tile.is_multiple_of(side) {
                return Err(wrong(
                    path,
                    format!("tiles of {tile} px do not consist of tokens of {patch} x {scale} px"),
                ));
            }
            Preparation::Split(Split {
                longest_px: given.size.longest_edge.unwrap_or(4 * 364),
                tile_px: tile,
                token_px: side,
                splits: given.do_image_splitting.unwrap_or(true),
                filter: filter(1)?,
                normalisation: given.normalisation([0.5; 3], [0.5; 3]),
            })
        }
        Architecture::Qwen2Vl => {
            let rows = PatchRows {
                patch_px: given.patch_size.unwrap_or(14),
                merge: given.merge_size.unwrap_or(2),
                frames: given.temporal_patch_size.unwrap_or(2),
                least_pixels: given
                    .min_pixels
                    .or(given.size.shortest_edge)
                    .unwrap_or(56 * 56),
                most_pixels: given
                    .max_pixels
                    .or(given.size.longest_edge)
                    .unwrap_or(28 * 28 * 1280),
                filter: filter(3)?,
                normalisation: given.normalisation(CLIP[0], CLIP[1]),
            };
            if rows.patch_px * rows.merge * rows.frames == 0 || rows.most_pixels < rows.least_pixels
            {
                return Err(wrong(
                    path,
                    "patches, merging or numbers of pixels that no picture has".to_owned(),
                ));
            }
            Preparation::Patches(rows)
        }
        Architecture::Scene => {
            let sides = |size: Size| Some([size.height?, size.width?]);
            let grid = config.vision_config.patches;
            let Some((whole_px, crop_px, grid)) = sides(given.size)
                .zip(sides(given.crop_size))
                .zip(grid)
                .map(|((whole, crop), grid)| (whole, crop, grid))
            else {
                return Err(wrong(path, "size, crop_size or config.json's vision_config.patches lacks a height or width".to_owned()));
            };
            if (0..2)
                .any(|side| crop_px[side] == 0 || crop_px[side] > whole_px[side] || grid[side] == 0)
            {
                return Err(wrong(
                    path,
                    format!("{crop_px:?} cannot be cut out of {whole_px:?}, height first"),
                ));
            }
            Preparation::Crop(Crop {
                whole_px,
                crop_px,
                grid,
                filter: filter(2)?,
                normalisation: given.normalisation([0.5; 3], [0.5; 3]),
            })
        }
    })
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, VisionError> {
    let bytes = std::fs::read(path).map_err(|error| VisionError::Read {
        path: path.to_owned(),
        error,
    })?;
    serde_json::from_slice(&bytes).map_err(|error| VisionError::Config {
        path: path.to_owned(),
        why: error.to_string(),
    })
}
