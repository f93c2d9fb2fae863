//! Moments: what is known of each tenth of a second, from pictures and scans that come in any order.

use crate::cues::Cues;
use crate::sketch::Sketch;
use drafthorse_core::SensorId;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::num::NonZeroU64;

/// A picture by its camera and count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameId {
    /// The camera.
    pub sensor: SensorId,
    /// Count of its messages in this run.
    pub sequence: u32,
    /// Time of exposure, ns on the vehicle clock.
    pub captured_ns: u64,
    /// Bytes of its message.
    pub bytes: u64,
}

/// What is known of one stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Its beginning, ns on the vehicle clock.
    pub begin_ns: u64,
    /// Its end, where the next one begins if no time is missing, ns.
    pub end_ns: u64,
    /// The latest picture, in it or shortly before it.
    pub frame: Option<FrameId>,
    /// The sketch of that picture where it was taken in this moment.
    pub sketch: Option<Sketch>,
    /// The highest of each cue of its scans; none where no scan was taken in it.
    pub cues: Option<Cues>,
}

/// Moments that wait for late parts: a camera's lane may lag the radar's by what waits in its queue.
pub const WAITING: usize = 20;
/// A picture stands for moments that have none of their own for so long, ns: cameras may be slower than moments.
const STANDS_FOR_NS: u64 = 500_000_000;
/// So many late parts in a row are no late parts: an earlier stamp was wrong, and time goes on here.
const LATE_IN_A_ROW: u32 = 20;

/// Sorts sketches and cues into moments. A moment is given out once something has come that is
/// [`WAITING`] moments younger; what comes later still is left out and counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moments {
    length_ns: NonZeroU64,
    waiting: VecDeque<Moment>,
    /// The latest picture of the moments given out.
    last: Option<FrameId>,
    /// Parts in a row that came too late.
    late_in_a_row: u32,
    /// Parts that came too late.
    pub late: u64,
}

impl Moments {
    /// Moments of `length_ns` nanoseconds.
    #[must_use]
    pub fn new(length_ns: NonZeroU64) -> Self {
        Self {
            length_ns,
            waiting: VecDeque::with_capacity(2 * WAITING),
            last: None,
            late_in_a_row: 0,
            late: 0,
        }
    }

    /// Takes the sketch of a picture, always of the same camera; `each` gets the moments that are complete
    /// with it, in order.
    pub fn sketch(&mut self, frame: FrameId, sketch: Sketch, each: impl FnMut(&Moment)) {
        if let Some(moment) = self.at(frame.captured_ns, each)
            && moment
                .frame
                .is_none_or(|known| known.captured_ns < frame.captured_ns)
        {
            moment.frame = Some(frame);
            moment.sketch = Some(sketch);
        }
    }

    /// Takes the cues of a scan; `each` as in [`Moments::sketch`].
    pub fn cues(&mut self, captured_ns: u64, cues: Cues, each: impl FnMut(&Moment)) {
        if let Some(moment) = self.at(captured_ns, each) {
            moment.cues = Some(moment.cues.map_or(cues, |known| known.max(cues)));
        }
    }

    /// No more parts come: gives out what waits.
    pub fn finish(&mut self, mut each: impl FnMut(&Moment)) {
        self.waiting
            .drain(..)
            .for_each(|moment| give(&mut self.last, moment, &mut each));
    }

    /// The moment of a part, after giving out those that are complete with it.
    fn at(&mut self, captured_ns: u64, mut each: impl FnMut(&Moment)) -> Option<&mut Moment> {
        let length_ns = self.length_ns.get();
        let begin_ns = captured_ns / length_ns * length_ns;
        let first_ns = self.waiting.front().map_or(begin_ns, |m| m.begin_ns);
        if begin_ns < first_ns {
            self.late += 1;
            self.late_in_a_row += 1;
            if self.late_in_a_row < LATE_IN_A_ROW {
                return None;
            }
        }
        self.late_in_a_row = 0;
        let index = begin_ns.saturating_sub(first_ns) / length_ns;
        if begin_ns < first_ns || index >= (2 * WAITING + self.waiting.len()) as u64 {
            // Time has leapt: what waits is complete, and what lies between has nothing in it.
            self.waiting
                .drain(..)
                .for_each(|moment| give(&mut self.last, moment, &mut each));
        }
        while self
            .waiting
            .back()
            .is_none_or(|last| last.begin_ns < begin_ns)
        {
            let next_ns = self.waiting.back().map_or(begin_ns, |last| last.end_ns);
            self.waiting.push_back(Moment {
                begin_ns: next_ns,
                end_ns: next_ns.saturating_add(length_ns),
                ..Moment::default()
            });
            if self.waiting.len() > WAITING
                && let Some(moment) = self.waiting.pop_front()
            {
                give(&mut self.last, moment, &mut each);
            }
        }
        self.waiting.iter_mut().find(|m| m.begin_ns == begin_ns)
    }
}

/// Gives out a moment, with the picture before it where it has none.
fn give(last: &mut Option<FrameId>, mut moment: Moment, each: &mut impl FnMut(&Moment)) {
    let since_ns = |frame: &FrameId| moment.begin_ns.checked_sub(frame.captured_ns);
    let is_recent = |frame: &FrameId| since_ns(frame).is_some_and(|ns| ns <= STANDS_FOR_NS);
    moment.frame = moment.frame.or(last.filter(is_recent));
    *last = moment.frame.or(*last);
    each(&moment);
}
