//! The choice of keyframes: what lanes know of moments, in the order of the log, to `/keyframes`.

use super::channels::Channel;
use super::staged::{Cause, Staged};
use crate::plan::{KeyframePlan, Plan};
use anyhow::{Context, Result};
use drafthorse_keyframes::{
    Apex, Apexes, Budget, Cues, FrameId, Moment, Moments, NAMES, Sketch, Weights,
};
use drafthorse_record::messages::drafthorse as message;
use std::num::NonZeroU64;

/// Length of a moment, ns.
const MOMENT_NS: NonZeroU64 = NonZeroU64::new(100_000_000).unwrap();

/// What one step of a lane knows of a moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A picture.
    Picture(FrameId, Sketch),
    /// A radar scan or its like.
    Scan {
        /// When it was taken, ns on the vehicle clock.
        captured_ns: u64,
        /// How urgent the traffic is.
        cues: Cues,
    },
}

/// Moments, their apexes and the budget, as one fold.
pub struct KeyframeStage {
    moments: Moments,
    choice: Choice,
    parts: Vec<Part>,
}

/// What the choice of keyframes could not take in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Pictures and scans that came so late that their moment was over.
    pub late: u64,
    /// Apexes for which there was no room to wait.
    pub refused: u64,
}

/// What follows from complete moments.
struct Choice {
    plan: KeyframePlan,
    camera: String,
    apexes: Apexes,
    budget: Budget,
    told: Told,
    kept: u64,
    /// Bytes of the latest picture.
    picture_bytes: Option<u64>,
}

impl KeyframeStage {
    /// The stage for a plan; none where it chooses no keyframes.
    pub fn of(plan: &Plan) -> Result<Option<Self>> {
        let Some(keyframes) = plan.keyframes.clone() else {
            return Ok(None);
        };
        let camera = keyframes.camera.map(|sensor| plan.sensor_name(sensor));
        Ok(Some(Self {
            moments: Moments::new(MOMENT_NS),
            choice: Choice::new(keyframes, camera.unwrap_or_default())?,
            parts: Vec::new(),
        }))
    }

    /// Takes the parts that a step has staged; stages the keyframes that are decided with them.
    pub fn follow(&mut self, cause: Cause, out: &mut Staged) {
        out.swap_parts(&mut self.parts);
        let Self {
            moments,
            choice,
            parts,
        } = self;
        for part in parts.drain(..) {
            let each = |moment: &Moment| choice.take(moment, cause, out);
            match part {
                Part::Picture(frame, sketch) => moments.sketch(frame, sketch, each),
                Part::Scan { captured_ns, cues } => moments.cues(captured_ns, cues, each),
            }
        }
    }

    /// No more parts come: stages the keyframes that are left.
    pub fn finish(&mut self, cause: Cause, out: &mut Staged) {
        let Self {
            moments, choice, ..
        } = self;
        moments.finish(|moment| choice.take(moment, cause, out));
        choice.finish(cause, out);
    }

    /// Keyframes so far.
    pub fn kept(&self) -> u64 {
        self.choice.kept
    }

    /// What the choice could not take in so far.
    pub fn left_out(&self) -> LeftOut {
        LeftOut {
            late: self.moments.late,
            refused: self.choice.budget.refused,
        }
    }

    /// The whole state.
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        let choice = &self.choice;
        let state = (
            &self.moments,
            &choice.apexes,
            &choice.budget,
            choice.picture_bytes,
        );
        postcard::to_stdvec(&state).context("the state of the keyframes cannot be written")
    }

    /// Goes on from a state that [`KeyframeStage::checkpoint`] wrote.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let choice = &mut self.choice;
        (
            self.moments,
            choice.apexes,
            choice.budget,
            choice.picture_bytes,
        ) = postcard::from_bytes(bytes)
            .context("the state of the keyframes in the log cannot be read")?;
        Ok(())
    }
}

impl Choice {
    fn new(plan: KeyframePlan, camera: &str) -> Result<Self> {
        Ok(Self {
            camera: camera.to_owned(),
            apexes: Apexes::new(&plan.apex)?,
            budget: Budget::new(&plan.budget)?,
            told: Told::new(camera),
            kept: 0,
            picture_bytes: None,
            plan,
        })
    }

    fn take(&mut self, moment: &Moment, cause: Cause, out: &mut Staged) {
        if let Some(frame) = moment.frame {
            self.picture_bytes = Some(frame.bytes);
        }
        if let Some(apex) = self.apexes.push(moment) {
            self.offer(apex);
        }
        let (camera, weights) = (&self.camera, &self.plan.apex.weights);
        self.budget.pass(moment.begin_ns, |apex| {
            self.kept += 1;
            self.told.stage(&apex, camera, weights, cause, out);
        });
    }

