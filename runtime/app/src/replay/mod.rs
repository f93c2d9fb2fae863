//! Replay: the same pure steps over a recorded log, in the log's own order, compared byte for byte
//! with what the log holds, or written anew.

mod answered;
mod compare;
mod machine;

pub use compare::{Comparison, Mismatch};

use crate::feed;
use crate::networks::{Answered, Networks};
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::staged::{Cause, Staged};
use crate::plan::Plan;
use crate::record_policy::RecordPolicy;
use crate::report;
use crate::run::{LogWriter, describe, run_name};
use crate::summary::Summary;
use answered::answered;
use anyhow::{Context, Result, bail};
use compare::Expected;
use drafthorse_engine_auto::EngineConfig;
use drafthorse_record::messages::{ROLE_KEY, Role, drafthorse};
use drafthorse_record::{LogMessage, LogReader, Recorder, WhenFull};
use indicatif::ProgressBar;
use machine::Machine;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What replay is told.
#[derive(Clone, Debug, Default)]
pub struct ReplayOptions {
    /// Compare each derived message with the log's.
    pub check: bool,
    /// Write a new log and report into this folder.
    pub out: Option<PathBuf>,
    /// Ask engines again for the networks' answers, and compare them with the log's: how engines are
    /// opened, and the folder that holds the models, where they are not where the run found them.
    pub networks: Option<AskAgain>,
    /// Show progress on the terminal.
    pub progress: bool,
}

/// See [`ReplayOptions::networks`].
#[derive(Clone, Debug, Default)]
pub struct AskAgain {
    /// How engines are opened.
    pub engine: EngineConfig,
    /// Folder of models, each in a folder of its name.
    pub models: Option<PathBuf>,
}

/// What replay found.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayOutcome {
    /// Of the recomputed run.
    #[serde(flatten)]
    pub summary: Summary,
    /// Present with `--check`.
    pub check: Option<Comparison>,
    /// What is missing from the log, in words.
    pub damage: Option<String>,
}

