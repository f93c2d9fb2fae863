//! The mistakes most worth looking at: truths that should have been easy and were not found, and
//! false alarms that the detector was surest of.

use std::collections::HashSet;

use crate::evaluation::Rules;
use crate::ranking::{Criterion, Ranking, Standing};
use crate::scene::{Box3, Scene, Truth};

/// A detection nearer than this to a truth of its class found it, m.
pub(crate) const FOUND_WITHIN_M: f64 = 2.0;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// This truth of the scene was not found.
    Missed(usize),
    /// This detection of the scene found nothing.
    FalseAlarm(usize),
}

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Miss {
    /// Index of the scene.
    pub scene: usize,
    /// What went wrong.
    pub mistake: Mistake,
    /// The score from which on the class's detections were taken: where precision and recall are
    /// best together (largest F1).
    pub score: f64,
}

/// The worst mistakes, `missed` truths and `alarms` false alarms at most, the classes in turn. Missed
/// truths come by their returns, most first, then by range, nearest first; false alarms by score. Of
/// one track, or of one scene where tracks are not known, only the worst is taken.
#[must_use]
pub fn worst_misses(
    scenes: &[Scene<'_>],
    rules: &Rules,
    missed: usize,
    alarms: usize,
) -> Vec<Miss> {
    let mut classes: Vec<&str> = scenes
        .iter()
        .flat_map(|s| &s.labels.truth)
        .filter(|t| rules.counts(t))
        .map(|t| t.object.class.as_str())
        .collect();
    classes.sort_unstable();
    classes.dedup();
    let of_class = |class: &&str| mistakes_of(scenes, rules, class);
    let (lost, false_ones): (Vec<_>, Vec<_>) = classes.iter().map(of_class).unzip();
    let mut worst = in_turn(&lost, missed);
    worst.extend(in_turn(&false_ones, alarms));
    worst
}

impl Miss {
    /// Where it is.
    #[must_use]
    pub fn shape<'a>(&self, scenes: &[Scene<'a>]) -> &'a Box3 {
        let scene = &scenes[self.scene];
        match self.mistake {
            Mistake::Missed(t) => &scene.labels.truth[t].object.shape,
            Mistake::FalseAlarm(d) => &scene.detections[d].object.shape,
        }
    }
}

/// One class's missed truths and its false alarms, the worst first.
fn mistakes_of(scenes: &[Scene<'_>], rules: &Rules, class: &str) -> (Vec<Miss>, Vec<Miss>) {
    let standing = |t: &Truth| match (t.object.class == class, rules.counts(t)) {
        (true, true) => Standing::Counted,
        (true, false) => Standing::Ignored,
        _ => Standing::Absent,
    };
    let near = Criterion::Distance(FOUND_WITHIN_M);
    let ranking = Ranking::new(scenes, near, standing, |d| d.object.class == class);
    let score = best_f1_score(&ranking);
    let (mut found, mut alarms, mut missed) = (HashSet::new(), Vec::new(), Vec::new());
    for r in ranking.ranked.iter().take_while(|r| r.score >= score) {
        let scene = r.scene as usize;
        match r.found {
            Some(truth) => {
                found.insert((scene, truth as usize));
            }
            None => alarms.push(Miss {
                scene,
                mistake: Mistake::FalseAlarm(r.detection as usize),
                score,
            }),
        }
    }
    for (s, scene) in scenes.iter().enumerate() {
        for (t, truth) in scene.labels.truth.iter().enumerate() {
            if standing(truth) == Standing::Counted && !found.contains(&(s, t)) {
                missed.push(Miss {
                    scene: s,
                    mistake: Mistake::Missed(t),
                    score,
                });
            }
        }
    }
    let returns = |miss: &Miss| match miss.mistake {
        Mistake::Missed(t) => scenes[miss.scene].labels.truth[t].returns.unwrap_or(0),
        Mistake::FalseAlarm(_) => 0,
    };
    let range_m = |miss: &Miss| miss.shape(scenes).ground_range_m();
    missed.sort_by(|a, b| {
        let more = returns(b).cmp(&returns(a));
        more.then(range_m(a).total_cmp(&range_m(b)))
    });
    (distinct(missed, scenes), distinct(alarms, scenes))
}

/// The first of each track or scene.
fn distinct(mut misses: Vec<Miss>, scenes: &[Scene<'_>]) -> Vec<Miss> {
    let mut seen = HashSet::new();
    misses.retain(|miss| {
        let scene = &scenes[miss.scene];
        let track = match miss.mistake {
            Mistake::Missed(t) => scene.labels.truth[t].track,
            Mistake::FalseAlarm(_) => None,
        };
        let id = scene.id();
        let drive = id.rsplit_once('/').map_or(id, |(drive, _)| drive);
        seen.insert(if track.is_some() {
            (drive, track)
        } else {
            (id, None)
        })
    });
    misses
}

/// The first of each list, then the second of each, until there are `most`.
fn in_turn(lists: &[Vec<Miss>], most: usize) -> Vec<Miss> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    let turns = (0..longest).flat_map(|i| lists.iter().filter_map(move |list| list.get(i)));
    turns.copied().take(most).collect()
}

/// The score from which on detections give the largest F1; infinite without detections.
fn best_f1_score(ranking: &Ranking) -> f64 {
    let curve = ranking.raw_curve();
    let (mut best, mut score) = (0.0, f64::INFINITY);
    for ((&recall, &precision), &at) in curve.recall.iter().zip(&curve.precision).zip(&curve.score)
    {
        let f1 = 2.0 * recall * precision / (recall + precision).max(f64::MIN_POSITIVE);
        if f1 > best {
            (best, score) = (f1, at);
        }
    }
    score
}
