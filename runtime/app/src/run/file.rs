//! Feeding a run over recordings: one thread merges all sources in their order of receipt, drops nothing, and
//! lets the recordings' own time pass.

use super::setup::Progress;
use super::{Shared, deliver};
use crate::feed::Feed;
use drafthorse_core::Fault;
use drafthorse_record::messages::drafthorse::ClockState;

/// Interval of the recordings' own time between two ticks, ns.
const TICK_NS: u64 = 1_000_000_000;

/// Feeds all sources to their end, or until told to stop.
pub(super) fn feed_all(shared: &Shared, mut feeds: Vec<Feed>, progress: &Progress) {
    let mut next_tick_ns = None;
    let mut messages = 0u64;
    let mut scratch = Vec::new();
    for feed in &mut feeds {
        feed.take_faults(&mut scratch);
    }
    log_events(shared, &mut scratch);
    while !shared.stopped() {
        let Some(feed) = earliest(&mut feeds) else {
            break;
        };
        let Some(raw) = feed.head() else {
            break;
        };
        let now_ns = raw.received_ns;
        let due = *next_tick_ns.get_or_insert(now_ns);
        if now_ns >= due {
            shared.ingress.tick(&recorded_clock(now_ns));
            shared.health(now_ns);
            next_tick_ns = Some(now_ns.saturating_add(TICK_NS));
        }
        deliver(shared, raw);
        feed.take_truth(|truth| shared.ingress.truth(truth));
        feed.advance(&mut scratch);
        log_events(shared, &mut scratch);
        messages += 1;
        if messages.is_multiple_of(16) {
            progress.show(part(&feeds), shared.words());
        }
    }
    for feed in &feeds {
        shared.note_failure(feed);
    }
}

fn log_events(shared: &Shared, faults: &mut Vec<Fault>) {
    for fault in faults.drain(..) {
        shared.ingress.event(&fault);
    }
}

/// The feed whose next message was received first; the earlier in the configuration among equals.
fn earliest(feeds: &mut [Feed]) -> Option<&mut Feed> {
    feeds
        .iter_mut()
        .filter(|feed| feed.head().is_some())
        .min_by_key(|feed| feed.head().map_or(u64::MAX, |raw| raw.received_ns))
}

fn part(feeds: &[Feed]) -> Option<f64> {
    let parts: Vec<f64> = feeds.iter().filter_map(Feed::progress).collect();
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