/// Recomputes a log's derived messages from its raw ones and its recorded decisions.
///
/// # Errors
/// A log that cannot be read or was not recorded by Drafthorse.
pub fn replay(log: &Path, options: &ReplayOptions) -> Result<ReplayOutcome> {
    let began = Instant::now();
    let plan = read_plan(log)?;
    if let Some(out) = &options.out {
        refuse_own_folder(log, out)?;
    }
    let channels = Channels::new(&plan);
    let networks = match &options.networks {
        Some(again) => again.choose(&plan, answered(log, &plan, &channels)?)?,
        None => Networks::Recorded,
    };
    let mut machine = Machine::new(&plan, &channels, &networks)?;
    let writer = match &options.out {
        Some(out) => Some(writer(&plan, &channels, out, log)?),
        None => None,
    };
    let mut expected = Expected::new(&channels);
    let mut reader =
        LogReader::open(log).with_context(|| format!("cannot read {}", log.display()))?;
    let bar = if options.progress {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    let mut staged = Staged::default();
    let mut messages = 0u64;
    while let Some(message) = reader
        .next()
        .with_context(|| format!("cannot read {}", log.display()))?
    {
        messages += 1;
        if messages.is_multiple_of(256) {
            bar.set_message(format!("replaying, {messages} messages"));
            bar.tick();
        }
        if message.after_gap {
            machine.forget();
            expected.forget();
            if let Some(writer) = &writer {
                mark_gap(writer, message.log_time_ns);
            }
        }
        let role = message
            .channel
            .metadata
            .get(ROLE_KEY)
            .and_then(|name| Role::from_name(name));
        let Some(channel) = channels.by_topic(&message.channel.topic) else {
            continue;
        };
        match role {
            Some(Role::Raw | Role::Input) => {
                staged.clear();
                machine.feed(channel, &message, &mut staged)?;
                if options.check {
                    expected.push(&staged);
                }
                if let Some(writer) = &writer {
                    let mut batch = writer.batch();
                    batch.append(
                        writer.id(channel),
                        message.sequence,
                        message.log_time_ns,
                        message.publish_time_ns,
                        message.data,
                    );
                    writer.append_staged(&mut batch, &staged);
                }
            }
            Some(Role::Derived) if channel == Channel::CHECKPOINT => {
                machine.checkpoint(&message, &mut expected)?;
                if let Some(writer) = &writer {
                    copy(writer, channel, &message);
                }
            }
            Some(Role::Derived) if options.check => {
                expected.compare(channel, &message, &machine);
            }
            Some(Role::Truth | Role::Measured) => {
                if let Some(writer) = &writer {
                    copy(writer, channel, &message);
                }
            }
            _ => {}
        }
    }
    bar.finish_and_clear();
    let (damage, is_cut) = (reader.damage().map(ToString::to_string), reader.is_at_gap());
    let mut summary = machine.summary();
    if let (Some(writer), Some(out)) = (&writer, &options.out) {
        let finished = writer
            .recorder()
            .finish()
            .context("the new log could not be finished")?;
        summary.messages = finished.messages;
        summary.bytes = finished.bytes;
        summary.log = finished.files.first().cloned();
        summary.logs = finished.files;
        let page = out.join("report.html");
        report::write_for_logs(&summary.logs, &page)?;
        summary.report = Some(page);
    } else {
        summary.messages = messages;
    }
    summary.elapsed_s = began.elapsed().as_secs_f64();
    Ok(ReplayOutcome {
        summary,
        check: options.check.then(|| expected.finish(is_cut)),
        damage,
    })
}

impl AskAgain {
    fn choose(&self, plan: &Plan, answered: Answered) -> Result<Networks> {
        if plan.networks.is_empty() {
            bail!("the log's plan names no network, so there is none to ask again");
        }
        let mut plans = plan.networks.clone();
        for network in &mut plans {
            if let Some(models) = &self.models {
                network.folder = models.join(network.name());
            }
            if !network.folder.join("model.toml").is_file() {
                bail!(
                    "the model {} is not in {}; name the folder that holds it with --models",
                    network.name(),
                    network.folder.display()
                );
            }
        }
        Networks::choose(&plans, &self.engine, Some(answered), |_| {})
    }
}

fn copy(writer: &LogWriter, channel: Channel, message: &LogMessage<'_>) {
    writer.batch().append(
        writer.id(channel),
        message.sequence,
        message.log_time_ns,
        message.publish_time_ns,
        message.data,
    );
}

/// Says in the new log that the old one lacks messages here.
fn mark_gap(writer: &LogWriter, at_ns: u64) {
    let gap = drafthorse::LaneStep {
        gap: true,
        ..Default::default()
    };
    writer.append_message(&mut writer.batch(), Channel::STEP, Cause::at(at_ns), &gap);
}

/// The plan in the log's metadata, which stands before its first message.
pub fn read_plan(log: &Path) -> Result<Plan> {
    let mut reader =
        LogReader::open(log).with_context(|| format!("cannot read {}", log.display()))?;
    reader
        .next()
        .with_context(|| format!("cannot read {}", log.display()))?;
    match feed::plan(reader.metadata()) {
        Some(plan) => Ok(plan),
        None if reader.damage().is_some_and(|damage| damage.messages_lost) => bail!(
            "nothing can be replayed: {}",
            reader.damage().map(ToString::to_string).unwrap_or_default()
        ),
        None => bail!(
            "{} is not a log of Drafthorse (it has no {} metadata); read it as a source instead: drafthorse run --source mcap:{}",
            log.display(),
            crate::plan::RUN_METADATA,
            log.display()
        ),
    }
}

/// Two logs in one folder would have to be named apart from then on.
fn refuse_own_folder(log: &Path, out: &Path) -> Result<()> {
    let folder = if log.is_dir() {
        Some(log)
    } else {
        log.parent()
    };
    let folder = folder.and_then(|folder| folder.join(".").canonicalize().ok());
    if folder.is_some() && folder == out.canonicalize().ok() {
        bail!(
            "{} holds the log that is replayed; name another folder with --out",
            out.display()
        );
    }
    Ok(())
}

fn writer(plan: &Plan, channels: &Channels, out: &Path, log: &Path) -> Result<LogWriter> {
    let name = run_name(out, &format!("{}-replay", plan.name))?;
    let mut config =
        crate::config::RecordSettings::default().to_record_config(out, &name, WhenFull::Block);
    config.rotate_bytes = None;
    let recorder = Recorder::create(config)
        .with_context(|| format!("cannot record into {}", out.display()))?;
    let writer = LogWriter::new(recorder, channels)?;
    let first_ns = first_log_time(log)?;
    describe(plan, RecordPolicy::All, channels, &writer, first_ns)?;
    Ok(writer)
}

fn first_log_time(log: &Path) -> Result<u64> {
    let mut reader = LogReader::open(log)?;
    Ok(reader.next()?.map_or(0, |m| m.log_time_ns))
}
