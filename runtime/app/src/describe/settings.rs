//! `[vision]`: which model describes keyframes, and how much of a picture it gets to see.

use crate::plan::SensorPlan;
use anyhow::{Context, Result, bail};
use drafthorse_core::SensorId;
use drafthorse_draft::DrafterFolder;
use drafthorse_protocol::limits::MAX_FRAMES;
use drafthorse_vision::ModelFolder;
use drafthorse_vision::prune::{Method, Pruning, Uniform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::PathBuf;

/// Keyframes are described by a vision-language model: `/descriptions` in the log. It looks at the
/// previews that the log has; `camera.preview_width_px` and `camera.preview_hz` say how fine they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VisionSettings {
    /// Folder of the model, relative to this file (docs/vision.md says what may be in it).
    pub model: PathBuf,
    /// Folder of a drafter for this model, relative to this file. The drafter then writes the descriptions, the model's
    /// decoder is not loaded, and `[router]` and `[offload]` say what becomes of the drafts (docs/offload.md).
    #[serde(default)]
    pub drafter: Option<PathBuf>,
    /// Precision of the drafter's graph by the suffix of its name, `q4` for example.
    #[serde(default)]
    pub drafter_precision: Option<String>,
    /// Precision of the model's graphs by the suffix of their names, `q4` for example.
    #[serde(default)]
    pub precision: Option<String>,
    /// Cameras whose pictures of a keyframe are described, eight at most; the keyframe's own alone where none is
    /// named. Drafts of one keyframe are one block: the worst of them decides where it goes.
    #[serde(default)]
    pub cameras: Vec<String>,
    /// Share of a picture's tokens that the model sees.
    #[serde(default = "everything")]
    pub keep: f64,
    /// How these tokens are chosen (docs/pruning.md).
    #[serde(default = "even")]
    pub pruning: Pruning,
    /// Tokens of the longest description; what the model says where absent.
    #[serde(default)]
    pub longest: Option<usize>,
}

fn everything() -> f64 {
    1.0
}

fn even() -> Pruning {
    Pruning::only(Method::Uniform(Uniform {}))
}

impl VisionSettings {
    /// A model that sees whole pictures.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Self {
            model: model.into(),
            drafter: None,
            drafter_precision: None,
            precision: None,
            cameras: Vec::new(),
            keep: everything(),
            pruning: even(),
            longest: None,
        }
    }

    /// How many of a picture's tokens stay.
    pub fn kept_of(&self, tokens: usize) -> usize {
        ((self.keep * tokens as f64).round() as usize).clamp(1, tokens.max(1))
    }

    /// Refuses what cannot be, in words.
    pub(crate) fn check(&self) -> Result<()> {
        if !(self.keep > 0.0 && self.keep <= 1.0) {
            bail!(
                "vision.keep is {}; choose a share above 0, at most 1",
                self.keep
            );
        }
        if self.longest == Some(0) {
            bail!("vision.longest is 0; choose 1 or more, or leave it out");
        }
        if self.cameras.len() > MAX_FRAMES {
            bail!(
                "vision.cameras names {} cameras, and a block has room for the pictures of {MAX_FRAMES}; leave some out",
                self.cameras.len()
            );
        }
        let mut before = HashSet::new();
        if let Some(twice) = self.cameras.iter().find(|&name| !before.insert(name)) {
            bail!("vision.cameras names {twice:?} twice; leave one out");
        }
        if self.drafter.is_some() && self.pruning.asks() && self.keep < 1.0 {
            bail!(
                "vision.pruning goes by the question's attention, which a drafter has no decoder for; take another method, or drop vision.drafter"
            );
        }
        self.pruning
            .check()
            .context("the [vision.pruning] table cannot be used")
    }

    /// Refuses a pruning by a question where none is asked.
    pub(crate) fn check_unasked(&self) -> Result<()> {
        if self.keep < 1.0 && self.pruning.weighs(|importance| importance.instruction) {
            bail!(
                "vision.pruning weighs `instruction` (by default of pyramid and navigation), and nothing is asked of keyframes; set importance without it, as {{ saliency = 1.0 }}"
            );
        }
        Ok(())
    }

    /// Refuses folders that hold no model or drafter, without loading either.
    pub(crate) fn check_folders(&self) -> Result<()> {
        ModelFolder::find(&self.model, self.precision.as_deref()).context("vision.model")?;
        if let Some(drafter) = &self.drafter {
            let folder = DrafterFolder::open(drafter).context("vision.drafter")?;
            let precision = self.drafter_precision.as_deref();
            folder
                .graph("standalone", precision)
                .context("vision.drafter_precision")?;
        }
        Ok(())
    }

    /// Refuses cameras that a run does not have, and a pruning that needs what its sensors never tell of their
    /// pictures; `own` is the camera of the keyframes.
    pub(crate) fn check_sensors(
        &self,
        sensors: &[SensorPlan],
        own: Option<SensorId>,
    ) -> Result<()> {
        let asked = self.cameras.iter().map(|name| {
            let is_it = |sensor: &&SensorPlan| sensor.format.is_camera() && sensor.name == *name;
            let found = sensors.iter().find(is_it);
            found.with_context(|| {
                format!("vision.cameras names {name:?}, and no camera has that name")
            })
        });
        let mut cameras: Vec<_> = asked.collect::<Result<_>>()?;
        if cameras.is_empty() {
            cameras.extend(own.and_then(|own| sensors.get(usize::from(own.0))));
        }
        let check = |camera| self.check_camera(sensors, camera);
        cameras.into_iter().try_for_each(check)
    }

    fn check_camera(&self, sensors: &[SensorPlan], camera: &SensorPlan) -> Result<()> {
        if self.keep >= 1.0 {
            return Ok(());
        }
        let by_way = self
            .pruning
            .has(|method| matches!(method, Method::Navigation(_)));
        let by_radar = self.pruning.weighs(|importance| importance.radar);
        if (by_way || by_radar) && camera.camera.is_none() {
            bail!(
                "vision.pruning goes by {}, which needs the calibration of {}; state its mount and camera, or take another method",
                if by_way { "the vehicle's way" } else { "radar" },
                camera.name
            );
        }
        if by_radar && sensors.iter().all(|sensor| sensor.format.is_camera()) {
            bail!("vision.pruning weighs `radar`, and there is no radar; leave it out");
        }
        Ok(())
    }
}
