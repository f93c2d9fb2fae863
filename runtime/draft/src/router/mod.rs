//! The router: which blocks are good enough to stay, and which go to the target (after SDVG, 2026).
//!
//! A block is anything that is judged frame by frame: the drafts of a keyframe group, detections, predicted
//! frames. The router knows only the frames' scores, probabilities that the target would agree.

mod audit;
mod drift;
mod head;
mod threshold;

pub use drift::Drift;
pub use head::FrameScorer;
pub use threshold::Threshold;

use crate::random::unit_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use threshold::Running;

/// How blocks are routed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RouterConfig {
    /// How frames' scores become the block's.
    pub pool: Pool,
    /// Which score is good enough.
    pub threshold: Threshold,
    /// Share of the independent blocks that are sent whatever their score, so that drift is seen; 0 to 1.
    pub audit_share: f64,
    /// Changes which blocks are audited, and random scores.
    pub seed: u64,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            pool: Pool::Worst,
            threshold: Threshold::Fixed { tau: 0.8 },
            audit_share: 0.01,
            seed: 0,
        }
    }
}

impl RouterConfig {
    /// Refuses shares and probabilities that are none, in words.
    ///
    /// # Errors
    /// Which one.
    pub fn check(&self) -> Result<(), String> {
        let (tau, rate) = match self.threshold {
            Threshold::Fixed { tau } => (tau, 0.0),
            Threshold::AcceptRate { rate, tau } => (tau, rate),
        };
        let all = [
            ("tau", tau),
            ("rate", rate),
            ("audit_share", self.audit_share),
        ];
        match all.iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            None => Ok(()),
            Some((name, value)) => Err(format!("{name} is {value}; choose 0 to 1")),
        }
    }
}

/// How a block is scored. All but the worst frame are there to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// The worst frame decides.
    Worst,
    /// The mean of all frames.
    Mean,
    /// A number that follows from the block's id alone.
    Random,
    /// Every block stays, audits apart.
    Never,
    /// Every block is sent.
    Always,
}

/// Whether blocks hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Blocks of their own, keyframes for example: a sample of them is audited.
    Independent,
    /// The first of blocks that continue one another: it is always sent, since all others build on it.
    First,
    /// One that continues the block before.
    Continues,
}

/// A block to route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block<'a> {
    /// Its id, unique.
    pub id: &'a str,
    /// Whether it hangs together with others.
    pub order: Order,
    /// Probability of each frame that the target agrees with all of it, 0 to 1.
    pub frames: &'a [f64],
}

/// What becomes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It stays as it is.
    Accept,
    /// It goes to the target.
    Send(Reason),
}

/// Why a block is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Its score is too low.
    Score,
    /// Others build on it.
    First,
    /// It would have been accepted, and is checked all the same.
    Audit,
}

/// A routed block.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Routed {
    /// Its score, 0 to 1.
    pub score: f64,
    /// What would have been good enough.
    pub tau: f64,
    /// What becomes of it.
    pub decision: Decision,
}

/// A router with what it has learnt: a fold over blocks and verdicts in their order. Written down and read again it
/// goes on as if nothing had been.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Router {
    config: RouterConfig,
    running: Running,
    drift: Drift,
}

impl Router {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(config: RouterConfig) -> Self {
        Self {
            running: Running::default(),
            drift: Drift::default(),
            config,
        }
    }

    /// Routes a block. One without frames, or with a score that is no number, is sent.
    pub fn route(&mut self, block: &Block<'_>) -> Routed {
        let config = self.config;
        let score = match config.pool {
            Pool::Worst => pooled(block.frames, f64::min),
            Pool::Mean => pooled(block.frames, |a, b| a + b) / block.frames.len().max(1) as f64,
            Pool::Random => unit_of(block.id.as_bytes(), config.seed ^ RANDOM),
            Pool::Never => 1.0,
            Pool::Always => 0.0,
        };
        let score = if score.is_nan() { 0.0 } else { score };
        let tau = self.running.tau(&config.threshold);
        self.running.take(&config.threshold, score);
        let good = match config.pool {
            Pool::Never => true,
            Pool::Always => false,
            _ => !block.frames.is_empty() && score >= tau,
        };
        let audited = || audit::is_audited(block.id, config.audit_share, config.seed);
        let decision = match (good, block.order) {
            (_, Order::First) => Decision::Send(Reason::First),
            (false, _) => Decision::Send(Reason::Score),
            (true, Order::Independent) if audited() => Decision::Send(Reason::Audit),
            (true, _) => Decision::Accept,
        };
        Routed {
            score,
            tau,
            decision,
        }
    }

    /// Another threshold from now on: a metered link asks for a lower one.
    pub fn set_threshold(&mut self, threshold: Threshold) {
        self.config.threshold = threshold;
    }

    /// Learns from a verdict whether the target agreed with a block that was sent.
    pub fn learn(&mut self, routed: &Routed, agreed: bool) {
        if routed.decision == Decision::Send(Reason::Audit) {
            self.drift.learn(routed.score, agreed);
        }
    }

    /// How well scores of audited blocks hold.
    #[must_use]
    pub fn drift(&self) -> &Drift {
        &self.drift
    }

    /// How it routes.
    #[must_use]
    pub fn config(&self) -> &RouterConfig {
        &self.config
    }
}

/// Random scores and audits of a block have nothing to do with each other.
const RANDOM: u64 = 0x5EED;

fn pooled(frames: &[f64], with: impl Fn(f64, f64) -> f64) -> f64 {
    // A frame that has no score makes the block bad, whatever `min` makes of it.
    if frames.iter().any(|score| score.is_nan()) {
        return 0.0;
    }
    frames.iter().copied().reduce(with).unwrap_or(0.0)
}
