//! Feeding a run over recordings: one thread merges all sources in their order of receipt, drops
//! nothing, and lets the recordings' own time pass.

use super::setup::Progress;
use super::shared::Shared;
use crate::feed::Feed;
use drafthorse_core::{Fault, RawMessage};
use drafthorse_record::messages::drafthorse::ClockState;

/// Interval of the recordings' own time between two ticks, ns.
const TICK_NS: u64 = 1_000_000_000;

/// Feeds all sources to their end, or until told to stop.
pub(super) fn feed_all(shared: &Shared, feeds: Vec<Feed>, progress: &Progress) {
    let mut tick = Tick::default();
    let mut messages = 0u64;
    let mut faults = Vec::new();
    let mut recordings: Vec<_> = feeds
        .into_iter()
        .filter_map(|mut feed| {
            feed.take_faults(&mut faults);
            Recording::new(feed, shared, &mut faults)
        })
        .collect();
    log_events(shared, &mut faults);
    while !shared.stopped() {
        let Some(recording) = earliest(&mut recordings) else {
            break;
        };
        let raw = &recording.head;
        let now_ns = raw.received_ns;
        if tick.is_due(now_ns) {
            shared.ingress.tick(&recorded_clock(now_ns));
            shared.health(now_ns);
        }
        shared.note_until(now_ns);
        shared.deliver(raw);
        recording.advance(shared, &mut faults);
        log_events(shared, &mut faults);
        messages += 1;
        if messages.is_multiple_of(16) {
            progress.show(part(&recordings), shared.words());
        }
    }
    shared.last_notes();
    for recording in &recordings {
        shared.note_failure(&recording.feed);
    }
}

/// The recordings' own time passing.
#[derive(Default)]
struct Tick {
    next_ns: Option<u64>,
}

impl Tick {
    /// Whether a second has passed since the last tick, or the stamps have been set back.
    fn is_due(&mut self, now_ns: u64) -> bool {
        let due = |next_ns: u64| now_ns >= next_ns || next_ns - now_ns > 2 * TICK_NS;
        let is_due = self.next_ns.is_none_or(due);
        if is_due {
            self.next_ns = Some(now_ns.saturating_add(TICK_NS));
        }
        is_due
    }
}

/// A recording with its next message and, in the feed, the one after it.
struct Recording {
    feed: Feed,
    head: RawMessage,
    ended: bool,
}

impl Recording {
    /// Takes the feed's first message; none where it has none.
    fn new(feed: Feed, shared: &Shared, faults: &mut Vec<Fault>) -> Option<Self> {
        let head = feed.head().cloned();
        let mut recording = Self {
            ended: false,
            head: head?,
            feed,
        };
        recording.read_on(shared, faults);
        Some(recording)
    }

    /// Goes to the next message.
    fn advance(&mut self, shared: &Shared, faults: &mut Vec<Fault>) {
        match self.feed.head() {
            Some(next) => {
                self.head.copy_from(next);
                self.read_on(shared, faults);
            }
            None => self.ended = true,
        }
    }

    fn read_on(&mut self, shared: &Shared, faults: &mut Vec<Fault>) {
        self.feed.take_truth(|truth| shared.ingress.truth(truth));
        self.feed.advance(faults);
    }

    /// When the next message is due. A single stamp ahead of its successor's is not believed: its
    /// recording would wait until the others have passed it.
    fn due_ns(&self) -> u64 {
        let next_ns = self.feed.head().map(|next| next.received_ns);
        self.head.received_ns.min(next_ns.unwrap_or(u64::MAX))
    }
}

fn log_events(shared: &Shared, faults: &mut Vec<Fault>) {
    for fault in faults.drain(..) {
        shared.ingress.event(&fault);
    }
}

/// The recording whose next message was received first; the earlier in the configuration among
/// equals.
fn earliest(recordings: &mut [Recording]) -> Option<&mut Recording> {
    recordings
        .iter_mut()
        .filter(|recording| !recording.ended)
        .min_by_key(|recording| recording.due_ns())
}

fn part(recordings: &[Recording]) -> Option<f64> {
    let parts: Vec<f64> = recordings
        .iter()
        .filter_map(|r| r.feed.progress())
        .collect();
    (!parts.is_empty()).then(|| parts.iter().sum::<f64>() / parts.len() as f64)
}

fn recorded_clock(at_ns: u64) -> ClockState {
    ClockState {
        at_ns,
        discipline: "none".to_owned(),
        source: "stamps of the recordings".to_owned(),
        mode: "file".to_owned(),
        ..ClockState::default()
    }
}
