//! `[governor]`: when quality is given up and taken back.

use crate::board::LIMIT_C;
use crate::ladder::{Knob, Ladder, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Why a configuration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GovernorError {
    /// A step of the ladder.
    #[error("governor.steps[{number}] {what}; correct it")]
    Step {
        /// Counted from 0.
        number: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A bound.
    #[error("governor.{key} {what}; correct it")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong.
        what: &'static str,
    },
}

/// When knobs are turned, and in which order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GovernorConfig {
    /// Whether a live run has a governor. Off where nothing is said; a bundle's configuration has what the board's profile
    /// says. A run over recordings waits for its lanes and never has one.
    pub enabled: bool,
    /// Folder whose `sys` and `proc` tell of the board: `/`, or another one for tests and containers.
    pub board_root: PathBuf,
    /// Program that is asked where `sys` has no temperatures or no power rails: NVIDIA's `tegrastats`, or one whose lines are
    /// like its.
    pub tegrastats: PathBuf,
    /// Power that the board may draw, W. Without it power is logged and strains nothing.
    pub power_limit_w: Option<f64>,
    /// Strain from which quality is given up: the busy share of the processors, or power as a share of what is allowed.
    /// Late steps are strain whatever their share.
    pub high: f64,
    /// Strain that giving up aims at.
    pub aim: f64,
    /// Limit of thermal zones that name none, degrees Celsius. Jetson modules slow down from 99 on, a Raspberry Pi from 80.
    pub zone_limit_c: f64,
    /// Degrees below the board's own limit from which it counts as hot.
    pub hot_below_limit_c: f64,
    /// Seconds ahead for which the temperature is foretold by its rise.
    pub look_ahead_s: f64,
    /// Seconds between steps down for heat, which answers slowly.
    pub heat_settles_s: f64,
    /// Seconds of room before a step is taken back. Doubled each time that taking back was a mistake.
    pub up_after_s: f64,
    /// Where that doubling ends, s.
    pub up_after_most_s: f64,
    /// What is given up, first things first.
    pub steps: Vec<Step>,
}

impl Default for GovernorConfig {
    fn default() -> Self {
        let step = |knob, to, saves, costs| Step {
            knob,
            to,
            saves,
            costs,
        };
        Self {
            enabled: false,
            board_root: PathBuf::from("/"),
            tegrastats: PathBuf::from("tegrastats"),
            power_limit_w: None,
            high: 0.9,
            aim: 0.75,
            zone_limit_c: LIMIT_C,
            hot_below_limit_c: 4.0,
            look_ahead_s: 10.0,
            heat_settles_s: 5.0,
            up_after_s: 8.0,
            up_after_most_s: 128.0,
            // What is described can be described later from the log; what is not decoded is not perceived. So pictures
            // and the radar's network come last.
            steps: vec![
                step(Knob::TokenKeep, 0.5, 0.08, 0.01),
                step(Knob::TokenKeep, 0.25, 0.04, 0.02),
                step(Knob::DraftLength, 0.5, 0.06, 0.03),
                step(Knob::DescribedKeyframes, 0.5, 0.08, 0.05),
                step(Knob::DescribedKeyframes, 0.0, 0.08, 0.08),
                step(Knob::OffloadThreshold, 0.2, 0.01, 0.03),
                step(Knob::Detector, 0.5, 0.11, 0.10),
                step(Knob::Detector, 0.0, 0.11, 0.15),
                step(Knob::CameraRate, 0.5, 0.15, 0.12),
                step(Knob::CameraRate, 0.25, 0.07, 0.12),
            ],
        }
    }
}

impl GovernorConfig {
    /// The ladder, once everything is in range.
    ///
    /// # Errors
    /// [`GovernorError`] names the key.
    pub fn ladder(&self) -> Result<Ladder, GovernorError> {
        self.ladder_of(|_| true)
    }

    /// The ladder of those knobs alone that there are.
    ///
    /// # Errors
    /// As [`Self::ladder`], also for what is wrong with the others.
    pub fn ladder_of(&self, there_is: impl Fn(Knob) -> bool) -> Result<Ladder, GovernorError> {
        let value = |key, what| Err(GovernorError::Value { key, what });
        if !(self.high > 0.0 && self.high <= 1.0) {
            return value("high", "is not above 0 and at most 1");
        }
        if !(self.aim > 0.0 && self.aim < self.high) {
            return value("aim", "is not above 0 and below high");
        }
        for (key, seconds) in [
            ("zone_limit_c", self.zone_limit_c),
            ("hot_below_limit_c", self.hot_below_limit_c),
            ("look_ahead_s", self.look_ahead_s),
            ("heat_settles_s", self.heat_settles_s),
            ("up_after_s", self.up_after_s),
        ] {
            if !(seconds > 0.0 && seconds.is_finite()) {
                return value(key, "is not above 0");
            }
        }
        if !(self.up_after_most_s >= self.up_after_s && self.up_after_most_s.is_finite()) {
            return value("up_after_most_s", "is below up_after_s");
        }
        if self
            .power_limit_w
            .is_some_and(|watts| !(watts > 0.0 && watts.is_finite()))
        {
            return value("power_limit_w", "is not above 0");
        }
        let is_radar = |step: &Step| step.knob == Knob::Detector;
        if self.steps.first().is_some_and(is_radar) && !self.steps.iter().all(is_radar) {
            return Err(GovernorError::Step {
                number: 0,
                what: "gives up the radar's network first; put another knob before it",
            });
        }
        Ladder::new(&self.steps)?;
        let of: Vec<Step> = self
            .steps
            .iter()
            .copied()
            .filter(|step| there_is(step.knob))
            .collect();
        Ladder::new(&of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_order_the_knobs() {
        let config = GovernorConfig::default();
        let ladder = config.ladder().unwrap();
        let knobs: Vec<_> = ladder
            .rungs()
            .iter()
            .filter_map(|rung| rung.turned)
            .collect();
        assert!(knobs.is_sorted(), "{knobs:?}");
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<GovernorConfig>(&text).unwrap(), config);
    }

    #[test]
    fn only_knobs_that_there_are_have_rungs() {
        let config = GovernorConfig::default();
        let ladder = config.ladder_of(|knob| knob >= Knob::Detector).unwrap();
        let turned: Vec<_> = ladder
            .rungs()
            .iter()
            .filter_map(|rung| rung.turned)
            .collect();
        assert_eq!(
            turned,
            [
                Knob::Detector,
                Knob::Detector,
                Knob::CameraRate,
                Knob::CameraRate
            ]
        );
        assert_eq!(config.ladder_of(|_| false).unwrap().last(), 0);
        let faulty = GovernorConfig {
            steps: vec![Step {
                to: 2.0,
                ..config.steps[0]
            }],
            ..config
        };
        assert!(faulty.ladder_of(|_| false).is_err());
    }

    #[test]
    fn impossible_values_are_told_by_name() {
        type Break = fn(&mut GovernorConfig);
        let faulty: [(&str, Break); 7] = [
            ("high", |c| c.high = 1.5),
            ("aim", |c| c.aim = 0.95),
            ("look_ahead_s", |c| c.look_ahead_s = f64::NAN),
            ("up_after_most_s", |c| c.up_after_most_s = 1.0),
            ("steps[0]", |c| c.steps[0].to = 2.0),
            ("power_limit_w", |c| c.power_limit_w = Some(0.0)),
            ("radar's network first", |c| c.steps.rotate_left(6)),
        ];
        for (word, break_it) in faulty {
            let mut config = GovernorConfig::default();
            break_it(&mut config);
            let error = config.ladder().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
