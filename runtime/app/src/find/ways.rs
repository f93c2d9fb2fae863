//! Ways of choosing moments from streams, each to the same count.

use super::drive::Drive;
use super::streams::Streams;
use clap::ValueEnum;
use drafthorse_keyframes::Sketch;
use drafthorse_keyframes::query::{
    Fused, Query, STREAMS, adaptive, equal_weights, fuse, gate, highest_apart, most_different,
    uniform,
};
use serde::Serialize;

/// How moments are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Streams weighed by the query's words, highest sums that are apart.
    #[default]
    Gated,
    /// All streams alike, highest sums that are apart.
    Static,
    /// All streams alike, highest sums wherever they are.
    TopScore,
    /// All streams alike, split where sums are even (after AKS).
    Adaptive,
    /// Pictures that differ most from the one before, whatever is asked.
    Difference,
    /// Spread evenly, whatever is asked.
    Uniform,
}

/// What was chosen.
pub(crate) struct Choice {
    /// Weights of the streams.
    pub(crate) weights: [f32; STREAMS],
    /// Their sum.
    pub(crate) fused: Fused,
    /// Moments, the best first.
    pub(crate) chosen: Vec<usize>,
}

/// Chooses `count` moments of a drive. `use_of` leaves streams out.
pub(crate) fn choose(
    drive: &Drive,
    query: &Query,
    streams: &Streams,
    way: Way,
    use_of: [bool; STREAMS],
    [count, gap_ns]: [u64; 2],
) -> Choice {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let sees = streams.sees();
    let sees = std::array::from_fn(|i| sees[i] && use_of[i]);
    let weights = match way {
        Way::Gated => gate(query, sees),
        Way::Uniform | Way::Difference => [0.0; STREAMS],
        Way::Static | Way::TopScore | Way::Adaptive => equal_weights(sees),
    };
    let raw = std::array::from_fn(|i| streams.raw[i].as_slice());
    let fused = fuse(raw, weights);
    let apart = |gap_ns| highest_apart(&streams.times_ns, &fused.total, count, gap_ns);
    let chosen = match way {
        Way::Gated | Way::Static => apart(gap_ns),
        Way::TopScore => apart(0),
        Way::Adaptive => adaptive(&fused.total, count),
        Way::Uniform => uniform(streams.times_ns.len(), count),
        Way::Difference => {
            let sketches: Vec<Option<Sketch>> =
                drive.moments.values().map(|m| m.sketch.clone()).collect();
            most_different(&sketches, count)
        }
    };
    Choice {
        weights,
        fused,
        chosen,
    }
}
