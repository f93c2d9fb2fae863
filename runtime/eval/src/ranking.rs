//! Matching by rank: each detection, best score first, takes the best free truth.
//!
//! A scene's matches do not depend on other scenes. So they are made once, and the average
//! precision of any weighting of the scenes follows from the sorted list (see `area`).

use crate::overlap::{bev_iou, volume_iou};
use crate::scene::{Box3, Detection, Scene, Truth};

/// When a detection counts as being on a truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Criterion {
    /// Centres nearer than this over ground, m.
    Distance(f64),
    /// Intersection over union from above larger than this.
    BevIou(f64),
    /// Intersection over union in space larger than this.
    VolumeIou(f64),
}

impl Criterion {
    /// Larger is better.
    fn fit(self, truth: &Box3, detection: &Box3) -> f64 {
        match self {
            Self::Distance(_) => {
                let dx = detection.centre_m[0] - truth.centre_m[0];
                let dy = detection.centre_m[1] - truth.centre_m[1];
                -(dx * dx + dy * dy).sqrt()
            }
            Self::BevIou(_) => bev_iou(truth, detection),
            Self::VolumeIou(_) => volume_iou(truth, detection),
        }
    }

    /// A fit must be larger than this.
    fn least(self) -> f64 {
        match self {
            Self::Distance(m) => -m,
            Self::BevIou(share) | Self::VolumeIou(share) => share,
        }
    }
}

impl std::fmt::Display for Criterion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Distance(m) => write!(f, "{m} m"),
            Self::BevIou(share) => write!(f, "BEV IoU {share}"),
            Self::VolumeIou(share) => write!(f, "3-D IoU {share}"),
        }
    }
}

/// What a labelled object is to a class's ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// To be found.
    Counted,
    /// Need not be found; a detection on it that found nothing better does not count either.
    Ignored,
    /// Not there.
    Absent,
}

/// One detection that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Its confidence.
    pub score: f64,
    /// Index of its scene.
    pub scene: u32,
    /// Its index in the scene.
    pub detection: u32,
    /// Index in the scene of the truth it found.
    pub found: Option<u32>,
}

/// One class's detections in all scenes, best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// Best score first; of equal scores the later one, as nuScenes' devkit sorts.
    pub ranked: Vec<Ranked>,
    /// Counted truths of each scene.
    pub truths: Vec<u32>,
}

impl Ranking {
    /// Matches one class. `standing` says what a truth is, `counts` which detections take part.
    #[allow(clippy::cast_possible_truncation)] // indices of scenes and boxes
    pub fn new(
        scenes: &[Scene<'_>],
        criterion: Criterion,
        standing: impl Fn(&Truth) -> Standing,
        counts: impl Fn(&Detection) -> bool,
    ) -> Self {
        let mut ranked = Vec::new();
        let mut truths = Vec::with_capacity(scenes.len());
        let mut free: Vec<(u32, &Box3, Standing)> = Vec::new();
        let mut order: Vec<u32> = Vec::new();
        for (s, scene) in scenes.iter().enumerate() {
            free.clear();
            for (i, truth) in scene.labels.truth.iter().enumerate() {
                let standing = standing(truth);
                if standing != Standing::Absent {
                    free.push((i as u32, &truth.object.shape, standing));
                }
            }
            truths.push(
                free.iter()
                    .filter(|(.., s)| *s == Standing::Counted)
                    .count() as u32,
            );
            order.clear();
            order.extend((0..scene.detections.len() as u32).rev());
            order.retain(|&d| counts(&scene.detections[d as usize]));
            order.sort_by(|&a, &b| {
                let score = |d: u32| scene.detections[d as usize].score;
                score(b).total_cmp(&score(a))
            });
            for &d in &order {
                let detection = &scene.detections[d as usize];
                let shape = &detection.object.shape;
                let mut best = |wanted: Standing| {
                    let mut best = criterion.least();
                    let mut place = None;
                    for (k, (_, truth, standing)) in free.iter().enumerate() {
                        if *standing == wanted {
                            let fit = criterion.fit(truth, shape);
                            if fit > best {
                                (best, place) = (fit, Some(k));
                            }
                        }
                    }
                    place.map(|k| free.remove(k).0)
                };
                let found = best(Standing::Counted);
                if found.is_none() && best(Standing::Ignored).is_some() {
                    continue;
                }
                ranked.push(Ranked {
                    score: detection.score,
                    scene: s as u32,
                    detection: d,
                    found,
                });
            }
        }
        ranked.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then(b.scene.cmp(&a.scene))
                .then(b.detection.cmp(&a.detection))
        });
        Self { ranked, truths }
    }

    /// The part of it whose truths `keep`s. Detections that found another truth are left out;
    /// false alarms stay where `alarm` says so.
    pub fn slice(
        &self,
        scenes: &[Scene<'_>],
        keep: impl Fn(&Truth) -> bool,
        alarm: impl Fn(&Detection) -> bool,
        standing: impl Fn(&Truth) -> Standing,
    ) -> Self {
        let truth = |s: u32, t: u32| &scenes[s as usize].labels.truth[t as usize];
        let ranked = self.ranked.iter().copied();
        let ranked = ranked.filter(|r| match r.found {
            Some(t) => keep(truth(r.scene, t)),
            None => alarm(&scenes[r.scene as usize].detections[r.detection as usize]),
        });
        let counted = |t: &&Truth| standing(t) == Standing::Counted && keep(t);
        #[allow(clippy::cast_possible_truncation)] // boxes of a scene
        let truths = scenes
            .iter()
            .map(|s| s.labels.truth.iter().filter(counted).count() as u32);
        Self {
            ranked: ranked.collect(),
            truths: truths.collect(),
        }
    }

    /// Truths to be found where scene s stands `weights[s]` times.
    #[must_use]
    pub fn positives(&self, weights: &[u32]) -> u64 {
        let pairs = self.truths.iter().zip(weights);
        pairs.map(|(&n, &w)| u64::from(n) * u64::from(w)).sum()
    }

    /// Share of the truth that any detection found, 0 to 1.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn recall(&self) -> f64 {
        let found = self.ranked.iter().filter(|r| r.found.is_some()).count();
        let all: u64 = self.truths.iter().copied().map(u64::from).sum();
        if all == 0 {
            0.0
        } else {
            found as f64 / all as f64
        }
    }
}
