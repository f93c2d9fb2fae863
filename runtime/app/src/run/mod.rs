//! The main job: sources, lanes and the recorder, from the first byte to the finished report.

mod allocations;
mod blocks;
mod describe;
mod file;
mod governor;
mod ingress;
mod keyframes;
mod knobs;
mod lane;
mod live;
mod log;
mod notes;
mod setup;
mod status;
#[cfg(test)]
mod tests;
mod told;
mod triggers;
mod windows;

pub use allocations::radar_lane_allocations_per_scan;
pub use lane::LaneLogic;
pub use log::LogWriter;
pub use notes::{TimedNote, read_notes, send_note};
pub use setup::{describe, run_name};
pub use windows::Reason;

use crate::commands::Failed;
use crate::config::Config;
use crate::describe::{Describer, View};
use crate::feed::{self, Feed, Resolved};
use crate::guard;
use crate::networks::{self, Networks};
use crate::pipeline::camera::CameraLane;
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::keyframes::LeftOut;
use crate::pipeline::queue::{LaneQueue, Policy, Taken};
use crate::pipeline::radar::RadarLane;
use crate::pipeline::staged::Cause;
use crate::plan::{Mode, Plan, RADAR_LANE};
use crate::report;
use crate::summary::{Latencies, Summary};
use anyhow::{Context, Result, bail};
use blocks::{Blocks, Left};
use describe::{Descriptions, Making};
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_record::messages::drafthorse as message;
use drafthorse_record::storage::{Disk, FileSystem};
use drafthorse_record::{Recorder, StopReason, WhenFull};
use governor::Governing;
use ingress::Ingress;
use keyframes::Keyframes;
use knobs::Knobs;
use lane::{LaneOutcome, LaneThread, Queued};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use triggers::Triggers;
use windows::Windows;

/// What a run is told beside its configuration.
#[derive(Clone)]
pub struct RunOptions {
    /// Folder of the log and the report; created when absent.
    pub out: PathBuf,
    /// Show progress on the terminal.
    pub progress: bool,
    /// Write `report.html`.
    pub report: bool,
    /// Set from outside to finish early, keeping what was recorded.
    pub stop: Arc<AtomicBool>,
    /// Notes for a run over recordings, in order of time.
    pub notes: Vec<TimedNote>,
    /// Where a live run writes its state each second.
    pub status: Option<PathBuf>,
    /// What `out` lies on: the file system, or a stand-in that misbehaves for a test.
    pub disk: Arc<dyn Disk>,
}

impl RunOptions {
    /// A run into the folder `out`, without progress and report.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            out: out.into(),
            progress: false,
            report: false,
            stop: Arc::default(),
            notes: Vec::new(),
            status: None,
            disk: Arc::new(FileSystem),
        }
    }
}

/// What the outside knows of a lane.
pub(crate) struct LaneHandle {
    pub(crate) name: String,
    pub(crate) queue: LaneQueue<Queued>,
    /// Held while a message is logged and queued: the lane takes its messages in the log's order.
    order: Mutex<()>,
    pub(crate) dropped: AtomicU64,
    pub(crate) steps: AtomicU64,
    /// Time from receipt to results after which a step is late.
    pub(crate) deadline: Duration,
    pub(crate) late: AtomicU64,
}

/// Where a sensor's messages go.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    lane: usize,
    /// The sensor's number in the lane's queue.
    source: usize,
}

/// Everything the threads of a run share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) log: LogWriter,
    pub(crate) ingress: Ingress,
    /// None where no keyframes are chosen.
    pub(crate) keyframes: Option<Keyframes>,
    /// None where keyframes are not described.
    pub(crate) descriptions: Option<Descriptions>,
    triggers: Triggers,
    /// What the governor has given up.
    pub(crate) knobs: Arc<Knobs>,
    /// None in a run without one.
    governor: Option<Governing>,
    pub(crate) lanes: Vec<LaneHandle>,
    /// By sensor index.
    pub(crate) routes: Vec<Route>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Where the state of a live run is written each second.
    status: Option<PathBuf>,
    /// Notes that the recordings have not reached yet.
    notes: Mutex<VecDeque<TimedNote>>,
    /// A note so long after the last message still keeps a window that has messages, ns.
    post_roll_ns: u64,
    /// Messages that lanes did not append because the log had lost what they follow from.
    pub(crate) unlogged: AtomicU64,
    /// Stamp of the run's beginning, ns.
    pub(crate) first_ns: u64,
    /// The end of recording was told.
    told_stopped: AtomicBool,
    /// What was told of what the choice of keyframes left out.
    told_left_out: Mutex<LeftOut>,
    /// Sensors whose source broke off with an error.
    failed_sources: Mutex<Vec<String>>,
    /// Lanes that broke off.
    failed_lanes: Mutex<Vec<String>>,
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
        let (lanes, routes) = lanes(config, &plan);
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
    fn note_lane_failure(&self, lane: &LaneHandle, why: &str) {
        tracing::error!("lane {} broke off: {why}", lane.name);
        lock(&self.failed_lanes).push(lane.name.clone());
        self.ingress.event(&Fault {
            kind: FaultKind::LaneFailed,
            sensor: None,
            at_ns: self.ingress.last_received_ns(),
            count: 1,
            detail: format!(
                "lane {} broke off ({why}); its sensors are recorded and no longer perceived",
                lane.name
            ),
        });
    }

    /// Logs the notes that recordings have reached.
    fn note_until(&self, now_ns: u64) {
        let mut notes = lock(&self.notes);
        while notes.front().is_some_and(|note| note.at_ns <= now_ns)
            && let Some(note) = notes.pop_front()
        {
            self.ingress.note(note.at_ns, &note.text);
        }
    }

    /// The recordings are at their end: logs the notes that came shortly after, and tells how many there are beyond.
    fn last_notes(&self) {
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
}

