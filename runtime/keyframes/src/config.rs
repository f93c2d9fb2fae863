//! Settings of the choice of keyframes.

use crate::cues::CUES;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How apexes are found. Durations are in moments of a tenth of a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApexConfig {
    /// Moments in each of the two windows that are compared, 1 to 100.
    pub window: usize,
    /// Moments on either side that an apex must stand above, 1 to `around`.
    pub apart: usize,
    /// Moments on either side whose median is an apex's surroundings, at most 1000: a longer median says no more.
    pub around: usize,
    /// How much each feature counts, 0 or more; one of them must count.
    pub weights: Weights,
}

impl Default for ApexConfig {
    fn default() -> Self {
        Self {
            window: 6,
            apart: 8,
            around: 30,
            weights: Weights::default(),
        }
    }
}

impl ApexConfig {
    /// Whether every setting can be.
    ///
    /// # Errors
    /// [`ConfigError`] names the first that cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        let lengths = [
            ("around", self.around, 1.0, 1000.0),
            ("apart", self.apart, 1.0, self.around as f64),
            ("window", self.window, 1.0, 100.0),
        ];
        for (name, value, least, most) in lengths {
            within(name, value as f64, least, most)?;
        }
        let weights = &self.weights;
        within("weights.danger", weights.danger.into(), 0.0, LARGEST)?;
        let counted = [
            ("weights.picture", weights.picture),
            ("weights.braking", weights.braking),
            ("weights.leader_braking", weights.leader_braking),
            ("weights.conflict", weights.conflict),
            ("weights.urgency", weights.urgency),
            ("weights.entry", weights.entry),
            ("weights.turnover", weights.turnover),
        ];
        let mut highest = 0.0;
        for (name, weight) in counted {
            within(name, weight.into(), 0.0, LARGEST)?;
            highest = f64::max(highest, weight.into());
        }
        // Where nothing counts, nothing would ever stand out.
        within("the highest of the weights", highest, 1e-3, LARGEST)
    }
}

/// Weights of the features of a moment; without unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// The picture's sketch.
    pub picture: f32,
    /// The vehicle's own braking.
    pub braking: f32,
    /// Braking of somebody ahead.
    pub leader_braking: f32,
    /// Deceleration that a conflict asks for.
    pub conflict: f32,
    /// How soon a conflict would be a collision.
    pub urgency: f32,
    /// Somebody who comes into the vehicle's path.
    pub entry: f32,
    /// Tracks that are born or lost nearby.
    pub turnover: f32,
    /// By which share everything counts more where somebody ahead is in danger at that time.
    pub danger: f32,
}

impl Weights {
    /// Weights of the cues, in the order of [`crate::Cues::to_array`].
    #[must_use]
    pub fn of_cues(&self) -> [f32; CUES] {
        [
            self.braking,
            self.leader_braking,
            self.conflict,
            self.urgency,
            self.entry,
            self.turnover,
        ]
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            picture: 0.0,
            braking: 1.0,
            leader_braking: 0.5,
            conflict: 0.0,
            urgency: 0.0,
            entry: 0.0,
            turnover: 0.0,
            danger: 0.6,
        }
    }
}

/// How many keyframes are kept while a drive goes on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetConfig {
    /// Keyframes in each period, 1 or more.
    pub keyframes: f64,
    /// Bytes of pictures in each period; where given it is the budget instead.
    pub bytes: Option<u64>,
    /// The period, s.
    pub period_s: f64,
    /// By how much a moment must stand out; where absent 0.7, or 0 where pictures are all there is to go by.
    pub least: Option<f32>,
    /// How long after a moment it is decided, s.
    pub horizon_s: f64,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            keyframes: 6.0,
            bytes: None,
            period_s: 60.0,
            least: None,
            horizon_s: 10.0,
        }
    }
}

impl BudgetConfig {
    /// By how much a moment must stand out.
    #[must_use]
    pub fn least(&self) -> f32 {
        self.least.unwrap_or(0.7)
    }

    /// Whether every setting can be.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let least = f64::from(self.least());
        let settings = [
            ("keyframes", self.keyframes, 1.0),
            ("period_s", self.period_s, 1.0),
            ("least", least, 0.0),
            ("horizon_s", self.horizon_s, 0.0),
        ];
        for (name, value, smallest) in settings {
            within(name, value, smallest, LARGEST)?;
        }
        let bytes = self.bytes.map_or(1.0, |bytes| bytes as f64);
        within("bytes", bytes, 1.0, u64::MAX as f64)
    }
}

/// Largest setting of a budget, a period of eleven days, and largest weight.
const LARGEST: f64 = 1e6;

fn within(name: &'static str, value: f64, least: f64, most: f64) -> Result<(), ConfigError> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(ConfigError {
            name,
            value,
            least,
            most,
        }),
    }
}

/// A setting of the choice of keyframes cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{name} is {value}; choose {least} to {most}")]
pub struct ConfigError {
    /// The setting.
    pub name: &'static str,
    /// What it was.
    pub value: f64,
    /// The least that it may be.
    pub least: f64,
    /// The most.
    pub most: f64,
}
