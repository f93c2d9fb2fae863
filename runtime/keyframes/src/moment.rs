//! Moments: what is known of each tenth of a second, from pictures and scans that come in any order.

use crate::cues::Cues;
use crate::sketch::Sketch;
use drafthorse_core::SensorId;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A picture by its camera and count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameId {
    /// The camera.
    pub sensor: SensorId,
    /// Count of its messages in this run.
    pub sequence: u32,
    /// Time of exposure, ns on the vehicle clock.
    pub captured_ns: u64,
}

/// What is known of one stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Its beginning, ns on the vehicle clock.
    pub begin_ns: u64,
    /// Its latest picture, where it has one.
    pub frame: Option<FrameId>,
    /// The sketch of that picture.
    pub sketch: Option<Sketch>,
    /// The highest of each cue of its scans.
    pub cues: Cues,
}

/// Moments that wait for late parts.
const WAITING: usize = 4;

/// Sorts sketches and cues into moments. A moment is given out once something has come that is
/// [`WAITING`] moments younger; what comes later still is left out and counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Moments {
    length_ns: u64,
    waiting: VecDeque<Moment>,
    /// Parts that came too late.
    pub late: u64,
}

impl Moments {
    /// Moments of `length_ns` nanoseconds.
    #[must_use]
    pub fn new(length_ns: u64) -> Self {
        Self {
            length_ns: length_ns.max(1),
            ..Self::default()
        }
    }

    /// Takes the sketch of a picture; `each` gets the moments that are complete with it, in order.
    pub fn sketch(&mut self, frame: FrameId, sketch: Sketch, each: impl FnMut(&Moment)) {
        if let Some(moment) = self.at(frame.captured_ns, each) {
            moment.frame = Some(frame);
            moment.sketch = Some(sketch);
        }
    }

    /// Takes the cues of a scan; `each` as in [`Moments::sketch`].
    pub fn cues(&mut self, captured_ns: u64, cues: Cues, each: impl FnMut(&Moment)) {
        if let Some(moment) = self.at(captured_ns, each) {
            moment.cues = moment.cues.max(cues);
        }
    }

    /// No more parts come: gives out what waits.
    pub fn finish(&mut self, mut each: impl FnMut(&Moment)) {
        for moment in self.waiting.drain(..) {
            each(&moment);
        }
    }

    fn at(&mut self, captured_ns: u64, mut each: impl FnMut(&Moment)) -> Option<&mut Moment> {
        let begin_ns = captured_ns / self.length_ns * self.length_ns;
        let Some(first) = self.waiting.front().map(|m| m.begin_ns) else {
            self.waiting.push_back(Moment {
                begin_ns,
                ..Moment::default()
            });
            return self.waiting.back_mut();
        };
        if begin_ns < first {
            self.late += 1;
            return None;
        }
        let ahead = (begin_ns - first) / self.length_ns;
        if ahead as usize >= 2 * WAITING + self.waiting.len() {
            // Time has leapt: what waits is complete, and what lies between has nothing in it.
            self.waiting.drain(..).for_each(|moment| each(&moment));
            self.waiting.push_back(Moment {
                begin_ns,
                ..Moment::default()
            });
            return self.waiting.back_mut();
        }
        while self.waiting.len() as u64 <= (begin_ns - self.waiting[0].begin_ns) / self.length_ns {
            let begin_ns = self.waiting[0].begin_ns + self.waiting.len() as u64 * self.length_ns;
            self.waiting.push_back(Moment {
                begin_ns,
                ..Moment::default()
            });
            if self.waiting.len() > WAITING
                && let Some(moment) = self.waiting.pop_front()
            {
                each(&moment);
            }
        }
        let index = (begin_ns - self.waiting[0].begin_ns) / self.length_ns;
        self.waiting.get_mut(index as usize)
    }
}
