//! What the governor read and did.

use super::data::{Governed, Turned};
use super::status::clip;
use super::timeline::Axis;
use drafthorse_record::messages::drafthorse;

/// Turns listed one by one; later ones are only counted.
const MAX_TURNS: usize = 300;

/// The state of the fold.
#[derive(Debug, Default)]
pub(super) struct Governor {
    reports: u64,
    below_full: u64,
    lowest_rung: u32,
    rungs: u32,
    hottest_c: Option<f64>,
    most_power_w: Option<f64>,
    count: u64,
    /// Instant, ns; knob, from, to; why.
    turns: Vec<(u64, drafthorse::KnobTurn, String)>,
}

impl Governor {
    /// Takes a report.
    pub(super) fn add(&mut self, report: drafthorse::Governor, at_ns: u64) {
        self.reports += 1;
        self.below_full += u64::from(report.rung > 0);
        self.lowest_rung = self.lowest_rung.max(report.rung);
        self.rungs = self.rungs.max(report.lowest_rung);
        let most = |a: Option<f64>, b: Option<f64>| [a, b].into_iter().flatten().reduce(f64::max);
        self.hottest_c = most(self.hottest_c, report.hottest_c);
        self.most_power_w = most(self.most_power_w, report.power_w);
        self.count += report.turns.len() as u64;
        let room = MAX_TURNS - self.turns.len();
        let why = clip(report.reason);
        let turns = report.turns.into_iter().take(room);
        self.turns
            .extend(turns.map(|turn| (at_ns, turn, why.clone())));
    }

    /// What the page shows; none where no governor reported.
    pub(super) fn finish(self, axis: &Axis) -> Option<Governed> {
        let turned = |(at_ns, turn, why): (u64, drafthorse::KnobTurn, String)| Turned {
            t: axis.ms(at_ns),
            knob: clip(turn.knob),
            from: turn.from,
            to: turn.to,
            why,
        };
        (self.reports > 0).then(|| Governed {
            reports: self.reports,
            below_full: self.below_full,
            lowest_rung: self.lowest_rung,
            rungs: self.rungs,
            hottest_c: self.hottest_c,
            most_power_w: self.most_power_w,
            count: self.count,
            turns: self.turns.into_iter().map(turned).collect(),
        })
    }
}
