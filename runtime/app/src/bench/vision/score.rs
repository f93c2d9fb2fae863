//! What is kept of the answers, with intervals.

use super::scenes::key;
use super::trial::Asked;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Resamples of an interval.
const RESAMPLES: usize = 1000;

/// How many questions are answered without a look at the picture.
pub(super) struct Blind {
    /// The probability that each question is.
    pub(super) right: Vec<f32>,
}

impl Blind {
    /// By kind as the report of a blind model beside the model says; where there is none, what the best constant
    /// answer of each question gives.
    pub(super) fn new(path: &Path, asked: &[Asked]) -> Result<Self> {
        if !path.exists() {
            return Ok(Self {
                right: commonest(asked),
            });
        }
        let why = || format!("cannot read {}", path.display());
        let text = std::fs::read_to_string(path).with_context(why)?;
        let report: Value = serde_json::from_str(&text).with_context(why)?;
        let of = |asked: &Asked| -> Result<f32> {
            let kind = &asked.question.kind;
            let right = report["by_kind"][kind]["right"].as_f64();
            let right = right
                .with_context(|| format!("{} has no answers of the kind {kind}", path.display()))?;
            Ok(right as f32)
        };
        let right = asked.iter().map(of).collect::<Result<_, _>>()?;
        Ok(Self { right })
    }
}

fn commonest(asked: &[Asked]) -> Vec<f32> {
    let mut counts: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for asked in asked {
        let answers = counts.entry(key(&asked.question)).or_default();
        *answers.entry(&asked.question.answer).or_default() += 1;
    }
    let best = |key: &str| {
        counts[key]
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|(answer, _)| *answer)
    };
    let right = |asked: &Asked| {
        f32::from(best(&key(&asked.question)) == Some(asked.question.answer.as_str()))
    };
    asked.iter().map(right).collect()
}

/// Sums of one scene over the questions of a group.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    full: f64,
    blind: f64,
    pruned: f64,
    other: f64,
    questions: f64,
}

/// A value with the ends of its 95 % interval.
#[derive(Clone, Copy, serde::Serialize)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// What a method does with a group of questions.
#[derive(serde::Serialize)]
pub(super) struct Score {
    pub(super) questions: usize,
    /// Share of right answers, of all tokens, of those kept and without picture.
    pub(super) full: f64,
    pub(super) pruned: f64,
    pub(super) blind: f64,
    /// `(pruned - blind) / (full - blind)`; not a number where the picture is of no use.
    pub(super) kept: Estimate,
    /// Share of right answers less that of the method it is compared with.
    pub(super) gain: Option<Estimate>,
}

/// Scores a method on the questions of which `belongs` says so. Scenes are drawn anew for the intervals, since
/// questions of one picture fail together.
pub(super) fn score(
    asked: &[Asked],
    belongs: impl Fn(&Asked) -> bool,
    [full, blind, pruned]: [&[f32]; 3],
    other: Option<&[f32]>,
) -> Option<Score> {
    let scenes = asked.last()?.scene + 1;
    let mut sums = vec![Sums::default(); scenes];
    for (i, _) in asked.iter().enumerate().filter(|(_, asked)| belongs(asked)) {
        let sum = &mut sums[asked[i].scene];
        sum.full += f64::from(full[i]);
        sum.blind += f64::from(blind[i]);
        sum.pruned += f64::from(pruned[i]);
        sum.other += other.map_or(0.0, |other| f64::from(other[i]));
        sum.questions += 1.0;
    }
    sums.retain(|sum| sum.questions > 0.0);
    let all = total(sums.iter());
    let mut kept = Vec::with_capacity(RESAMPLES);
    let mut gain = Vec::with_capacity(RESAMPLES);
    let mut state = 1;
    for _ in 0..RESAMPLES {
        let drawn = total((0..sums.len()).map(|_| &sums[below(&mut state, sums.len())]));
        kept.push(drawn.kept());
        gain.push(drawn.gain());
    }
    let share = |sum: f64| sum / all.questions;
    (all.questions > 0.0).then(|| Score {
        questions: all.questions as usize,
        full: share(all.full),
        pruned: share(all.pruned),
        blind: share(all.blind),
        kept: interval(all.kept(), kept),
        gain: other.map(|_| interval(all.gain(), gain)),
    })
}

impl Sums {
    /// Not a number where the picture is of no use.
    fn kept(&self) -> f64 {
        let use_of_picture = self.full - self.blind;
        match use_of_picture > 0.0 {
            true => (self.pruned - self.blind) / use_of_picture,
            false => f64::NAN,
        }
    }

    fn gain(&self) -> f64 {
        (self.pruned - self.other) / self.questions
    }
}

fn total<'a>(sums: impl Iterator<Item = &'a Sums>) -> Sums {
    sums.fold(Sums::default(), |a, b| Sums {
        full: a.full + b.full,
        blind: a.blind + b.blind,
        pruned: a.pruned + b.pruned,
        other: a.other + b.other,
        questions: a.questions + b.questions,
    })
}

fn interval(value: f64, mut drawn: Vec<f64>) -> Estimate {
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn[(share * (drawn.len() - 1) as f64).round() as usize];
    Estimate {
        value,
        low: at(0.025),
        high: at(0.975),
    }
}

/// A number below `end`, by the multiplicative congruence of Knuth's MMIX.
fn below(state: &mut u64, end: usize) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    ((*state >> 33) as usize * end) >> 31
}
