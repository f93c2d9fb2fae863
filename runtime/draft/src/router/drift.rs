//! Whether scores still mean what they say.

use serde::{Deserialize, Serialize};

/// An audit counts this much less with each further one: the last fifty or so count.
const DECAY: f64 = 0.98;

/// Agreement of the target with audited blocks beside the agreement that their scores foretold: a figure of the
/// router's health. The latest audits count most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    audits: u64,
    weight: f64,
    agreed: f64,
    foretold: f64,
    /// Sums of squared weights by the variance of each outcome.
    variance: f64,
}

impl Drift {
    /// An audit's outcome.
    pub(super) fn learn(&mut self, score: f64, agreed: bool) {
        let score = score.clamp(0.0, 1.0);
        self.audits += 1;
        self.weight = self.weight * DECAY + 1.0;
        self.agreed = self.agreed * DECAY + f64::from(u8::from(agreed));
        self.foretold = self.foretold * DECAY + score;
        self.variance = self.variance * DECAY * DECAY + score * (1.0 - score);
    }

    /// Audits so far.
    #[must_use]
    pub fn audits(&self) -> u64 {
        self.audits
    }

    /// Share of audited blocks that the target agreed with; none before the first.
    #[must_use]
    pub fn agreement(&self) -> Option<f64> {
        (self.audits > 0).then(|| self.agreed / self.weight)
    }

    /// The share that their scores foretold.
    #[must_use]
    pub fn foretold(&self) -> Option<f64> {
        (self.audits > 0).then(|| self.foretold / self.weight)
    }

    /// How far agreement lies above what was foretold, in standard deviations of chance: below -3 the scores no
    /// longer hold. None where chance alone says nothing.
    #[must_use]
    pub fn deviations(&self) -> Option<f64> {
        let chance = self.variance.sqrt();
        (chance > 0.0).then(|| (self.agreed - self.foretold) / chance)
    }
}
