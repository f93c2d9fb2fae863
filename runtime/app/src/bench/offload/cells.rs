//! How soon a description is verified: links of three round trips, and targets of three paces.

use super::Folders;
use super::bound::Bounds;
use super::drive::{Drive, Frame};
use super::line::{Judged, Line};
use super::server::Program;
use super::upload::Uploads;
use anyhow::{Result, bail};
use drafthorse_draft::Threshold;
use drafthorse_engine::Backend;
use drafthorse_protocol::{Draft, VerifyRequest};
use drafthorse_relay::Conditions;
use indicatif::ProgressBar;
use serde::Serialize;
use std::time::Duration;

/// Round trips and time of a run of the target, ms.
pub(super) const CELLS: [[u64; 2]; 9] = [
    [10, 5],
    [60, 5],
    [150, 5],
    [10, 20],
    [60, 20],
    [150, 20],
    [10, 50],
    [60, 50],
    [150, 50],
];
/// Rate of the link each way, bit/s.
const BITS_PER_SECOND: u64 = 20_000_000;
/// Calls of a single run that are timed for a target that is asked word by word.
const SINGLE_CALLS: usize = 3;

/// A way to a verified description: time from the picture on, and bytes there and back, means over frames.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Way {
    pub(super) ms: f64,
    pub(super) bytes: f64,
}

/// What one link and one target come to, over rejected frames.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cell {
    pub(super) round_trip_ms: u64,
    /// The target is paced: a run takes this long.
    pub(super) pace_ms: u64,
    pub(super) frames: usize,
    /// The target asked for each word over the link, image tokens and text so far in every call.
    pub(super) word_by_word: Way,
    /// The target alone, which is sent pictures at the encoder's resolution, and as recorded.
    pub(super) jpeg: Way,
    pub(super) recorded: Way,
    /// The target alone, which is sent the pruned tokens in the narrow code.
    pub(super) pruned: Way,
    /// Ours, of frames that are rejected.
    pub(super) ours: Way,
    /// From the router's word on, until the verdict is on the vehicle's disk: ours, and the target alone.
    pub(super) rejected_ms: f64,
    pub(super) alone_ms: f64,
    /// The least that acceptance, round trip and the cost of a run allow for the former.
    pub(super) bound_ms: f64,
    /// That over ours, and how much sooner ours is there than the target alone, and could be.
    pub(super) of_bound: f64,
    pub(super) speedup: f64,
    pub(super) bound_speedup: f64,
    /// Runs of the target that the bound takes, and words of a text, means.
    pub(super) bound_runs: f64,
    pub(super) words: f64,
    /// Server time of a rejected block, and of one without a draft.
    pub(super) server_ms: f64,
    pub(super) server_alone_ms: f64,
}

/// Times `count` rejected frames of a drive in every cell.
pub(super) fn measure(
    folders: &Folders,
    backend: &dyn Backend,
    threads: usize,
    program: &Program,
    drive: &Drive,
    count: usize,
    bar: &ProgressBar,
) -> Result<Vec<Cell>> {
    let frames = rejected(drive, count)?;
    let mut bounds = Bounds::open(folders, backend, threads, drive.shape)?;
    let mut uploads = Uploads::open(folders, backend, threads, drive.prompt.clone())?;
    let mut cells = Vec::new();
    for [round_trip_ms, pace_ms] in CELLS {
        let [with, without] = [false, true].map(|alone| program.serve(pace_ms as f64, alone));
        let round_trip = Duration::from_millis(round_trip_ms);
        let conditions = Conditions::link(round_trip, BITS_PER_SECOND);
        let (with, without) = (with?, without?);
        let mut ours = Line::open(program, &with, drive.shape, conditions)?;
        let mut alone = Line::open(program, &without, drive.shape, conditions)?;
        let pace = Duration::from_millis(pace_ms);
        let mut sums = Sums::default();
        for frame in &frames {
            let judged = ours.ask(&frame.request)?;
            let text = judged.ruling.texts[0].clone();
            let accepted = usize::from(judged.ruling.verdict.frames[0].accepted);
            let needs = bounds.of(&frame.request, &text, accepted)?;
            sums.bound += needs.time(round_trip, pace);
            sums.runs += 1 + needs.further;
            sums.words += text.len();
            sums.rejected.add(&judged);
            let bare = alone.ask(&drafted(&frame.request, &[]))?;
            if bare.ruling.texts[0] != text {
                bail!("the server says something else with drafts than without");
            }
            sums.alone.add(&bare);
            // With all of its text as draft the target needs one run to say that this is it.
            let whole = drafted(&frame.request, &text);
            for _ in 0..SINGLE_CALLS {
                let single = ours.ask(&whole)?;
                sums.single.took += single.took * text.len() as u32 / SINGLE_CALLS as u32;
                let bytes = single.sent_bytes + single.received_bytes;
                sums.single.bytes += bytes * text.len() as u64 / SINGLE_CALLS as u64;
            }
            bar.inc(1);
        }
        let pictures = |of: fn(&Frame) -> &[u8]| frames.iter().map(|f| of(f)).collect::<Vec<_>>();
        let mut upload = |pictures: &[&[u8]]| -> Result<Taken> {
            let times = uploads.times(pictures, conditions, pace)?;
            Ok(Taken {
                took: times.iter().sum(),
                bytes: pictures.iter().map(|jpeg| jpeg.len() as u64).sum(),
            })
        };
        sums.jpeg = upload(&pictures(|frame| &frame.small))?;
        sums.recorded = upload(&pictures(|frame| &frame.recorded))?;
        cells.push(sums.cell(round_trip, pace, &frames));
    }
    Ok(cells)
}

