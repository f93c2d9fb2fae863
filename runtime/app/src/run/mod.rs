//! The main job: sources, lanes and the recorder, from the first byte to the finished report.

mod allocations;
mod file;
mod ingress;
mod lane;
mod live;
mod log;
mod setup;

pub use allocations::radar_lane_allocations_per_scan;
pub use lane::LaneLogic;
pub use log::LogWriter;
pub use setup::{describe, run_name};

use crate::commands::Failed;
use crate::config::Config;
use crate::feed::{self, Feed, Resolved};
use crate::pipeline::camera::CameraLane;
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::queue::{LaneQueue, Policy};
use crate::pipeline::radar::RadarLane;
use crate::pipeline::staged::Cause;
use crate::plan::{Mode, Plan, RADAR_LANE};
use crate::report;
use crate::summary::{Latencies, Summary};
use anyhow::{Context, Result};
use drafthorse_core::RawMessage;
use drafthorse_record::messages::drafthorse as message;
use drafthorse_record::{Recorder, StopReason, WhenFull};
use ingress::Ingress;
use lane::{LaneOutcome, LaneThread, Queued};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What a run is told beside its configuration.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Folder of the log and the report; created when absent.
    pub out: PathBuf,
    /// Show progress on the terminal.
    pub progress: bool,
    /// Write `report.html`.
    pub report: bool,
    /// Set from outside to finish early, keeping what was recorded.
    pub stop: Arc<AtomicBool>,
}

/// A lane's queue and its place in the sensors' routing.
pub(crate) struct LaneHandle {
    pub(crate) name: String,
    pub(crate) queue: LaneQueue<Queued>,
    pub(crate) dropped: AtomicU64,
    pub(crate) steps: AtomicU64,
}

