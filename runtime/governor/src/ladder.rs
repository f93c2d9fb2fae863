//! The knobs, and the order in which they are turned.

use crate::config::GovernorError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be turned down. Each has a value at full quality and others that steps name.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// Share of the vision tokens that the configuration keeps.
    TokenKeep,
    /// Share of the longest description.
    DraftLength,
    /// Share of the keyframes that are described.
    DescribedKeyframes,
    /// By how much the router's threshold is lowered: fewer blocks are sent.
    OffloadThreshold,
    /// Share of the radar scans that the network looks at; clusters stand in for it.
    Detector,
    /// Share of the pictures that are decoded.
    CameraRate,
}

impl Knob {
    /// All knobs.
    pub const ALL: [Self; 6] = [
        Self::TokenKeep,
        Self::DraftLength,
        Self::DescribedKeyframes,
        Self::OffloadThreshold,
        Self::Detector,
        Self::CameraRate,
    ];

    /// The name as in configurations and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TokenKeep => "token_keep",
            Self::DraftLength => "draft_length",
            Self::DescribedKeyframes => "described_keyframes",
            Self::OffloadThreshold => "offload_threshold",
            Self::Detector => "detector",
            Self::CameraRate => "camera_rate",
        }
    }
}

/// One notch of one knob.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Which knob.
    pub knob: Knob,
    /// Its value from this step on.
    pub to: f64,
    /// Share of the whole pipeline's work, with every knob at full quality, that this step saves.
    pub saves: f64,
    /// Share of the whole quality that it gives up.
    pub costs: f64,
}

/// Values of all knobs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Share of vision tokens, of what the configuration keeps.
    pub token_keep: f64,
    /// Share of the description's longest length.
    pub draft_length: f64,
    /// Share of the keyframes that the budget describes.
    pub described_keyframes: f64,
    /// Taken off the router's threshold.
    pub offload_threshold: f64,
    /// Share of the scans.
    pub detector: f64,
    /// Share of the pictures.
    pub camera_rate: f64,
}

impl Settings {
    /// Full quality.
    pub const FULL: Self = Self {
        token_keep: 1.0,
        draft_length: 1.0,
        described_keyframes: 1.0,
        offload_threshold: 0.0,
        detector: 1.0,
        camera_rate: 1.0,
    };

    /// The value of a knob.
    #[must_use]
    pub fn get(&self, knob: Knob) -> f64 {
        match knob {
            Knob::TokenKeep => self.token_keep,
            Knob::DraftLength => self.draft_length,
            Knob::DescribedKeyframes => self.described_keyframes,
            Knob::OffloadThreshold => self.offload_threshold,
            Knob::Detector => self.detector,
            Knob::CameraRate => self.camera_rate,
        }
    }

    fn set(&mut self, knob: Knob, to: f64) {
        *match knob {
            Knob::TokenKeep => &mut self.token_keep,
            Knob::DraftLength => &mut self.draft_length,
            Knob::DescribedKeyframes => &mut self.described_keyframes,
            Knob::OffloadThreshold => &mut self.offload_threshold,
            Knob::Detector => &mut self.detector,
            Knob::CameraRate => &mut self.camera_rate,
        } = to;
    }
}

/// The state of all knobs after so many steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// The knob that differs from the rung before; none at full quality.
    pub turned: Option<Knob>,
    /// All knobs.
    pub settings: Settings,
    /// Share of the work at full quality that is left.
    pub work: f64,
    /// Share of the quality that is left.
    pub quality: f64,
}

/// Rungs from full quality downwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    rungs: Vec<Rung>,
}

impl Ladder {
    /// The order of `steps`.
    ///
    /// # Errors
    /// [`GovernorError::Step`] where a step turns its knob back or beyond its range, and where together they
    /// save or cost everything.
    pub fn new(steps: &[Step]) -> Result<Self, GovernorError> {
        let mut rung = Rung {
            turned: None,
            settings: Settings::FULL,
            work: 1.0,
            quality: 1.0,
        };
        let mut rungs = vec![rung];
        for (number, step) in steps.iter().enumerate() {
            let wrong = |what| GovernorError::Step { number, what };
            let now = rung.settings.get(step.knob);
            let allowed = match step.knob {
                Knob::OffloadThreshold => step.to > now && step.to <= 1.0,
                _ => step.to < now && step.to >= 0.0,
            };
            if !allowed {
                return Err(wrong(
                    "does not turn its knob further down within its range",
                ));
            }
            rung.turned = Some(step.knob);
            rung.settings.set(step.knob, step.to);
            rung.work -= step.saves;
            rung.quality -= step.costs;
            if !(step.saves >= 0.0 && rung.work > 0.0) {
                return Err(wrong("saves less than nothing, or all the work there is"));
            }
            if !(step.costs >= 0.0 && rung.quality >= 0.0) {
                return Err(wrong("costs less than nothing, or more than all quality"));
            }
            rungs.push(rung);
        }
        Ok(Self { rungs })
    }

    /// All rungs, full quality first; at least that one.
    #[must_use]
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// The lowest rung's number.
    #[must_use]
    pub fn last(&self) -> usize {
        self.rungs.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(knob: Knob, to: f64) -> Step {
        Step {
            knob,
            to,
            saves: 0.1,
            costs: 0.1,
        }
    }

    #[test]
    fn each_rung_turns_one_knob_further() {
        let ladder = Ladder::new(&[
            step(Knob::TokenKeep, 0.5),
            step(Knob::OffloadThreshold, 0.1),
            step(Knob::TokenKeep, 0.25),
        ])
        .unwrap();
        assert_eq!(ladder.last(), 3);
        let last = ladder.rungs()[3];
        assert_eq!(last.turned, Some(Knob::TokenKeep));
        assert_eq!(last.settings.token_keep, 0.25);
        assert_eq!(last.settings.offload_threshold, 0.1);
        assert_eq!(last.settings.camera_rate, 1.0);
        assert!((last.work - 0.7).abs() < 1e-12 && (last.quality - 0.7).abs() < 1e-12);
    }

    #[test]
    fn knobs_bear_the_names_of_the_configuration() {
        for knob in Knob::ALL {
            let step = toml::to_string(&step(knob, 0.5)).unwrap();
            assert!(
                step.contains(&format!("knob = {:?}", knob.name())),
                "{step}"
            );
        }
    }

    #[test]
    fn a_step_back_is_refused() {
        for steps in [
            vec![step(Knob::TokenKeep, 1.0)],
            vec![step(Knob::CameraRate, 0.5), step(Knob::CameraRate, 0.6)],
            vec![step(Knob::CameraRate, -0.1)],
            vec![step(Knob::OffloadThreshold, 0.0)],
            vec![step(Knob::Detector, f64::NAN)],
            vec![Step {
                saves: 1.0,
                ..step(Knob::Detector, 0.0)
            }],
            vec![Step {
                costs: -0.1,
                ..step(Knob::Detector, 0.0)
            }],
        ] {
            assert!(Ladder::new(&steps).is_err(), "{steps:?}");
        }
    }
}