/// The first frames of the drive that are rejected by themselves.
fn rejected(drive: &Drive, count: usize) -> Result<Vec<&Frame>> {
    let Threshold::Fixed { tau } = drive.router.threshold else {
        bail!("the router's threshold is not fixed");
    };
    let frames = drive.blocks.iter().flat_map(|block| &block.frames);
    let rejected: Vec<_> = frames.filter(|frame| frame.score < tau).collect();
    if rejected.is_empty() {
        bail!("no frame of the drive is rejected; take more of them with --scenes");
    }
    // Spread over the drive.
    let step = (rejected.len() / count.max(1)).max(1);
    Ok(rejected.into_iter().step_by(step).take(count).collect())
}

/// The same frame with other words as its draft.
fn drafted(request: &VerifyRequest, words: &[u16]) -> VerifyRequest {
    VerifyRequest {
        drafts: vec![Draft {
            tokens: words.to_vec(),
            confidence: vec![0; words.len()],
        }],
        ..request.clone()
    }
}

#[derive(Clone, Copy, Default)]
struct Taken {
    took: Duration,
    bytes: u64,
}

impl Taken {
    fn add(&mut self, judged: &Judged) {
        self.took += judged.took;
        self.bytes += judged.sent_bytes + judged.received_bytes;
    }
}

#[derive(Default)]
struct Sums {
    rejected: Taken,
    alone: Taken,
    single: Taken,
    jpeg: Taken,
    recorded: Taken,
    bound: Duration,
    runs: usize,
    words: usize,
}

impl Sums {
    fn cell(&self, round_trip: Duration, pace: Duration, frames: &[&Frame]) -> Cell {
        let count = frames.len() as f64;
        let ms = |all: Duration| 1e3 * all.as_secs_f64() / count;
        let spent = |of: fn(&Frame) -> Duration| ms(frames.iter().map(|frame| of(frame)).sum());
        let way = |taken: &Taken, before_ms: f64| Way {
            ms: before_ms + ms(taken.took),
            bytes: taken.bytes as f64 / count,
        };
        let coded = spent(|frame| frame.spent.look + frame.spent.code);
        let [rejected_ms, alone_ms] = [&self.rejected, &self.alone].map(|taken| ms(taken.took));
        let bound_ms = ms(self.bound);
        let round_trip_ms = 1e3 * round_trip.as_secs_f64();
        Cell {
            round_trip_ms: round_trip.as_millis() as u64,
            pace_ms: pace.as_millis() as u64,
            frames: frames.len(),
            word_by_word: way(&self.single, coded),
            jpeg: way(&self.jpeg, spent(|frame| frame.spent.jpeg)),
            recorded: way(&self.recorded, 0.0),
            pruned: way(&self.alone, coded),
            ours: way(&self.rejected, coded + spent(|frame| frame.spent.draft)),
            rejected_ms,
            alone_ms,
            bound_ms,
            of_bound: bound_ms / rejected_ms,
            speedup: alone_ms / rejected_ms,
            bound_speedup: alone_ms / bound_ms,
            bound_runs: self.runs as f64 / count,
            words: self.words as f64 / count,
            server_ms: rejected_ms - round_trip_ms,
            server_alone_ms: alone_ms - round_trip_ms,
        }
    }
}
