//! Moments by words: which share of the episodes of generated drives that a query means is among eight
//! moments, for the gate, for its parts, and for plain ways of choosing. Drives of fourteen seconds in all
//! weathers and lights are strung together to five logs; the town and the seeds are those on which nothing
//! was tuned, nor the scene model trained. Beside them the best that weights could do: those that find most,
//! chosen for each query with its answers known.

mod ask;
mod day;
mod recall;

use super::Figure;
use crate::cli::FindBench;
use crate::commands::engine_config;
use crate::find::{Eyes, FindOptions, Readings, Sight, Way, choose};
use anyhow::{Result, bail};
use ask::{Asked, KINDS};
use drafthorse_keyframes::query::{Gating, Query, STREAMS};
use drafthorse_synth::Town;
use recall::Recalls;

/// Moments a query.
const COUNT: u64 = 8;
/// Queries of each kind and log.
const QUERIES: [usize; LOGS] = [5; LOGS];
const LOGS: usize = 5;
/// The logs' towns and the first seed on which nothing was tuned, and those for tuning.
const JUDGED: ([Town; LOGS], u64) = ([Town::Harbour; LOGS], 17_000);
const TUNED: ([Town; LOGS], u64) = (
    [
        Town::OldTown,
        Town::Boulevard,
        Town::Gardens,
        Town::RingRoad,
        Town::OldTown,
    ],
    1000,
);
/// Steps from 0 to 1 of the weights that are tried for the best.
const STEPS: u8 = 10;

/// A way of choosing, and the streams that it is left.
const WAYS: [(&str, Way, [bool; STREAMS]); 13] = [
    ("gated", Way::Gated, [true, true, true]),
    ("static", Way::Static, [true, true, true]),
    ("split", Way::Split, [true, true, true]),
    ("grounding_alone", Way::Split, [true, false, false]),
    ("global_alone", Way::Split, [false, true, false]),
    ("context_alone", Way::Split, [false, false, true]),
    ("gated_less_grounding", Way::Gated, [false, true, true]),
    ("gated_less_global", Way::Gated, [true, false, true]),
    ("gated_less_context", Way::Gated, [true, true, false]),
    ("top_score", Way::TopScore, [true, true, true]),
    ("adaptive", Way::Adaptive, [true, true, true]),
    ("frame_difference", Way::Difference, [true, true, true]),
    ("uniform", Way::Uniform, [true, true, true]),
];

pub(super) fn run(args: &FindBench, print: &mut dyn FnMut(Figure) -> Result<()>) -> Result<()> {
    let drives = args.drives;
    if drives < 8 * LOGS {
        bail!(
            "--drives must be {} or more: queries need several episodes each",
            8 * LOGS
        );
    }
    let gap_ns = (FindOptions::default().gap_s * 1e9) as u64;
    let mut recalls = Recalls::new(WAYS.map(|(name, _, _)| name));
    for (log, queries) in QUERIES.into_iter().enumerate() {
        let (towns, seed) = if args.tuning { TUNED } else { JUDGED };
        let first_seed = seed + 1000 * log as u64;
        let day = day::Day::play(first_seed, towns[log], drives / LOGS)?;
        let asked = ask::queries(&day, queries, first_seed)?;
        let eyes = match &args.model {
            Some(folder) => Some(Eyes::open(
                folder,
                &engine_config(None, args.onnxruntime.as_deref())?,
            )?),
            None => None,
        };
        let gated = |asked: &Asked| (asked.query.clone(), Gating::by_words(&asked.query));
        let queries: Vec<(Query, Gating)> = asked.iter().map(gated).collect();
        let drive = day.into_drive(
            &queries,
            Sight {
                eyes,
                spotter: None,
            },
        )?;
        for (number, asked) in asked.iter().enumerate() {
            let mut readings = drive.readings(number);
            let recall = |readings: &Readings, way, use_of| {
                let choice = choose(&drive, readings, way, use_of, [COUNT, gap_ns]);
                let times_ns = &choice.reading.streams.times_ns;
                let times = choice.chosen.iter().map(|i| times_ns[*i]);
                recall::recall(&times.collect::<Vec<u64>>(), &asked.episodes_ns)
            };
            let shares = WAYS.map(|(_, way, use_of)| recall(&readings, way, use_of));
            let best = all_weights().fold(0.0_f64, |best, weights| {
                readings.gated.gating.weights = weights;
                best.max(recall(&readings, Way::Gated, [true; STREAMS]))
            });
            tracing::info!(
                log,
                query = asked.query.text,
                kind = asked.kind.name(),
                episodes = asked.episodes_ns.len(),
                ?shares,
                best,
                "a query"
            );
            recalls.add(asked.kind, shares, best);
        }
    }
    let enough = KINDS.len() * QUERIES.iter().sum::<usize>();
    if recalls.queries() < enough {
        tracing::warn!(
            found = recalls.queries(),
            enough,
            "too few queries have the right number of episodes: take more --drives"
        );
    }
    recalls.figures().into_iter().try_for_each(print)
}

/// Weights of the streams with the sum 1, in even steps.
fn all_weights() -> impl Iterator<Item = [f32; STREAMS]> {
    let share = |steps: u8| f32::from(steps) / f32::from(STEPS);
    (0..=STEPS)
        .flat_map(move |a| (0..=STEPS - a).map(move |b| [share(a), share(b), share(STEPS - a - b)]))
}
