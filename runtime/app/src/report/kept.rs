//! What a policy kept of a run: the windows around its triggers, and what was dropped between them.

use super::data::{Kept, KeptWindow};
use super::thin::Thinned;
use super::timeline::Axis;
use drafthorse_record::Dropped;
use drafthorse_record::messages::drafthorse;
use std::collections::BTreeMap;

/// Windows shown, and bytes of what they say of themselves.
const MAX_SHOWN: usize = 200;
const MAX_SHOWN_BYTES: usize = 64 << 10;

/// The state of the fold.
#[derive(Debug)]
pub(super) struct Windows {
    shown: Thinned<drafthorse::KeptWindow>,
    by_reason: BTreeMap<String, u64>,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            shown: Thinned::new(MAX_SHOWN, MAX_SHOWN_BYTES),
            by_reason: BTreeMap::new(),
        }
    }
}

impl Windows {
    /// Takes a window.
    pub(super) fn add(&mut self, window: drafthorse::KeptWindow) {
        // A log may invent reasons.
        if self.by_reason.len() < 64 || self.by_reason.contains_key(&window.reason) {
            *self.by_reason.entry(window.reason.clone()).or_default() += 1;
        }
        self.shown.offer(0, || {
            let weight = window.detail.len() + window.reason.len() + 1;
            (window, weight)
        });
    }

    /// What the page says; none where everything was kept.
    pub(super) fn finish(self, policy: &str, dropped: &[Dropped], axis: &Axis) -> Option<Kept> {
        let windows = self.shown.offered();
        if windows == 0 && dropped.is_empty() && matches!(policy, "" | "all") {
            return None;
        }
        let mut shown: Vec<KeptWindow> = self
            .shown
            .into_items()
            .map(|window| KeptWindow {
                t: axis.ms(window.at_ns),
                before_s: (window.at_ns.saturating_sub(window.from_ns)) as f64 / 1e9,
                after_s: (window.to_ns.saturating_sub(window.at_ns)) as f64 / 1e9,
                at_ms: window.at_ns / 1_000_000,
                reason: window.reason,
                detail: window.detail,
            })
            .collect();
        shown.sort_by_key(|window| window.t);
        Some(Kept {
            policy: policy.to_owned(),
            windows,
            by_reason: self.by_reason.into_iter().collect(),
            shown,
            dropped_s: dropped
                .iter()
                .map(|gap| gap.to_ns.saturating_sub(gap.from_ns) as f64 / 1e9)
                .sum(),
            dropped_messages: dropped.iter().map(|gap| gap.messages).sum(),
            dropped_bytes: dropped.iter().map(|gap| gap.bytes).sum(),
        })
    }
}
