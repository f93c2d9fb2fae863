//! Which apexes a budget pays for, while the drive goes on: prioritised distillation within a horizon.
//!
//! In no period is more spent than the budget, and nothing on an apex that does not stand out by
//! `least`. An apex is decided when it is as old as the horizon; until then apexes of higher priority
//! that came after it within a period have the first claim, where the budget could pay for them at all.

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
    /// The latest time that passed, ns.
    passed_ns: u64,
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
            least: config.least(),
            waiting: VecDeque::with_capacity(USUAL),
            spent: VecDeque::with_capacity(USUAL),
            passed_ns: 0,
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

    /// It is `now_ns`: `kept` gets the apexes that are old enough and kept, in order of time. Where the clock has
    /// been set back, all that wait are decided, and the periods begin anew.
    pub fn pass(&mut self, now_ns: u64, mut kept: impl FnMut(Apex)) {
        if now_ns < self.passed_ns {
            self.finish(&mut kept);
            self.spent.clear();
        }
        self.passed_ns = now_ns;
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
        if apex.priority >= self.least && self.pays(&apex, cost) && self.spent.len() < MOST {
            self.spent.push_back((at_ns, cost));
            kept(apex);
        }
    }

    /// Whether an apex can be paid for, and with it every better one that shares a period with it.
    fn pays(&self, apex: &Apex, cost: f64) -> bool {
        let at_ns = apex.moment.begin_ns;
        let mut spent = self.spent.iter().peekable();
        let mut left = self.size - spent.clone().map(|(_, cost)| cost).sum::<f64>() - cost;
        let better = self.waiting.iter().filter(|claim| {
            let away_ns = claim.apex.moment.begin_ns.saturating_sub(at_ns);
            claim.apex.priority > apex.priority
                && away_ns < self.period_ns
                && claim.cost <= self.size
        });
        let mut pays = left >= 0.0;
        for claim in better {
            let claim_ns = claim.apex.moment.begin_ns;
            while let Some((_, cost)) =
                spent.next_if(|(then_ns, _)| then_ns.saturating_add(self.period_ns) <= claim_ns)
            {
                left += cost;
            }
            left -= claim.cost;
            pays &= left >= 0.0;
        }
        pays
    }
}
