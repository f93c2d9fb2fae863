//! Scenes of the synthetic world as a trial needs them.

use drafthorse_synth::scenes::{
    self as synth, PATCHES, Question, Scenes, ScenesConfig, Split, camera,
};
use drafthorse_vision::prune::{Camera, Return};
use indicatif::ProgressBar;

/// A picture with what is asked about it.
pub(super) struct Scene {
    pub(super) rgb: Vec<u8>,
    pub(super) questions: Vec<Question>,
    pub(super) camera: Camera,
    pub(super) curvature_per_m: f64,
    pub(super) radar: Vec<Return>,
    /// Which patches show a road user.
    pub(super) shows: Vec<bool>,
}

/// Bits of a patch that say that it shows a road user.
const ROAD_USERS: u8 = 0b1111;

/// Slower than this, the vehicle's path is taken to be straight, m/s.
const STANDS_MPS: f64 = 1.0;

fn generate(split: Split, count: usize) -> impl Iterator<Item = synth::Scene> {
    let mut scenes = Scenes::new(ScenesConfig {
        split,
        seed: 0,
        captions: 1,
        verified: true,
    });
    (0..count).map(move |_| scenes.take())
}

/// The first scenes of a split.
pub(super) fn of(split: Split, count: usize) -> impl Iterator<Item = Scene> {
    let (mount, model) = camera();
    let camera = Camera::new(&mount, model);
    generate(split, count).map(move |scene| {
        let [speed_mps, yaw_rate_radps] = scene.ego;
        Scene {
            curvature_per_m: match speed_mps > STANDS_MPS {
                true => yaw_rate_radps / speed_mps,
                false => 0.0,
            },
            radar: scene.radar.iter().map(at).collect(),
            shows: shows(&scene.patches).collect(),
            rgb: scene.rgb,
            questions: scene.questions,
            camera,
        }
    })
}

fn at(point: &[f32; 6]) -> Return {
    let [x_m, y_m, _, rcs_dbsm, _, speed_mps] = point.map(f64::from);
    Return {
        x_m,
        y_m,
        speed_mps,
        rcs_dbsm,
    }
}

fn shows(patches: &[u8]) -> impl Iterator<Item = bool> {
    patches.iter().map(|bits| bits & ROAD_USERS != 0)
}

/// How often each patch shows a road user, over the first scenes of `train`.
pub(super) fn expected(count: usize, bar: &ProgressBar) -> Vec<f32> {
    let mut counts = vec![0.0; PATCHES];
    for scene in generate(Split::Train, count) {
        for (sum, shows) in counts.iter_mut().zip(shows(&scene.patches)) {
            *sum += f32::from(shows);
        }
        bar.inc(1);
    }
    counts.iter().map(|sum| sum / count as f32).collect()
}

/// What is asked, whatever the wording.
pub(super) fn key(question: &Question) -> String {
    match question.class {
        Some(class) => format!("{}.{class}", question.kind),
        None => question.kind.clone(),
    }
}