/// Everything the threads of a run share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) log: LogWriter,
    pub(crate) ingress: Ingress,
    pub(crate) lanes: Vec<LaneHandle>,
    /// Lane index by sensor index.
    pub(crate) routes: Vec<usize>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Messages that lanes did not append because the log had lost what they follow from.
    pub(crate) unlogged: AtomicU64,
    /// Stamp of the run's beginning, ns.
    pub(crate) first_ns: u64,
    /// The end of recording was told.
    told_stopped: AtomicBool,
    /// Sensors whose source broke off with an error.
    pub(crate) failed: Mutex<Vec<String>>,
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
        let recorder = Recorder::create(settings)
            .with_context(|| format!("cannot record into {}", options.out.display()))?;
        let log = LogWriter::new(recorder, channels)?;
        let (lanes, routes) = lanes(config, &plan);
        Ok(Self {
            ingress: Ingress::new(&plan, channels, log.clone(), first_ns),
            log,
            lanes,
            routes,
            stop: Arc::clone(&options.stop),
            unlogged: AtomicU64::new(0),
            first_ns,
            told_stopped: AtomicBool::new(false),
            failed: Mutex::default(),
            plan,
        })
    }

    /// Notes a source that broke off.
    pub(crate) fn note_failure(&self, feed: &Feed) {
        if feed.failed() {
            let name = self.plan.sensor_name(feed.sensor()).to_owned();
            self.failed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(name);
        }
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Runs a configuration to its end, or until told to stop.
///
/// # Errors
/// Sources that cannot be opened, an output folder that cannot be written. What goes wrong later
/// in one sensor is a fault in the log and does not end the run.
pub fn run(config: &Config, options: &RunOptions) -> Result<Summary> {
    config.check()?;
    let resolved = feed::resolve(config)?;
    run_resolved(config, resolved, options).map_err(|error| Failed(format!("{error:#}")).into())
}

fn run_resolved(config: &Config, resolved: Resolved, options: &RunOptions) -> Result<Summary> {
    let began = Instant::now();
    let Resolved { plan, feeds } = resolved;
    let channels = Channels::new(&plan);
    let name = setup::run_name(&options.out, &config.name)?;
    let first_ns = feed::first_stamp(&feeds);
    let shared = Shared::new(config, plan, &channels, options, &name, first_ns)?;
    setup::describe(&shared.plan, &channels, &shared.log, first_ns)?;
    setup::begin(&shared.log, first_ns);
    let progress = setup::Progress::new(options.progress, shared.plan.mode);
    let outcomes = drive(&shared, &channels, feeds, &progress)?;
    progress.finish();

    let mut summary = summarise(&shared, outcomes);
    let finished = shared
        .log
        .recorder()
        .finish()
        .context("the log could not be finished")?;
    summary.messages = finished.messages;
    summary.bytes = finished.bytes;
    summary.log = finished.files.first().cloned();
    summary.logs = finished.files;
    if options.report && !summary.logs.is_empty() {
        let path = options.out.join("report.html");
        match report::write_for_logs(&summary.logs, &path) {
            Ok(()) => summary.report = Some(path),
            // The log is what matters, and it is finished: its summary is told all the same.
            Err(error) => tracing::error!("the report could not be written: {error:#}"),
        }
    }
    summary.elapsed_s = began.elapsed().as_secs_f64();
    Ok(summary)
}

/// One lane for all radars (where there are any) and one for each camera.
fn lanes(config: &Config, plan: &Plan) -> (Vec<LaneHandle>, Vec<usize>) {
    let policy = match plan.mode {
        Mode::File => Policy::NeverDrop,
        Mode::Live => Policy::KeepLatest,
    };
    let mut lanes: Vec<LaneHandle> = Vec::new();
    let mut routes = Vec::new();
    for (id, sensor) in plan.sensors() {
        let name = plan.lane_of(id);
        let index = lanes
            .iter()
            .position(|lane| lane.name == name)
            .unwrap_or(lanes.len());
        if index == lanes.len() {
            let capacity = if sensor.format.is_camera() {
                config.lanes.camera_queue
            } else {
                config.lanes.radar_queue
            };
            lanes.push(LaneHandle {
                name,
                queue: LaneQueue::new(capacity, policy, || Queued::empty(id, sensor.format)),
                dropped: AtomicU64::new(0),
                steps: AtomicU64::new(0),
            });
        }
        routes.push(index);
    }
    (lanes, routes)
}

/// A lane's logic, by the sensors it serves.
fn logic(shared: &Shared, channels: &Channels, lane: &str) -> Result<Box<dyn LaneLogic>> {
    if lane == RADAR_LANE {
        return Ok(Box::new(RadarLane::new(&shared.plan, channels)?));
    }
    let (id, _) = shared
        .plan
        .sensors()
        .find(|(_, sensor)| sensor.name == lane)
        .with_context(|| format!("no camera is named {lane}"))?;
    let camera = channels
        .sensor(id)
        .camera
        .with_context(|| format!("{lane} is not a camera"))?;
    Ok(Box::new(CameraLane::new(&shared.plan, id, camera)?))
}

/// Starts all threads and waits for them.
fn drive(
    shared: &Shared,
    channels: &Channels,
    feeds: Vec<Feed>,
    progress: &setup::Progress,
) -> Result<Vec<LaneOutcome>> {
    let logics: Vec<_> = shared
        .lanes
        .iter()
        .map(|lane| logic(shared, channels, &lane.name))
        .collect::<Result<_>>()?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = shared
            .lanes
            .iter()
            .zip(logics)
            .map(|(handle, logic)| {
                std::thread::Builder::new()
                    .name(handle.name.clone())
                    .spawn_scoped(scope, move || LaneThread::new(shared, handle, logic).run())
            })
            .collect();
        match shared.plan.mode {
            Mode::File => file::feed_all(shared, feeds, progress),
            Mode::Live => live::feed_all(shared, feeds, progress),
        }
        for lane in &shared.lanes {
            lane.queue.close();
        }
        let mut outcomes = Vec::new();
        for thread in threads {
            let thread = thread.context("a lane's thread could not be started")?;
            match thread.join() {
                Ok(outcome) => outcomes.push(outcome),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        shared.ingress.finish();
        Ok(outcomes)
    })
}

fn summarise(shared: &Shared, outcomes: Vec<LaneOutcome>) -> Summary {
    let mut summary = Summary::default();
    let mut latencies = Latencies::default();
    for outcome in outcomes {
        latencies.merge(outcome.latencies);
        outcome.logic.summarise(&mut summary);
    }
    shared.ingress.summarise(&mut summary);
    for lane in &shared.lanes {
        let dropped = lane.dropped.load(Ordering::Relaxed);
        summary.drops_by_lane.insert(lane.name.clone(), dropped);
    }
    let status = shared.log.recorder().status();
    let unlogged = shared.unlogged.load(Ordering::Relaxed);
    summary
        .drops_by_lane
        .insert("record".to_owned(), status.lost_messages + unlogged);
    summary.failed_sources = shared
        .failed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    summary.drops = summary.drops_by_lane.values().sum();
    summary.faults = summary.faults_by_kind.values().sum();
    if matches!(status.stopped, Some(StopReason::WriteFailed(_))) {
        summary.recording_failed = status.stopped.as_ref().map(ToString::to_string);
    }
    summary.recording_stopped = status.stopped.map(|reason| reason.to_string());
    summary.latency_ms = latencies.percentiles_ms();
    summary
}

/// Takes a raw message in: logged and aligned at ingress, then queued for its lane. What the queue
/// gives up for it is counted and logged.
fn deliver(shared: &Shared, raw: &RawMessage) {
    let segment = shared.ingress.admit(raw);
    let lane = &shared.lanes[shared.routes[usize::from(raw.sensor.0)]];
    let mut dropped = None;
    lane.queue.put(
        |slot| {
            slot.raw.copy_from(raw);
            slot.segment = segment;
            slot.arrived = Instant::now();
        },
        |waiting| waiting.raw.sensor == raw.sensor,
        |old| dropped = Some((old.raw.sensor, Cause::from(&old.raw))),
    );
    if let Some((sensor, cause)) = dropped {
        let so_far = lane.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        let drop = message::LaneDrop {
            lane: lane.name.clone(),
            sensor: u32::from(sensor.0),
            sequence: cause.sequence,
            dropped_so_far: so_far,
        };
        let log = &shared.log;
        log.append_message(&mut log.batch(), Channel::DROP, cause, &drop);
    }
}

impl Shared {
    /// Logs the health of the recorder and the lanes.
    fn health(&self, at_ns: u64) {
        let status = self.log.recorder().status();
        if let Some(reason) = &status.stopped
            && !self.told_stopped.swap(true, Ordering::Relaxed)
        {
            tracing::error!("{reason}; perception goes on without a log");
        }
        let health = message::Health {
            at_ns,
            recorded_bytes: status.bytes,
            recorded_messages: status.messages,
            lost_messages: status.lost_messages,
            unflushed_ns: u64::try_from(status.oldest_unsynced.as_nanos()).unwrap_or(u64::MAX),
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
        };
        let log = &self.log;
        log.append_message(&mut log.batch(), Channel::HEALTH, Cause::at(at_ns), &health);
    }

    /// A few words for the progress bar.
    fn words(&self) -> String {
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
