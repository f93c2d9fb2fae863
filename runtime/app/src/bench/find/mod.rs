//! Moments by words: which share of the episodes of generated drives that a query means is among eight
//! moments, for the gate, for its parts, and for plain ways of choosing. Drives of fourteen seconds in all
//! weathers and lights are strung together to five logs; the town and the seeds are those on which nothing
//! was tuned, nor the scene model trained.

mod ask;
mod day;
mod recall;

use super::Figure;
use crate::cli::BenchArgs;
use crate::commands::engine_config;
use crate::find::{Eyes, FindOptions, Sight, Way, choose};
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
/// Drives where `--drives` does not say; a drive takes some seconds.
const DRIVES: usize = 120;
/// The town and the first seed on which nothing was tuned, and those for tuning.
const JUDGED: (Town, u64) = (Town::Harbour, 7000);
const TUNED: (Town, u64) = (Town::OldTown, 1000);

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

pub(super) fn run(args: &BenchArgs, print: &mut dyn FnMut(Figure) -> Result<()>) -> Result<()> {
    let drives = args.drives.unwrap_or(DRIVES);
    if drives < 8 * LOGS {
        bail!(
            "--drives must be {} or more: queries need several episodes each",
            8 * LOGS
        );
    }
    let gap_ns = (FindOptions::default().gap_s * 1e9) as u64;
    let mut recalls = Recalls::new(WAYS.map(|(name, _, _)| name));
    for (log, queries) in QUERIES.into_iter().enumerate() {
        let (town, seed) = if args.tuning { TUNED } else { JUDGED };
        let first_seed = seed + 1000 * log as u64;
        let day = day::Day::play(first_seed, town, drives / LOGS)?;
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
            let readings = drive.readings(number);
            let of_way = |(_, way, use_of): (&str, Way, [bool; STREAMS])| {
                let choice = choose(&drive, &readings, way, use_of, [COUNT, gap_ns]);
                let times_ns = &choice.reading.streams.times_ns;
                let times = choice.chosen.iter().map(|i| times_ns[*i]);
                recall::recall(&times.collect::<Vec<u64>>(), &asked.episodes_ns)
            };
            let shares = WAYS.map(of_way);
            tracing::info!(
                log,
                query = asked.query.text,
                kind = asked.kind.name(),
                episodes = asked.episodes_ns.len(),
                ?shares,
                "a query"
            );
            recalls.add(asked.kind, shares);
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
