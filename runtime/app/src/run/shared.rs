//! What the threads of a run share: the log, the lanes, the choices, and what broke off.

use super::governor::Governing;
use super::ingress::Ingress;
use super::keyframes::Keyframes;
use super::knobs::Knobs;
use super::lanes::{self, LaneHandle, Route};
use super::log::LogWriter;
use super::notes::TimedNote;
use super::triggers::Triggers;
use super::windows::Windows;
use super::{RunOptions, describe::Descriptions, lock};
use crate::config::Config;
use crate::feed::Feed;
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::keyframes::LeftOut;
use crate::pipeline::staged::Cause;
use crate::plan::{Mode, Plan};
use anyhow::{Context, Result};
use drafthorse_core::{Fault, FaultKind, RawMessage, SensorId};
use drafthorse_record::messages::drafthorse as message;
use drafthorse_record::{Recorder, WhenFull};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Everything the threads of a run share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) log: LogWriter,
    pub(crate) ingress: Ingress,
    /// None where no keyframes are chosen.
    pub(crate) keyframes: Option<Keyframes>,
    /// None where keyframes are not described.
    pub(crate) descriptions: Option<Descriptions>,
    pub(super) triggers: Triggers,
    /// What the governor has given up.
    pub(crate) knobs: Arc<Knobs>,
    /// None in a run without one.
    pub(super) governor: Option<Governing>,
    pub(crate) lanes: Vec<LaneHandle>,
    /// By sensor index.
    pub(crate) routes: Vec<Route>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Where the state of a live run is written each second.
    pub(super) status: Option<PathBuf>,
    /// Notes that the recordings have not reached yet.
    pub(super) notes: Mutex<VecDeque<TimedNote>>,
    /// A note so long after the last message still keeps a window that has messages, ns.
    pub(super) post_roll_ns: u64,
    /// Messages that lanes did not append because the log had lost what they follow from.
    pub(crate) unlogged: AtomicU64,
    /// Stamp of the run's beginning, ns.
    pub(crate) first_ns: u64,
    /// The end of recording was told.
    pub(super) told_stopped: AtomicBool,
    /// What was told of what the choice of keyframes left out.
    pub(super) told_left_out: Mutex<LeftOut>,
    /// Sensors whose source broke off with an error.
    pub(super) failed_sources: Mutex<Vec<String>>,
    /// Lanes that broke off.
    pub(super) failed_lanes: Mutex<Vec<String>>,
}

impl Shared {
    /// Opens the log and prepares the lanes.
    pub(crate) fn new(
        config: &Config,
        plan: Plan,
        channels: &Channels,
        options: &RunOptions,
        name: &str,
        first_ns: u64,
    ) -> Result<Self> {
        let when_full = match plan.mode {
            Mode::File => WhenFull::Block,
            Mode::Live => WhenFull::Drop,
        };
        let settings = config
            .record
            .to_record_config(&options.out, name, when_full);
        let recorder = Recorder::create_on(settings, Arc::clone(&options.disk))
            .with_context(|| format!("cannot record into {}", options.out.display()))?;
        let log = LogWriter::new(recorder, channels)?.with_windows(Windows::new(&config.record));
        let (lanes, routes) = lanes::of_plan(config, &plan);
        Ok(Self {
            keyframes: Keyframes::new(&plan, &config.record.events, &log)?,
            descriptions: None,
            triggers: Triggers::new(&plan)?,
            knobs: Arc::default(),
            governor: Governing::new(&config.governor, &plan, channels, config.offload.is_some())?,
            ingress: Ingress::new(&plan, channels, log.clone(), first_ns),
            log,
            lanes,
            routes,
            stop: Arc::clone(&options.stop),
            status: options.status.clone(),
            notes: Mutex::new(options.notes.clone().into()),
            post_roll_ns: (config.record.windows.post_roll_s * 1e9) as u64,
            unlogged: AtomicU64::new(0),
            first_ns,
            told_stopped: AtomicBool::new(false),
            told_left_out: Mutex::default(),
            failed_sources: Mutex::default(),
            failed_lanes: Mutex::default(),
            plan,
        })
    }

    /// Notes a source that broke off.
    pub(crate) fn note_failure(&self, feed: &Feed) {
        if feed.failed() {
            let name = self.plan.sensor_name(feed.sensor()).to_owned();
            lock(&self.failed_sources).push(name);
        }
    }

    /// Notes a lane that broke off. Its sensors go on being recorded, and the other lanes go on.
    pub(super) fn note_lane_failure(&self, lane: &LaneHandle, why: &str) {
        lock(&self.failed_lanes).push(lane.name.clone());
        self.note_part_failure(
            &format!("lane {}", lane.name),
            &format!("broke off ({why}); its sensors are recorded and no longer perceived"),
        );
    }

    /// Notes a part of the run that the others go on without.
    pub(super) fn note_part_failure(&self, part: &str, what: &str) {
        tracing::error!("{part}: {what}");
        self.ingress.event(&Fault {
            kind: FaultKind::LaneFailed,
            sensor: None,
            at_ns: self.ingress.last_received_ns(),
            count: 1,
            detail: format!("{part}: {what}"),
        });
    }

