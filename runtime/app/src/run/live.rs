//! Feeding a live run: a thread a source, and one that lets time pass and watches the clock.

use super::setup::Progress;
use super::shared::Shared;
use super::status::Outside;
use crate::feed::Feed;
use drafthorse_core::{Fault, FaultKind};
use drafthorse_record::messages::drafthorse::ClockState;
use drafthorse_sensors::clock::{self, Discipline};
use drafthorse_sensors::vehicle_clock_ns;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longest wait for a message before a source's thread looks whether it shall stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// Interval between two looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// Feeds all sources until they end or the run is told to stop.
pub(super) fn feed_all(shared: &Shared, feeds: Vec<Feed>, progress: &Progress) {
    let running = AtomicUsize::new(feeds.len());
    std::thread::scope(|scope| {
        for mut feed in feeds {
            let running = &running;
            scope.spawn(move || {
                let _counted = Running(running);
                feed_one(shared, &mut feed);
                shared.note_failure(&feed);
            });
        }
        watch(shared, &running, progress);
    });
}

/// Counts a source's thread as ended, however it ends: the run must not wait for it.
struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn feed_one(shared: &Shared, feed: &mut Feed) {
    let mut faults = Vec::new();
    while !shared.stopped() {
        let more = feed.read(PATIENCE, &mut faults);
        for fault in faults.drain(..) {
            shared.ingress.event(&fault);
        }
        if let Some(raw) = feed.head_mut() {
            let mismatch = shared.triggers.take(raw);
            shared.deliver(raw);
            if let Some(fault) = mismatch {
                shared.ingress.event(&fault);
            }
            feed.take_truth(|truth| shared.ingress.truth(truth));
        }
        if !more {
            break;
        }
    }
}

/// Ticks every second until no source is left.
fn watch(shared: &Shared, running: &AtomicUsize, progress: &Progress) {
    let mut next = Instant::now();
    let mut warned = false;
    let mut outside = Outside::new(shared.status.as_deref());
    while running.load(Ordering::Relaxed) > 0 {
        if Instant::now() < next {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        next += TICK;
        let state = clock::observe_clock();
        let at_ns = vehicle_clock_ns();
        if !warned && state.discipline == Discipline::None {
            warned = true;
            shared.ingress.event(&Fault {
                kind: FaultKind::ClockUndisciplined,
                sensor: None,
                at_ns,
                count: 1,
                detail: "no PTP or NTP source disciplines the vehicle clock; start ptp4l or chrony"
                    .to_owned(),
            });
        }
        shared.ingress.tick(&ClockState {
            at_ns,
            kernel_synchronised: state.kernel_synchronised,
            kernel_offset_ns: state.kernel_offset_ns,
            kernel_max_error_ns: state.kernel_max_error_ns,
            discipline: state.discipline.name().to_owned(),
            source: state.source,
            source_offset_ns: state.source_offset_ns,
            mode: "live".to_owned(),
        });
        shared.health(at_ns);
        if let Some(governor) = &shared.governor {
            governor.tick(shared, at_ns);
        }
        outside.tell(shared, at_ns);
        progress.show(None, shared.words());
    }
}
