//! A detector's folder in the place of its detections: it is run over the labelled drives.

use crate::pipeline::ask_scan::parts;
use anyhow::{Context, Result, bail};
use drafthorse_engine::{Manifest, Takes};
use drafthorse_engine_auto::EngineConfig;
use drafthorse_engine_auto::{Engines, Loaded, plan_of};
use drafthorse_eval::formats::shard::{self, ScannedScene};
use drafthorse_eval::{Box3, DetectedScene, Detection, LabelledScene, Object};
use drafthorse_gaussian::{BoxHead, DetectedBox, GaussianDetector};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// Whether a path is a model's folder.
pub(super) fn is_model(path: &Path) -> bool {
    path.join("model.toml").is_file()
}

/// Where the model of a folder comes from, in a sentence.
pub(super) fn origin(path: &Path) -> Option<String> {
    let manifest = is_model(path).then(|| Manifest::read(path).ok())??;
    Some(format!("The model {}: {}.", manifest.name, manifest.origin))
}

/// What the model of a folder finds in the drives of a folder of shards.
///
/// # Errors
/// A model that looks at no radar scans, that no engine runs, or drives that cannot be read.
pub(super) fn detections(
    model: &Path,
    drives: &Path,
    config: &EngineConfig,
) -> Result<Vec<DetectedScene>> {
    let manifest = Manifest::read(model)?;
    if manifest.takes != Takes::RadarScan {
        bail!(
            "the model {} looks at pictures, and the drives hold radar scans; the model.toml of a radar detector says takes = \"radar_scan\"",
            manifest.name
        );
    }
    let scans = shard::read_scans(drives).with_context(|| {
        format!(
            "a model is run over drives: --labels must be a folder of training shards, and {} is none",
            drives.display()
        )
    })?;
    let parts = parts(model, &manifest)?;
    let wanted = parts.settings().scans;
    if let Some(scene) = scans.iter().find(|scene| scene.scans < wanted) {
        bail!(
            "the model {} takes {wanted} scans together, and the frames of {} hold {}: write them anew with drafthorse-shards --scans {wanted}",
            manifest.name,
            scene.id,
            scene.scans
        );
    }
    let engines = Arc::new(Engines::open(config)?);
    let plan = plan_of(&engines, model, config.threads, Some(&config.cache))?;
    let loaded = Loaded::open(&engines, model, &plan, config.threads)?;
    let by = loaded.running();
    let mut detector = GaussianDetector::new(parts, loaded)?;
    let bar = ProgressBar::new(scans.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40.cyan/black} {percent:>3} %  {msg}") {
        bar.set_style(style);
    }
    bar.set_message(manifest.name.clone());
    eprintln!("{}: {by}, over {} scenes", manifest.name, scans.len());
    let mut found = Vec::with_capacity(scans.len());
    for scene in &scans {
        found.push(of_scene(&mut detector, scene)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(found)
}

/// What models are judged by: where they look, and the returns that they are given.
#[derive(Clone, Copy, PartialEq, Serialize)]
pub(super) struct Reach {
    /// Scans together.
    scans: usize,
    x_m: [f64; 2],
    y_m: [f64; 2],
}

impl Reach {
    /// Of the model of a folder.
    ///
    /// # Errors
    /// A folder without a detector.
    pub(super) fn of(model: &Path) -> Result<Self> {
        let parts = parts(model, &Manifest::read(model)?)?;
        let grid = parts.settings().grid;
        Ok(Self {
            scans: parts.settings().scans,
            x_m: [grid.x_min_m, grid.x_max_m].map(f64::from),
            y_m: [grid.y_min_m, grid.y_max_m].map(f64::from),
        })
    }

    /// Where either looks, and what either is given: who sees less pays for it.
    pub(super) fn both(self, other: Self) -> Self {
        let wider = |a: [f64; 2], b: [f64; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        Self {
            scans: self.scans.max(other.scans),
            x_m: wider(self.x_m, other.x_m),
            y_m: wider(self.y_m, other.y_m),
        }
    }

    fn holds(&self, object: &Object) -> bool {
        let [x, y, _] = object.shape.centre_m;
        (self.x_m[0]..self.x_m[1]).contains(&x) && (self.y_m[0]..self.y_m[1]).contains(&y)
    }

    /// Leaves out what lies elsewhere, and counts the returns of the scans that the model is given.
    pub(super) fn limit_labels(&self, labels: &mut [LabelledScene]) {
        for scene in labels {
            scene.truth.retain(|truth| self.holds(&truth.object));
            if self.scans == 1 {
                let truths = scene.truth.iter_mut();
                truths.for_each(|truth| truth.returns_all = truth.returns);
            }
        }
    }

    /// Leaves out what lies elsewhere.
    pub(super) fn limit_detections(&self, detections: &mut [DetectedScene]) {
        for scene in detections {
            scene.detections.retain(|found| self.holds(&found.object));
        }
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        let [[x0, x1], [y0, y1]] = [self.x_m, self.y_m];
        format!(
            "x {x0} to {x1} m, y {y0} to {y1} m of the radar, by the returns of {} scans",
            self.scans
        )
    }
}

fn of_scene(
    detector: &mut GaussianDetector<Loaded>,
    scene: &ScannedScene,
) -> Result<DetectedScene> {
    let scans = detector.parts().settings().scans;
    let boxes = detector.detect(scene.newest(scans));
    let boxes = boxes.with_context(|| scene.id.clone())?.to_vec();
    let head = detector.parts().head();
    let detections = boxes.iter().map(|found| detection(found, head));
    Ok(DetectedScene {
        id: scene.id.clone(),
        detections: detections.collect(),
    })
}

fn detection(found: &DetectedBox, head: &BoxHead) -> Detection {
    let class = &head.classes[found.class].name;
    Detection {
        object: Object {
            shape: Box3 {
                centre_m: found.centre_m.map(f64::from),
                size_m: found.size_m.map(f64::from),
                yaw_rad: f64::from(found.yaw_rad),
            },
            class: class.to_lowercase(),
            ..Object::default()
        },
        score: f64::from(found.score),
    }
}
