//! What of a drive stays in the vehicle, what that keeps of the target's quality, and what leaves, for every threshold and
//! three ways to score a block: its worst frame, the mean of its frames, and chance.

use super::drive::Block;
use super::facts::Told;
use serde::Serialize;

/// Shares of the blocks that are accepted, at which ways to score are compared, percent.
const SHARES: [usize; 11] = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];

/// What a way to accept blocks comes to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Point {
    /// Accepted are blocks with this score and more.
    pub(super) tau: Option<f64>,
    /// Share of the blocks that are accepted.
    pub(super) accepted: f64,
    /// Share of the facts told that are right, over that of the target's descriptions of whole pictures.
    pub(super) quality_kept: f64,
    /// The same of the facts that pictures settle.
    pub(super) recall_kept: f64,
    /// Bytes over the wire, there and back, over those of all pictures as JPEG at the encoder's resolution, less 1.
    pub(super) bytes_saved: f64,
    /// The same of the pictures as they are recorded.
    pub(super) bytes_saved_recorded: f64,
}

/// A way to score, with its point for each share of accepted blocks.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<Point>,
}

#[derive(Debug, Serialize)]
pub(super) struct Curve {
    pub(super) lines: Vec<Line>,
    /// Of the worst frame: every score as threshold, without audits.
    pub(super) taus: Vec<Point>,
}

/// How a block is scored.
type Score = fn(&Block) -> f64;

const WORST: Score = |block| {
    let scores = block.frames.iter().map(|frame| frame.score);
    scores.fold(f64::INFINITY, f64::min)
};
const MEAN: Score = |block| {
    let sum: f64 = block.frames.iter().map(|frame| frame.score).sum();
    sum / block.frames.len().max(1) as f64
};

impl Curve {
    pub(super) fn of(blocks: &[Block]) -> Self {
        let line = |name, score: Score| Line {
            name,
            points: SHARES
                .iter()
                .map(|share| best(blocks, score, share * blocks.len() / 100))
                .collect(),
        };
        let chance = SHARES
            .iter()
            .map(|&share| by_chance(blocks, share as f64 / 100.0));
        let mut taus: Vec<f64> = blocks.iter().map(WORST).collect();
        taus.sort_by(f64::total_cmp);
        taus.dedup();
        let at = |&tau: &f64| Point {
            tau: Some(tau),
            ..point(blocks, |block| f64::from(u8::from(WORST(block) >= tau)))
        };
        Self {
            lines: vec![
                line("worst frame", WORST),
                line("mean frame", MEAN),
                Line {
                    name: "chance",
                    points: chance.collect(),
                },
            ],
            taus: taus.iter().map(at).collect(),
        }
    }
}

/// The blocks with the best scores stay, `count` of them: by worst frame, by mean frame, by chance.
pub(super) fn routings(blocks: &[Block], count: usize) -> [(&'static str, Point); 3] {
    let share = count as f64 / blocks.len().max(1) as f64;
    [
        ("worst", best(blocks, WORST, count)),
        ("mean", best(blocks, MEAN, count)),
        ("random", by_chance(blocks, share)),
    ]
}

/// What the router made of the blocks, audits and all.
pub(super) fn routed(blocks: &[Block]) -> Point {
    point(blocks, |block| f64::from(u8::from(block.stays())))
}

fn best(blocks: &[Block], score: Score, count: usize) -> Point {
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by(|&a, &b| score(&blocks[b]).total_cmp(&score(&blocks[a])));
    let mut stays = vec![0.0; blocks.len()];
    order[..count].iter().for_each(|&block| stays[block] = 1.0);
    let mut stays = stays.into_iter();
    let tau = count.checked_sub(1).map(|last| score(&blocks[order[last]]));
    Point {
        tau,
        ..point(blocks, |_| stays.next().unwrap_or(0.0))
    }
}

/// Every block stays with the same probability: what is to be expected of that.
fn by_chance(blocks: &[Block], share: f64) -> Point {
    point(blocks, |_| share)
}

/// `stays`: with which probability each block is accepted, asked once a block in their order.
fn point(blocks: &[Block], mut stays: impl FnMut(&Block) -> f64) -> Point {
    let sum = |of: fn(&super::drive::Frame) -> Told| {
        Told::sum(blocks.iter().flat_map(|b| b.frames.iter().map(of)))
    };
    let alone = sum(|frame| frame.alone);
    let (mut right, mut told, mut accepted, mut bytes) = (0.0, 0.0, 0.0, 0.0);
    for block in blocks {
        let share = stays(block);
        accepted += share;
        bytes += (1.0 - share) * (block.sent_bytes + block.received_bytes) as f64;
        for frame in &block.frames {
            let mix = |a: u32, b: u32| share * f64::from(a) + (1.0 - share) * f64::from(b);
            right += mix(frame.drafted.right, frame.verified.right);
            told += mix(frame.drafted.told, frame.verified.told);
        }
    }
    let pictures = |of: fn(&super::drive::Frame) -> usize| -> f64 {
        let frames = blocks.iter().flat_map(|block| &block.frames);
        frames.map(of).sum::<usize>() as f64
    };
    Point {
        tau: None,
        accepted: accepted / blocks.len().max(1) as f64,
        quality_kept: right / f64::max(told, 1.0) / alone.accuracy(),
        recall_kept: right / f64::from(alone.right.max(1)),
        bytes_saved: 1.0 - bytes / pictures(|frame| frame.small.len()),
        bytes_saved_recorded: 1.0 - bytes / pictures(|frame| frame.recorded.len()),
    }
}
