//! Asking the Gaussian detector about a radar's scan.

use super::ask::{Ask, note_engine};
use crate::plan::NetworkPlan;
use anyhow::{Context, Result};
use drafthorse_core::Class;
use drafthorse_detector::NetworkBox;
use drafthorse_engine::{Agreement, DType, Manifest};
use drafthorse_engine_auto::{Handover, Loaded};
use drafthorse_gaussian::{ClassHead, DECODE_FILE, ENCODER_FILE, GaussianDetector, POINT, Parts};
use drafthorse_record::messages::drafthorse::{NetworkAnswer, NetworkTensor};
use std::path::Path;

/// Name of the one tensor of an answer, f32 `[boxes, 9]`, best first, in the radar's frame.
const BOXES: &str = "boxes";
/// Numbers of a box: class, score, x, y, z (m), length, width, height (m), yaw (rad).
const BOX: usize = 9;
/// Boxes of one class whose centres lie closer than this are of one object, m.
const SAME_M: f64 = 1.0;

/// A loaded detector. Its answers are boxes.
pub struct ScanAsker {
    detector: GaussianDetector<Loaded>,
}

impl ScanAsker {
    /// For a network of the plan, with the assets of the folder. What is compiled for this machine is kept
    /// in the folder `cache`.
    ///
    /// # Errors
    /// Assets that cannot be read, or that the network does not fit.
    pub fn new(model: Loaded, plan: &NetworkPlan, folder: &Path, cache: &Path) -> Result<Self> {
        let parts = parts(folder, &plan.manifest)?;
        let parts = with_gpu(parts, folder, &plan.manifest, cache)?;
        Ok(Self {
            detector: GaussianDetector::new(parts, model)?,
        })
    }
}

/// The encoder on this machine's GPU, where there is one and the program was built for it.
#[cfg(feature = "cuda")]
fn with_gpu(parts: Parts, folder: &Path, manifest: &Manifest, cache: &Path) -> Result<Parts> {
    use drafthorse_gaussian_cuda::{Front, Gpu};
    let weights = manifest.asset(folder, ENCODER_FILE)?.unwrap_or_default();
    let gpu = match Gpu::open(cache) {
        Ok(gpu) => gpu,
        Err(error) => {
            eprintln!("network {}: {error}", manifest.name);
            return Ok(parts);
        }
    };
    let name = gpu.name();
    match Front::new(gpu, &weights, parts.settings()) {
        Ok(front) => {
            eprintln!("network {}: encoder on {name}", manifest.name);
            Ok(parts.with_feeder(Box::new(front)))
        }
        Err(error) => {
            eprintln!("network {}: {error}", manifest.name);
            Ok(parts)
        }
    }
}

#[cfg(not(feature = "cuda"))]
#[expect(clippy::unnecessary_wraps, reason = "as with the feature `cuda`")]
fn with_gpu(parts: Parts, _: &Path, _: &Manifest, _: &Path) -> Result<Parts> {
    Ok(parts)
}

/// Between the centres of two boxes, m.
fn between_m(a: &NetworkBox, b: &NetworkBox) -> f64 {
    libm::hypot(a.centre_m[0] - b.centre_m[0], a.centre_m[1] - b.centre_m[1])
}

/// The largest difference between two boxes.
fn apart(a: &NetworkBox, b: &NetworkBox) -> f64 {
    let turn = (a.yaw_rad - b.yaw_rad).rem_euclid(std::f64::consts::TAU);
    let turn = turn.min(std::f64::consts::TAU - turn);
    let lengths = a.centre_m.iter().chain(&a.size_m);
    let others = b.centre_m.iter().chain(&b.size_m);
    let lengths = lengths.zip(others).map(|(a, b)| (a - b).abs());
    lengths.fold(turn.max((a.score - b.score).abs()), f64::max)
}

/// What stands before and behind the network.
///
/// # Errors
/// Assets that are absent, damaged or of another format.
pub fn parts(folder: &Path, manifest: &Manifest) -> Result<Parts> {
    let asset = |name: &str| {
        let bytes = manifest.asset(folder, name).with_context(|| {
            format!(
                "the model {} lacks a part; `drafthorse models pull --dir {}` fetches what has a URL",
                manifest.name,
                folder.display()
            )
        })?;
        bytes.with_context(|| {
            format!(
                "the model {} looks at radar scans and has no asset {name}",
                manifest.name
            )
        })
    };
    let parts = Parts::read(&asset(ENCODER_FILE)?, &asset(DECODE_FILE)?);
    parts.with_context(|| format!("the model {}", manifest.name))
}

