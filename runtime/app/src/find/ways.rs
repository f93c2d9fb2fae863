//! Ways of choosing moments from streams, each to the same count.

use super::drive::Drive;
use super::streams::Streams;
use clap::ValueEnum;
use drafthorse_keyframes::Sketch;
use drafthorse_keyframes::query::{
    Fused, Gating, STREAMS, adaptive, fuse, highest_apart, most_different, uniform,
};
use serde::Serialize;

/// How moments are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Streams given their words and weighed by the gate, highest sums that are apart.
    #[default]
    Gated,
    /// Streams given their words by the gate, all alike, highest sums that are apart.
    Split,
    /// No gate: each stream given the whole query, all alike, highest sums that are apart.
    Static,
    /// No gate, highest sums wherever they are.
    TopScore,
    /// No gate, split where sums are even (after AKS).
    Adaptive,
    /// Pictures that differ most from the one before, whatever is asked.
    Difference,
    /// Spread evenly, whatever is asked.
    Uniform,
}

/// What streams were asked, and what they see of it.
pub(crate) struct Reading {
    /// Which of the drive's watches it is of.
    pub(super) watch: usize,
    pub(crate) gating: Gating,
    pub(crate) streams: Streams,
}

/// A query as a gate shares it out, and whole.
pub(crate) struct Readings {
    pub(crate) gated: Reading,
    pub(crate) whole: Reading,
}

/// What was chosen.
pub(crate) struct Choice<'a> {
    /// The reading that it was chosen by.
    pub(crate) reading: &'a Reading,
    /// The gate's streams see nothing, and each stream was given the whole query instead.
    pub(crate) fell_back: bool,
    /// Weights of the streams.
    pub(crate) weights: [f32; STREAMS],
    /// Their sum.
    pub(crate) fused: Fused,
    /// Moments, the best first.
    pub(crate) chosen: Vec<usize>,
}

/// Chooses `count` moments of a drive. `use_of` leaves streams out.
pub(crate) fn choose<'a>(
    drive: &Drive,
    readings: &'a Readings,
    way: Way,
    use_of: [bool; STREAMS],
    [count, gap_ns]: [u64; 2],
) -> Choice<'a> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let Readings { gated, whole } = readings;
    let among = |reading: &Reading, gating: &Gating| {
        let sees = reading.streams.sees();
        gating.among(std::array::from_fn(|i| sees[i] && use_of[i]))
    };
    let (reading, weights) = match way {
        Way::Gated => (gated, among(gated, &gated.gating)),
        Way::Split => (gated, among(gated, &whole.gating)),
        Way::Static | Way::TopScore | Way::Adaptive => (whole, among(whole, &whole.gating)),
        Way::Uniform | Way::Difference => (whole, [0.0; STREAMS]),
    };
    let fell_back = matches!(way, Way::Gated | Way::Split) && weights == [0.0; STREAMS];
    let (reading, weights) = match fell_back {
        true => (whole, among(whole, &whole.gating)),
        false => (reading, weights),
    };
    let streams = &reading.streams;
    let raw = std::array::from_fn(|i| streams.raw[i].as_slice());
    let fused = fuse(raw, weights);
    let apart = |gap_ns| highest_apart(&streams.times_ns, &fused.total, count, gap_ns);
    let chosen = match way {
        Way::Gated | Way::Split | Way::Static => apart(gap_ns),
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
        reading,
        fell_back,
        weights,
        fused,
        chosen,
    }
}
