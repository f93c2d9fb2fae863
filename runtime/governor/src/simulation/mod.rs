//! A board with a heat capacity, drives of random heat and load, and ways of turning the knobs on them: none, the
//! governor, and an oracle that knows the whole drive. The board is a model, not a measurement of one; its constants
//! stand in [`plant`].

pub mod oracle;
pub mod plant;
pub mod trace;

use crate::config::GovernorConfig;
use crate::governor::{Change, Governor};
use crate::ladder::Ladder;
use plant::Plant;
use trace::Trace;

/// What came of a drive.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Radar scans that were late.
    pub radar_late: f64,
    /// Pictures that were late or found no room, of those that were to be decoded.
    pub camera_late: f64,
    /// Mean quality of the rungs over the drive.
    pub quality: f64,
    /// Changes of rungs.
    pub changes: usize,
}

impl Outcome {
    /// All that was late.
    #[must_use]
    pub fn late(&self) -> f64 {
        self.radar_late + self.camera_late
    }
}

/// Runs a drive; `choose` gives the rung for each second, from the plant as it is then and the second's number.
fn drive(
    ladder: &Ladder,
    trace: &Trace,
    mut choose: impl FnMut(&Plant, usize) -> usize,
) -> Outcome {
    let mut plant = Plant::cold(trace);
    let mut outcome = Outcome::default();
    let mut before = 0;
    for second in 0..trace.seconds() {
        let rung = choose(&plant, second).min(ladder.last());
        outcome.changes += usize::from(rung != before);
        before = rung;
        let step = plant.step(&ladder.rungs()[rung], trace, second);
        outcome.radar_late += step.radar_late;
        outcome.camera_late += step.camera_late;
        outcome.quality += ladder.rungs()[rung].quality / trace.seconds() as f64;
    }
    outcome
}

/// Full quality whatever comes.
#[must_use]
pub fn without(ladder: &Ladder, trace: &Trace) -> Outcome {
    drive(ladder, trace, |_, _| 0)
}

/// Under the governor, with what it did.
///
/// # Panics
/// For a configuration that cannot be.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "a simulation's configuration is checked by its caller"
)]
pub fn governed(config: &GovernorConfig, trace: &Trace) -> (Outcome, Vec<Change>) {
    let mut governor = Governor::new(config.clone()).expect("a valid configuration");
    let ladder = governor.ladder().clone();
    let mut changes = Vec::new();
    let outcome = drive(&ladder, trace, |plant, second| {
        changes.extend(governor.observe(&plant.reading(second)));
        governor.number()
    });
    (outcome, changes)
}

/// Under an oracle that knows the drive.
#[must_use]
pub fn foretold(ladder: &Ladder, trace: &Trace) -> Outcome {
    let policy = oracle::Oracle::plan(ladder, trace);
    drive(ladder, trace, |plant, second| policy.rung(plant, second))
}

/// Sums over many drives, side by side.
#[derive(Clone, Copy, Debug, Default)]
pub struct Comparison {
    /// Drives.
    pub drives: usize,
    /// Full quality whatever comes.
    pub without: Outcome,
    /// The governor.
    pub governed: Outcome,
    /// The oracle.
    pub foretold: Outcome,
    /// Drives in which the governor made more radar scans late than no governor did.
    pub radar_harmed: usize,
}

impl Comparison {
    /// Drives of the seeds `seeds`.
    ///
    /// # Panics
    /// For a configuration that cannot be.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a simulation's configuration is checked by its caller"
    )]
    pub fn over(config: &GovernorConfig, seeds: std::ops::Range<u64>) -> Self {
        let ladder = config.ladder().expect("a valid configuration");
        let one = |seed: u64| {
            let trace = Trace::random(seed);
            let (governed, _) = governed(config, &trace);
            [
                without(&ladder, &trace),
                governed,
                foretold(&ladder, &trace),
            ]
        };
        // Side by side, and summed in their order: the same sums however many processors there are.
        let seeds: Vec<u64> = seeds.collect();
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let share = seeds.len().div_ceil(workers).max(1);
        let outcomes: Vec<[Outcome; 3]> = std::thread::scope(|scope| {
            let shares = seeds.chunks(share);
            let started = shares.map(|seeds| {
                scope.spawn(move || seeds.iter().map(|&seed| one(seed)).collect::<Vec<_>>())
            });
            let started: Vec<_> = started.collect();
            let ended = started.into_iter();
            ended
                .flat_map(|share| share.join().expect("a simulation that ends"))
                .collect()
        });
        let mut sums = Self::default();
        for [without, governed, foretold] in outcomes {
            sums.drives += 1;
            sums.radar_harmed += usize::from(governed.radar_late > without.radar_late + 1e-9);
            for (sum, one) in [
                (&mut sums.without, without),
                (&mut sums.governed, governed),
                (&mut sums.foretold, foretold),
            ] {
                sum.radar_late += one.radar_late;
                sum.camera_late += one.camera_late;
                sum.quality += one.quality;
                sum.changes += one.changes;
            }
        }
        sums
    }

    /// Share of the lateness that an oracle avoids which the governor avoids too.
    #[must_use]
    pub fn avoided(&self) -> f64 {
        (self.without.late() - self.governed.late()) / (self.without.late() - self.foretold.late())
    }

    /// Quality as a share of the oracle's.
    #[must_use]
    pub fn quality(&self) -> f64 {
        self.governed.quality / self.foretold.quality
    }
}
