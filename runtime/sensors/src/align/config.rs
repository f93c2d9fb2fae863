//! Limits of clock alignment, as written in the configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of clock alignment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlignConfig {
    /// Largest difference of capture times within a pair, ms.
    pub pair_tolerance_ms: f64,
    /// How long a message waits for its partner, ms; at least twice the tolerance.
    pub pair_horizon_ms: f64,
    /// A sensor whose stamps are this far behind another's is reported, s.
    pub lag_limit_s: f64,
    /// A stamp that runs this far ahead of the time passed at receipt is a jump, s.
    pub jump_limit_s: f64,
    /// A live sensor that is silent for this long is reported, s.
    pub stall_after_s: f64,
    /// The sensors belong to different drives: nothing is paired or compared between them.
    pub unrelated: bool,
}

impl Default for AlignConfig {
    fn default() -> Self {
        Self {
            pair_tolerance_ms: 25.0,
            pair_horizon_ms: 250.0,
            lag_limit_s: 5.0,
            jump_limit_s: 2.0,
            stall_after_s: 1.0,
            unrelated: false,
        }
    }
}

impl AlignConfig {
    /// What is wrong with the values, in one sentence, if anything is.
    ///
    /// # Errors
    /// The sentence.
    pub fn check(&self) -> Result<(), String> {
        let all = [
            ("pair_tolerance_ms", self.pair_tolerance_ms),
            ("pair_horizon_ms", self.pair_horizon_ms),
            ("lag_limit_s", self.lag_limit_s),
            ("jump_limit_s", self.jump_limit_s),
            ("stall_after_s", self.stall_after_s),
        ];
        for (name, value) in all {
            if !(value.is_finite() && value > 0.0 && value < 1e7) {
                return Err(format!(
                    "{name} = {value} must be above 0 and below ten million"
                ));
            }
        }
        if self.pair_horizon_ms < 2.0 * self.pair_tolerance_ms {
            return Err(format!(
                "pair_horizon_ms = {} must be at least twice pair_tolerance_ms = {}",
                self.pair_horizon_ms, self.pair_tolerance_ms
            ));
        }
        Ok(())
    }

    pub(super) fn tolerance_ns(&self) -> i64 {
        (self.pair_tolerance_ms * 1e6) as i64
    }

    pub(super) fn horizon_ns(&self) -> i64 {
        ((self.pair_horizon_ms * 1e6) as i64).max(self.tolerance_ns().saturating_mul(2))
    }

    pub(super) fn lag_limit_ns(&self) -> u64 {
        (self.lag_limit_s * 1e9) as u64
    }

    pub(super) fn jump_limit_ns(&self) -> u64 {
        (self.jump_limit_s * 1e9) as u64
    }

    pub(super) fn stall_after_ns(&self) -> u64 {
        (self.stall_after_s * 1e9) as u64
    }
}
