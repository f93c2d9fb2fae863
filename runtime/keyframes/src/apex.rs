//! Apexes of a drive, streaming and bounded: local maxima of the variation, ranked by how far they
//! stand out of their surroundings, so that long noise does not drown a short event.

use crate::config::{ApexConfig, ConfigError};
use crate::moment::Moment;
use crate::variation::Variation;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A moment at which more changed than around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Apex {
    /// The moment, without its sketch.
    pub moment: Moment,
    /// Its variation less the median of its surroundings.
    pub priority: f32,
}

/// Finds apexes in moments in order of time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Apexes {
    variation: Variation,
    apart: usize,
    around: usize,
    /// Moments with their variation, twice `around` and the one in the middle.
    recent: VecDeque<(Moment, f32)>,
    sorted: Vec<f32>,
}

impl Apexes {
    /// A search with these settings.
    ///
    /// # Errors
    /// As [`ApexConfig::check`].
    pub fn new(config: &ApexConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            variation: Variation::new(config)?,
            apart: config.apart,
            around: config.around,
            recent: VecDeque::with_capacity(2 * config.around + 1),
            sorted: Vec::with_capacity(2 * config.around + 1),
        })
    }

    /// Takes the next moment; gives the apex that is certain with it.
    ///
    /// After a gap in time everything is new, and nothing an apex: the search begins again, and what it
    /// held back is lost to it.
    pub fn push(&mut self, moment: &Moment) -> Option<Apex> {
        if self.variation.follows_a_gap(moment) {
            self.variation.clear();
            self.recent.clear();
        }
        let next = self.variation.push(moment)?;
        self.recent.push_back(next);
        // The beginning of a drive has fewer moments before than after.
        if self.recent.len() <= self.around {
            return None;
        }
        let middle = self.recent.len() - 1 - self.around;
        let apex = self.judge(middle);
        if self.recent.len() > 2 * self.around {
            self.recent.pop_front();
        }
        apex
    }

    /// No more moments come: the apexes among the last ones. The search is as new after it.
    pub fn finish(&mut self) -> Vec<Apex> {
        let from = self.recent.len().saturating_sub(self.around);
        let last = (from..self.recent.len())
            .filter_map(|middle| self.judge(middle))
            .collect();
        self.variation.clear();
        self.recent.clear();
        last
    }

    fn judge(&mut self, middle: usize) -> Option<Apex> {
        let (moment, value) = &self.recent[middle];
        let near =
            middle.saturating_sub(self.apart)..(middle + self.apart + 1).min(self.recent.len());
        // Of equals the first is the apex.
        let highest = *value > 0.0
            && near.clone().all(|i| {
                let other = self.recent[i].1;
                if i < middle {
                    other < *value
                } else {
                    other <= *value
                }
            });
        if !highest {
            return None;
        }
        self.sorted.clear();
        let around =
            middle.saturating_sub(self.around)..(middle + self.around + 1).min(self.recent.len());
        self.sorted.extend(around.map(|i| self.recent[i].1));
        let half = self.sorted.len() / 2;
        let (_, median, _) = self.sorted.select_nth_unstable_by(half, f32::total_cmp);
        let priority = value - *median;
        (priority > 0.0).then(|| Apex {
            moment: moment.clone(),
            priority,
        })
    }
}

/// The `count` apexes of highest priority, in order of time: what a budget for a whole recording keeps.
#[must_use]
pub fn highest(mut apexes: Vec<Apex>, count: usize) -> Vec<Apex> {
    apexes.sort_by(|a, b| b.priority.total_cmp(&a.priority));
    apexes.truncate(count);
    apexes.sort_by_key(|apex| apex.moment.begin_ns);
    apexes
}