/// Runs a configuration to its end, or until told to stop.
///
/// # Errors
/// Sources that cannot be opened, an output folder that cannot be written. What goes wrong later
/// in one sensor is a fault in the log and does not end the run.
pub fn run(config: &Config, options: &RunOptions) -> Result<Summary> {
    config.check()?;
    // Engines are tried before any source is opened: a live one would not wait.
    let plans = networks::plans(config)?;
    let say = setup::Spinner::new(options.progress);
    let networks = Networks::choose(&plans, &config.engine, None, |what| say.show(what))?;
    if let Some(vision) = &config.vision {
        say.show(format!("loading {}", vision.model.display()));
    }
    let describer = describe::open(config)?;
    drop(say);
    let mut resolved = feed::resolve(config)?;
    resolved.plan.networks = plans;
    networks::check_sensors(&resolved.plan.networks, &resolved.plan.sensors)?;
    if !options.notes.is_empty() && resolved.plan.mode == Mode::Live {
        bail!("notes with times are for recordings; a live run takes them by `drafthorse note`");
    }
    let name = setup::run_name(&options.out, &config.name)?;
    run_resolved(config, resolved, &networks, describer, options, &name)
        .map_err(|error| Failed(format!("{error:#}")).into())
}

fn run_resolved(
    config: &Config,
    resolved: Resolved,
    networks: &Networks,
    describer: Option<Describer>,
    options: &RunOptions,
    name: &str,
) -> Result<Summary> {
    let began = Instant::now();
    let Resolved { plan, feeds } = resolved;
    let channels = Channels::new(&plan);
    let first_ns = feed::first_stamp(&feeds);
    let mut shared = Shared::new(config, plan, &channels, options, name, first_ns)?;
    let describing = match describer {
        None => None,
        Some(mut describer) => {
            let blocks = match describer.drafts() {
                true => {
                    let target = describer.target_shape()?;
                    let mode = shared.plan.mode;
                    let offload = config.offload.as_ref();
                    Some(Blocks::open(&config.router, offload, target, name, mode)?)
                }
                false => None,
            };
            let (descriptions, views) = Descriptions::new(
                &shared.plan,
                &channels,
                describer.settings(),
                Arc::clone(&shared.knobs),
            );
            shared.descriptions = Some(descriptions);
            Some((Making { describer, blocks }, views))
        }
    };
    let policy = config.record.policy;
    setup::describe(&shared.plan, policy, &channels, &shared.log, first_ns)?;
    setup::begin(&shared.log, first_ns);
    let progress = setup::Progress::new(options.progress, shared.plan.mode);
    let logics = logics(&shared, &channels, networks)?;
    let outcomes = notes::take_while(&shared, &options.out, || {
        drive(&shared, logics, describing, feeds, &progress)
    })?;
    progress.finish();

    let (mut summary, left) = summarise(&shared, outcomes);
    let finished = shared
        .log
        .recorder()
        .finish()
        .context("the log could not be finished")?;
    if let Some(left) = left.filter(|_| finished.stopped.is_none()) {
        left.logged();
    }
    summary.messages = finished.messages;
    summary.bytes = finished.bytes;
    summary.log = finished.files.first().cloned();
    summary.logs = finished.files;
    summary.kept_windows = shared.log.kept_windows();
    summary.dropped_by_policy = finished.dropped;
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

/// Holds a lock whose holder cannot leave anything half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One lane for all radars (where there are any) and one for each camera.
fn lanes(config: &Config, plan: &Plan) -> (Vec<LaneHandle>, Vec<Route>) {
    let policy = match plan.mode {
        Mode::File => Policy::NeverDrop,
        Mode::Live => Policy::KeepLatest,
    };
    let mut served: Vec<(String, Vec<SensorId>)> = Vec::new();
    let mut routes = Vec::new();
    for (id, _) in plan.sensors() {
        let name = plan.lane_of(id);
        let lane = served
            .iter()
            .position(|lane| lane.0 == name)
            .unwrap_or(served.len());
        if lane == served.len() {
            served.push((name, Vec::new()));
        }
        let sensors = &mut served[lane].1;
        let source = sensors.len();
        sensors.push(id);
        routes.push(Route { lane, source });
    }
    let lanes = served.into_iter().map(|(name, sensors)| {
        let format = |source: usize| plan.sensors[usize::from(sensors[source].0)].format;
        let shares: Vec<_> = (0..sensors.len())
            .map(|source| match format(source) {
                // Small and many.
                RawFormat::CanFrame | RawFormat::Sync => config.lanes.can_queue,
                camera if camera.is_camera() => config.lanes.camera_queue,
                _ => config.lanes.radar_queue,
            })
            .collect();
        let slot = |source| Queued::empty(sensors[source], format(source));
        let deadline_ms = match name == RADAR_LANE {
            true => config.lanes.radar_deadline_ms,
            false => config.lanes.camera_deadline_ms,
        };
        let deadline = Duration::from_secs_f64(1e-3 * deadline_ms);
        LaneHandle {
            name,
            queue: LaneQueue::new(&shares, policy, slot),
            order: Mutex::new(()),
            dropped: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            deadline,
            late: AtomicU64::new(0),
        }
    });
    (lanes.collect(), routes)
}

/// A lane's logic, by the sensors it serves.
fn logic(
    shared: &Shared,
    channels: &Channels,
    networks: &Networks,
    lane: &str,
) -> Result<Box<dyn LaneLogic>> {
    if lane == RADAR_LANE {
        let radars = networks.of_radars(&shared.plan, channels)?;
        return Ok(Box::new(RadarLane::new(&shared.plan, channels, radars)?));
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
    let stages = networks.of_camera(&shared.plan, channels, id)?;
    Ok(Box::new(CameraLane::new(&shared.plan, id, camera, stages)?))
}

/// The logic of all lanes, in their order.
fn logics(
    shared: &Shared,
    channels: &Channels,
    networks: &Networks,
) -> Result<Vec<Box<dyn LaneLogic>>> {
    let lanes = shared.lanes.iter();
    lanes
        .map(|lane| logic(shared, channels, networks, &lane.name))
        .collect()
}

/// Starts all threads and waits for them.
fn drive(
    shared: &Shared,
    logics: Vec<Box<dyn LaneLogic>>,
    describing: Option<(Making, Receiver<Vec<View>>)>,
    feeds: Vec<Feed>,
    progress: &setup::Progress,
) -> Result<Outcomes> {
    std::thread::scope(|scope| {
        let close = || shared.lanes.iter().for_each(|lane| lane.queue.close());
        let started: std::io::Result<Vec<_>> = shared
            .lanes
            .iter()
            .zip(logics)
            .map(|(handle, logic)| {
                std::thread::Builder::new()
                    .name(handle.name.clone())
                    .spawn_scoped(scope, move || run_lane(shared, handle, logic))
            })
            .collect();
        let describer = describing.map(|(making, views)| {
            std::thread::Builder::new()
                .name("vision".to_owned())
                .spawn_scoped(scope, move || run_describer(shared, making, &views))
        });
        let close_descriptions = || shared.descriptions.iter().for_each(Descriptions::close);
        let (Ok(threads), Ok(describer)) = (started, describer.transpose()) else {
            close();
            close_descriptions();
            bail!("a thread could not be started; the system has no room for more threads");
        };
        let fed = guard::catch(|| match shared.plan.mode {
            Mode::File => file::feed_all(shared, feeds, progress),
            Mode::Live => live::feed_all(shared, feeds, progress),
        });
        // Whatever came of it: the lanes wait until their queues are closed.
        close();
        let ended = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        // A lane that breaks off is caught inside its thread.
        let lanes = ended.filter_map(|ended| ended.ok().flatten()).collect();
        if let Some(keyframes) = &shared.keyframes {
            let staged = keyframes.finish(shared.ingress.last_received_ns());
            if let Some(descriptions) = &shared.descriptions {
                descriptions.follow(&staged);
            }
        }
        close_descriptions();
        shared.tell_left_out(shared.ingress.last_received_ns());
        let described = describer.and_then(|thread| thread.join().ok());
        shared.ingress.finish();
        if let Err(why) = fed {
            return Err(Failed(format!(
                "the run broke off ({why}), which is a fault of this program; the log up to there is whole"
            ))
            .into());
        }
        let (describing, blocks) = described.unwrap_or_default();
        Ok(Outcomes {
            lanes,
            describing,
            blocks,
        })
    })
}

/// What the threads of a run leave behind.
struct Outcomes {
    lanes: Vec<LaneOutcome>,
    /// How long descriptions took.
    describing: Latencies,
    /// What is left of drafted blocks.
    blocks: Option<Left>,
}

/// Describes keyframes until there are no more. A fault of the program in it ends the descriptions alone.
fn run_describer(
    shared: &Shared,
    making: Making,
    views: &Receiver<Vec<View>>,
) -> (Latencies, Option<Left>) {
    let Some(descriptions) = &shared.descriptions else {
        return Default::default();
    };
    let make = || descriptions.make(making, views, &shared.log, &shared.ingress);
    guard::catch(make).unwrap_or_else(|why| {
        tracing::error!("the description of keyframes broke off: {why}");
        descriptions.close();
        shared.ingress.event(&Fault {
            kind: FaultKind::LaneFailed,
            sensor: None,
            at_ns: shared.ingress.last_received_ns(),
            count: 1,
            detail: format!("the description of keyframes broke off ({why})"),
        });
        Default::default()
    })
}

/// A lane from its first message to its last; none where it broke off.
fn run_lane(
    shared: &Shared,
    handle: &LaneHandle,
    logic: Box<dyn LaneLogic>,
) -> Option<LaneOutcome> {
    let lane = || LaneThread::new(shared, handle, logic).run();
    match guard::catch(lane) {
        Ok(outcome) => Some(outcome),
        Err(why) => {
            shared.note_lane_failure(handle, &why);
            let mut held = None;
            while handle.queue.take(&mut held, Duration::ZERO) == Taken::Item {
                if let Some(slot) = &held {
                    let raw = &slot.item.raw;
                    shared.count_drop(handle, raw.sensor, Cause::from(raw));
                }
            }
            None
        }
    }
}

fn summarise(shared: &Shared, outcomes: Outcomes) -> (Summary, Option<Left>) {
    let mut summary = Summary::default();
    let mut latencies = outcomes.describing;
    for outcome in outcomes.lanes {
        latencies.merge(outcome.latencies);
        outcome.logic.summarise(&mut summary);
    }
    if let Some(left) = &outcomes.blocks {
        summary.blocks = left.summary.clone();
    }
    shared.ingress.summarise(&mut summary);
    if let Some(keyframes) = &shared.keyframes {
        summary.keyframes = keyframes.kept();
        summary.set_left_out(keyframes.left_out());
    }
    if let Some(descriptions) = &shared.descriptions {
        let (made, dropped) = descriptions.counts();
        summary.descriptions = made;
        summary.drops_by_lane.insert("vision".to_owned(), dropped);
        summary.add_spared("vision", descriptions.spared());
    }
    summary.governor = shared.governor.as_ref().map(Governing::summary);
    for lane in &shared.lanes {
        let dropped = lane.dropped.load(Ordering::Relaxed);
        summary.drops_by_lane.insert(lane.name.clone(), dropped);
    }
    let status = shared.log.recorder().status();
    let unlogged = shared.unlogged.load(Ordering::Relaxed);
    summary
        .drops_by_lane
        .insert("record".to_owned(), status.lost_messages + unlogged);
    summary
        .failed_sources
        .clone_from(&lock(&shared.failed_sources));
    summary.failed_lanes.clone_from(&lock(&shared.failed_lanes));
    summary.drops = summary.drops_by_lane.values().sum();
    summary.faults = summary.faults_by_kind.values().sum();
    if matches!(status.stopped, Some(StopReason::WriteFailed(_))) {
        summary.recording_failed = status.stopped.as_ref().map(ToString::to_string);
    }
    summary.recording_stopped = status.stopped.map(|reason| reason.to_string());
    summary.latency_ms = latencies.percentiles_ms();
    (summary, outcomes.blocks)
}

/// Takes a raw message in: logged and aligned at ingress, then queued for its lane. What the queue
/// gives up for it, or cannot take because its lane broke off, is counted and logged.
fn deliver(shared: &Shared, raw: &RawMessage) {
    let route = shared.routes[usize::from(raw.sensor.0)];
    let lane = &shared.lanes[route.lane];
    let order = lock(&lane.order);
    let segment = shared.ingress.admit(raw);
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
        shared.count_drop(lane, sensor, cause);
    }
}

impl Shared {
    /// Counts and logs a message that its lane never took.
    fn count_drop(&self, lane: &LaneHandle, sensor: SensorId, cause: Cause) {
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
    fn health(&self, at_ns: u64) {
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
    fn tell_left_out(&self, at_ns: u64) -> LeftOut {
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