    /// Logs the notes that recordings have reached.
    pub(super) fn note_until(&self, now_ns: u64) {
        let mut notes = lock(&self.notes);
        while notes.front().is_some_and(|note| note.at_ns <= now_ns)
            && let Some(note) = notes.pop_front()
        {
            self.ingress.note(note.at_ns, &note.text);
        }
    }

    /// The recordings are at their end: logs the notes that came shortly after, and tells how many there are beyond.
    pub(super) fn last_notes(&self) {
        let last_ns = self.ingress.last_received_ns();
        self.note_until(last_ns.saturating_add(self.post_roll_ns));
        let beyond = lock(&self.notes);
        if let Some(first) = beyond.front() {
            tracing::warn!(
                "{} notes are not in the log: they are later than the end of the recordings, the first by {:.1} s; at_ns is nanoseconds of log time",
                beyond.len(),
                first.at_ns.saturating_sub(last_ns) as f64 * 1e-9
            );
        }
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Takes a raw message in: logged and aligned at ingress, then queued for its lane. What the queue
    /// gives up for it, or cannot take because its lane broke off, is counted and logged.
    pub(super) fn deliver(&self, raw: &RawMessage) {
        let route = self.routes[usize::from(raw.sensor.0)];
        let lane = &self.lanes[route.lane];
        let order = lock(&lane.order);
        let segment = self.ingress.admit(raw);
        let mut dropped = None;
        let taken = lane.queue.put(
            route.source,
            |slot| {
                slot.raw.copy_from(raw);
                slot.segment = segment;
                slot.arrived = Instant::now();
            },
            |old| dropped = Some((old.raw.sensor, Cause::from(&old.raw))),
        );
        drop(order);
        if !taken {
            dropped = Some((raw.sensor, Cause::from(raw)));
        }
        if let Some((sensor, cause)) = dropped {
            self.count_drop(lane, sensor, cause);
        }
    }

    /// Counts and logs a message that its lane never took.
    pub(super) fn count_drop(&self, lane: &LaneHandle, sensor: SensorId, cause: Cause) {
        let so_far = lane.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        let drop = message::LaneDrop {
            lane: lane.name.clone(),
            sensor: u32::from(sensor.0),
            sequence: cause.sequence,
            dropped_so_far: so_far,
        };
        let log = &self.log;
        log.append_message(&mut log.batch(), Channel::DROP, cause, &drop);
    }

    /// Logs the health of the recorder and the lanes.
    pub(super) fn health(&self, at_ns: u64) {
        let status = self.log.recorder().status();
        let left_out = self.tell_left_out(at_ns);
        if let Some(reason) = &status.stopped
            && !self.told_stopped.swap(true, Ordering::Relaxed)
        {
            tracing::error!("{reason}; perception goes on without a log");
        }
        let ns = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let health = message::Health {
            at_ns,
            recorded_bytes: status.bytes,
            recorded_messages: status.messages,
            lost_messages: status.lost_messages,
            unflushed_ns: ns(status.oldest_unsynced),
            worst_sync_ns: ns(status.worst_sync),
            free_space_bytes: status.free_space_bytes,
            lanes: self
                .lanes
                .iter()
                .map(|lane| message::LaneHealth {
                    lane: lane.name.clone(),
                    queued: lane.queue.len() as u32,
                    steps: lane.steps.load(Ordering::Relaxed),
                    dropped: lane.dropped.load(Ordering::Relaxed),
                })
                .collect(),
            recording: status.stopped.is_none(),
            keyframe_parts_late: left_out.late,
            keyframe_apexes_refused: left_out.refused,
        };
        let log = &self.log;
        log.append_message(&mut log.batch(), Channel::HEALTH, Cause::at(at_ns), &health);
    }

    /// What the choice of keyframes could not take in so far; the first of either kind is a fault in the log.
    pub(super) fn tell_left_out(&self, at_ns: u64) -> LeftOut {
        let left_out = self.keyframes.as_ref().map(Keyframes::left_out);
        let left_out = left_out.unwrap_or_default();
        let mut told = lock(&self.told_left_out);
        let tell = |kind, count: u64, detail: &str| {
            self.ingress.event(&Fault {
                kind,
                sensor: None,
                at_ns,
                count,
                detail: detail.to_owned(),
            });
        };
        if left_out.late > 0 && told.late == 0 {
            tell(
                FaultKind::SensorLag,
                left_out.late,
                "pictures or scans come two seconds behind others and are left out of the choice of keyframes",
            );
        }
        if left_out.refused > 0 && told.refused == 0 {
            tell(
                FaultKind::Dropped,
                left_out.refused,
                "more moments stand out than may wait for the budget of keyframes; choose a shorter keyframes.budget.horizon_s",
            );
        }
        *told = left_out;
        left_out
    }

    /// A few words for the progress bar.
    pub(super) fn words(&self) -> String {
        let mut words = String::new();
        for lane in &self.lanes {
            let steps = lane.steps.load(Ordering::Relaxed);
            let dropped = lane.dropped.load(Ordering::Relaxed);
            words.push_str(&format!("{} {steps}", lane.name));
            if dropped > 0 {
                words.push_str(&format!(" (dropped {dropped})"));
            }
            words.push_str("  ");
        }
        words
    }
}
