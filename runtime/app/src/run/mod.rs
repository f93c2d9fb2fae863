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
mod lanes;
mod live;
mod log;
mod notes;
mod setup;
mod shared;
mod status;
#[cfg(test)]
mod tests;
mod threads;
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
use crate::describe::Describer;
use crate::feed::{self, Resolved};
use crate::networks::{self, Networks};
use crate::pipeline::channels::Channels;
use crate::plan::Mode;
use crate::report;
use crate::summary::Summary;
use anyhow::{Context, Result, bail};
use blocks::{Blocks, Left};
use describe::{Descriptions, Making};
use drafthorse_record::StopReason;
use drafthorse_record::storage::{Disk, FileSystem};
use governor::Governing;
use shared::Shared;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use threads::{Outcomes, drive};

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
    let blocks = describing
        .as_ref()
        .and_then(|(making, _)| making.blocks.as_ref());
    if let Some(why) = blocks.and_then(Blocks::fault) {
        shared.note_part_failure(
            "offload",
            &format!("{why}; the run goes on, and no draft of it is verified"),
        );
    }
    let progress = setup::Progress::new(options.progress, shared.plan.mode);
    let logics = lanes::logics(&shared, &channels, networks)?;
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