    /// Under a budget in bytes a keyframe without a picture costs what the latest picture had, and the whole budget
    /// before there was any: a camera that is lost is no leave to keep everything.
    fn offer(&mut self, apex: Apex) {
        let cost = self.plan.budget.bytes.map_or(1, |budget| {
            let bytes = apex.moment.frame.map(|frame| frame.bytes);
            bytes.or(self.picture_bytes).unwrap_or(budget)
        });
        self.budget.offer(apex, cost as f64);
    }

    fn finish(&mut self, cause: Cause, out: &mut Staged) {
        for apex in self.apexes.finish() {
            self.offer(apex);
        }
        let (camera, weights) = (&self.camera, &self.plan.apex.weights);
        self.budget.finish(|apex| {
            self.kept += 1;
            self.told.stage(&apex, camera, weights, cause, out);
        });
    }
}

/// The message of a keyframe, whose memory is used again.
struct Told(message::Keyframe);

impl Told {
    fn new(camera: &str) -> Self {
        let cue = |name: &str| message::Cue {
            name: name.to_owned(),
            value: 0.0,
        };
        Self(message::Keyframe {
            camera: String::with_capacity(camera.len()),
            reason: String::with_capacity(32),
            cues: NAMES.into_iter().map(cue).collect(),
            ..Default::default()
        })
    }

    fn stage(
        &mut self,
        apex: &Apex,
        camera: &str,
        weights: &Weights,
        cause: Cause,
        out: &mut Staged,
    ) {
        let (told, moment) = (&mut self.0, &apex.moment);
        told.begin_ns = moment.begin_ns;
        told.end_ns = moment.end_ns;
        told.priority = apex.priority;
        let cues = moment.cues.unwrap_or_default();
        reason(&cues, weights).clone_into(&mut told.reason);
        for (cue, value) in told.cues.iter_mut().zip(cues.to_array()) {
            cue.value = value;
        }
        let camera = moment.frame.map_or("", |_| camera);
        camera.clone_into(&mut told.camera);
        told.sequence = moment.frame.map_or(0, |frame| frame.sequence);
        told.captured_ns = moment.frame.map_or(0, |frame| frame.captured_ns);
        told.picture_bytes = moment.frame.map_or(0, |frame| frame.bytes);
        let at = Cause {
            captured_ns: moment.begin_ns,
            ..cause
        };
        out.push_message(Channel::KEYFRAMES, at, &*told);
    }
}

/// The cue that weighs most in a moment; the picture where there is none.
fn reason(cues: &Cues, weights: &Weights) -> &'static str {
    let weighed = cues.to_array().into_iter().zip(weights.of_cues());
    let weighed = NAMES
        .into_iter()
        .zip(weighed.map(|(cue, weight)| cue * weight));
    weighed
        .filter(|(_, value)| *value > 0.0)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or("picture", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use drafthorse_core::SensorId;
    use drafthorse_keyframes::BudgetConfig;

    #[test]
    fn a_budget_in_bytes_bounds_keyframes_without_a_picture_too() {
        let plan = KeyframePlan {
            camera: Some(SensorId(0)),
            front_m: 3.7,
            apex: drafthorse_keyframes::ApexConfig::default(),
            budget: BudgetConfig {
                bytes: Some(1000),
                period_s: 60.0,
                ..BudgetConfig::default()
            },
        };
        let kept = |pictures: &[u64]| {
            let mut choice = Choice::new(plan.clone(), "front").unwrap();
            let mut out = Staged::default();
            let mut moment = Moment::default();
            let mut take = |begin_ns: u64, frame: Option<FrameId>, priority: f32| {
                (moment.begin_ns, moment.frame) = (begin_ns, frame);
                choice.take(&moment, Cause::default(), &mut out);
                choice.offer(Apex {
                    moment: moment.clone(),
                    priority,
                });
            };
            for (i, &bytes) in pictures.iter().enumerate() {
                let captured_ns = i as u64 * 100_000_000;
                let frame = FrameId {
                    sensor: SensorId(0),
                    sequence: i as u32,
                    captured_ns,
                    bytes,
                };
                take(captured_ns, Some(frame), 0.0);
            }
            // The camera is lost; thirty moments in half a minute stand out.
            (10..40).for_each(|s| take(s * 1_000_000_000, None, 1.0));
            choice.finish(Cause::default(), &mut out);
            choice.kept
        };
        assert_eq!(kept(&[100, 300]), 3);
        assert_eq!(kept(&[]), 1);
    }

    #[test]
    fn the_reason_is_what_weighs_most() {
        let weights = Weights {
            braking: 1.0,
            turnover: 0.1,
            ..Weights::default()
        };
        let mut cues = Cues::default();
        assert_eq!(reason(&cues, &weights), "picture");
        cues.turnover = 1.0;
        assert_eq!(reason(&cues, &weights), "turnover");
        cues.braking = 0.5;
        assert_eq!(reason(&cues, &weights), "braking");
    }
}
