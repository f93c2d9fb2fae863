//! What was accepted and what was rejected.

use super::facts::{Facts, keys};
use super::object::{Object, Verdict};
use crate::shard::CLASSES;
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts over a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// Drives that were played.
    pub drives: u64,
    /// Instants that were looked at.
    pub instants: u64,
    /// Scenes that were taken.
    pub scenes: u64,
    /// Pictures that did not show what they were taken for, by content.
    pub failed_wishes: BTreeMap<String, u64>,
    /// Combinations that never showed and were given up.
    pub given_up: u64,
    /// Road users in front of the camera by class: shown, between, hidden.
    pub verdicts: BTreeMap<&'static str, [u64; 3]>,
    /// Facts: known, unsettled because of the picture, and those among the known that a drive's
    /// truth alone would have stated otherwise.
    pub facts: BTreeMap<String, [u64; 3]>,
    /// Questions by fact and answer.
    pub questions: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Tally {
    /// Counts the objects and facts of a scene; `claims` is what the truth alone says.
    pub(crate) fn count(&mut self, objects: &[Object], facts: &Facts, claims: &Facts) {
        self.scenes += 1;
        for object in objects {
            let counts = self
                .verdicts
                .entry(CLASSES[usize::from(object.class)])
                .or_default();
            counts[match object.verdict {
                Verdict::Shown => 0,
                Verdict::Between => 1,
                Verdict::Hidden => 2,
            }] += 1;
        }
        for key in keys() {
            let kind = key.split('.').next().unwrap_or_default().to_owned();
            let counts = self.facts.entry(kind).or_default();
            match (facts.get(&key), claims.get(&key)) {
                (Some(known), claim) => {
                    counts[0] += 1;
                    counts[2] += u64::from(claim.is_some_and(|c| c != known));
                }
                (None, Some(_)) => counts[1] += 1,
                (None, None) => {}
            }
        }
    }
}