impl Ask for ScanAsker {
    type Seen = [[f32; POINT]];

    fn ask(&mut self, points: &Self::Seen, answer: &mut NetworkAnswer) -> Result<()> {
        let boxes = self.detector.detect(points)?;
        answer.outputs.resize_with(1, NetworkTensor::default);
        let tensor = &mut answer.outputs[0];
        BOXES.clone_into(&mut tensor.name);
        if tensor.dtype.is_empty() {
            tensor.dtype = DType::F32.to_string();
        }
        tensor.shape.clear();
        tensor.shape.extend([boxes.len() as u64, BOX as u64]);
        tensor.data.clear();
        for found in boxes {
            let [x, y, z] = found.centre_m;
            let [length, width, height] = found.size_m;
            let (class, score, yaw) = (found.class as f32, found.score, found.yaw_rad);
            let numbers: [f32; BOX] = [class, score, x, y, z, length, width, height, yaw];
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
            tensor.data.extend(bytes);
        }
        note_engine(self.detector.model(), answer);
        Ok(())
    }

    /// Boxes that become detections in either answer, each beside the nearest of its class in the other: the
    /// largest difference in score, place (m), size (m) and heading (rad); the score alone where the other
    /// has none. Weaker boxes come and go with the last bit of a score.
    fn agreement(&self, fresh: &NetworkAnswer, recorded: &NetworkAnswer) -> Agreement {
        let head = self.detector.parts().head();
        let class_of = |class: &ClassHead| Class::from_name(&class.name).unwrap_or_default();
        let classes: Vec<Class> = head.classes.iter().map(class_of).collect();
        let least = |class: usize| f64::from(head.classes[class].score_run);
        let boxes = |answer| boxes_of(answer, &classes).collect::<Vec<_>>();
        let (fresh, recorded) = (boxes(fresh), boxes(recorded));
        let mut max_error = 0.0f64;
        for (some, others) in [(&fresh, &recorded), (&recorded, &fresh)] {
            for (class, found) in some.iter().filter(|(class, b)| b.score >= least(*class)) {
                let same = others.iter().filter(|(other, _)| other == class);
                let near = same.filter(|(_, other)| between_m(found, other) < SAME_M);
                let apart = near.map(|(_, other)| apart(found, other));
                let apart = apart.min_by(f64::total_cmp).unwrap_or(found.score);
                max_error = max_error.max(apart);
            }
        }
        Agreement {
            max_error,
            cosine: 1.0,
        }
    }

    fn take_handovers(&mut self) -> Vec<Handover> {
        let mut handovers = self.detector.model_mut().take_handovers();
        handovers.extend(self.detector.parts_mut().take_loss().map(|why| Handover {
            from: "the encoder on the GPU".to_owned(),
            why,
            to: "the processor".to_owned(),
        }));
        handovers
    }
}

/// The boxes of an answer, in the radar's frame; those of classes that are not among `classes`, or
/// with what is no number, are left out.
pub fn boxes_of<'a>(
    answer: &'a NetworkAnswer,
    classes: &'a [Class],
) -> impl Iterator<Item = (usize, NetworkBox)> + 'a {
    let tensor = answer.outputs.iter().find(|tensor| tensor.name == BOXES);
    let data = tensor.map_or(&[][..], |tensor| &tensor.data);
    let (numbers, _) = data.as_chunks::<4>();
    numbers.chunks_exact(BOX).filter_map(|row| {
        let row: [f64; BOX] = std::array::from_fn(|i| f64::from(f32::from_le_bytes(row[i])));
        if row.iter().any(|number| !number.is_finite()) {
            return None;
        }
        let [class, score, x, y, z, length, width, height, yaw_rad] = row;
        if class < 0.0 {
            return None;
        }
        let index = class as usize;
        let found = NetworkBox {
            class: *classes.get(index)?,
            score,
            centre_m: [x, y, z],
            size_m: [length, width, height],
            yaw_rad,
        };
        Some((index, found))
    })
}
