//! Which apexes a budget pays for, while the drive goes on: prioritised distillation within a horizon.
//!
//! In no period is more spent than the budget, and nothing on an apex that does not stand out by
//! `least`. An apex is decided when it is as old as the horizon; until then apexes of higher priority
//! that came after it have the first claim.

use crate::apex::Apex;
use crate::config::{BudgetConfig, ConfigError};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Apexes that may wait, and keyframes that a period may have: an hour's at one a second.
const MOST: usize = 4096;
/// Room for what a budget of a minute usually holds.
const USUAL: usize = 64;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    apex: Apex,
    cost: f64,
}

/// A budget in keyframes or in bytes, and the apexes that wait for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Budget {
    size: f64,
    period_ns: u64,
    horizon_ns: u64,
    least: f32,
    waiting: VecDeque<Waiting>,
    /// What was kept in the last period: when and at what cost.
    spent: VecDeque<(u64, f64)>,
    /// Apexes for which there was no room to wait.
    pub refused: u64,
}

impl Budget {
    /// An untouched budget.
    ///
    /// # Errors
    /// A setting that is not finite, negative, or 0 where it must be more.
    pub fn new(config: &BudgetConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let ns = |s: f64| (s * 1e9) as u64;
        Ok(Self {
            size: config.bytes.map_or(config.keyframes, |bytes| bytes as f64),
            period_ns: ns(config.period_s),
            horizon_ns: ns(config.horizon_s),
            least: config.least,
            waiting: VecDeque::with_capacity(USUAL),
            spent: VecDeque::with_capacity(USUAL),
            refused: 0,
        })
    }

    /// Takes an apex and what keeping it costs: 1, or its bytes where the budget is in bytes.
    pub fn offer(&mut self, apex: Apex, cost: f64) {
        if self.waiting.len() < MOST {
            self.waiting.push_back(Waiting { apex, cost });
        } else {
            self.refused += 1;
        }
    }

    /// It is `now_ns`: `kept` gets the apexes that are old enough and kept, in order of time.
    pub fn pass(&mut self, now_ns: u64, mut kept: impl FnMut(Apex)) {
        while self.waiting.front().is_some_and(|first| {
            first.apex.moment.begin_ns.saturating_add(self.horizon_ns) <= now_ns
        }) {
            self.decide(&mut kept);
        }
    }

    /// No more time passes: decides on all that wait.
    pub fn finish(&mut self, mut kept: impl FnMut(Apex)) {
        while !self.waiting.is_empty() {
            self.decide(&mut kept);
        }
    }

    fn decide(&mut self, kept: &mut impl FnMut(Apex)) {
        let Some(Waiting { apex, cost }) = self.waiting.pop_front() else {
            return;
        };
        let at_ns = apex.moment.begin_ns;
        while let Some((then_ns, _)) = self.spent.front()
            && then_ns.saturating_add(self.period_ns) <= at_ns
        {
            self.spent.pop_front();
        }
        let left = self.size - self.spent.iter().map(|(_, cost)| cost).sum::<f64>();
        let better = self
            .waiting
            .iter()
            .filter(|w| w.apex.priority > apex.priority);
        let claimed: f64 = better.map(|w| w.cost).sum();
        if apex.priority >= self.least && claimed + cost <= left && self.spent.len() < MOST {
            self.spent.push_back((at_ns, cost));
            kept(apex);
        }
    }
}
