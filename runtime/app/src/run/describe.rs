//! Descriptions of keyframes while a run goes on, on a thread of their own: a model takes a second where a
//! lane has a tenth.

use super::blocks::{Blocks, Left, append};
use super::ingress::Ingress;
use super::knobs::{Knobs, Share};
use super::lock;
use super::log::LogWriter;
use crate::config::Config;
use crate::describe::{Describer, View, VisionSettings, Watch};
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::staged::Staged;
use crate::plan::{Mode, Plan};
use crate::summary::Latencies;
use anyhow::{Context, Result};
use drafthorse_core::{Fault, FaultKind};
use drafthorse_engine_auto::Engines;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often verdicts are looked for while no keyframe comes.
const POLL: Duration = Duration::from_millis(20);
/// Keyframes that may wait for the model.
const QUEUE: usize = 8;

/// The model that a configuration names, loaded, with a word on what runs it; none where it names none.
///
/// # Errors
/// A model that no engine here runs: a run that was asked for descriptions shall not go without.
pub(super) fn open(config: &Config) -> Result<Option<Describer>> {
    let Some(vision) = &config.vision else {
        return Ok(None);
    };
    let engines = Engines::open(&config.engine).context("engines cannot be opened")?;
    let describer = Describer::open(vision, &engines, config.engine.threads)?;
    eprintln!(
        "vision: {} with {}",
        describer.engine(),
        vision.model.display()
    );
    Ok(Some(describer))
}

/// A model, and where its drafts go; none where the whole model describes.
pub(super) struct Making {
    pub(super) describer: Describer,
    pub(super) blocks: Option<Blocks>,
}

/// What lanes hand over, and how much of it came through.
pub(crate) struct Descriptions {
    watch: Mutex<Watch>,
    waiting: Mutex<Option<SyncSender<Vec<View>>>>,
    /// A run over recordings waits for the model; a live one goes on.
    waits: bool,
    knobs: Arc<Knobs>,
    /// Of the keyframes, those that are described.
    described: Mutex<Share>,
    made: AtomicU64,
    dropped: AtomicU64,
    spared: AtomicU64,
}

impl Descriptions {
    /// For a plan; the other end is for [`Descriptions::make`].
    pub(super) fn new(
        plan: &Plan,
        channels: &Channels,
        settings: &VisionSettings,
        knobs: Arc<Knobs>,
    ) -> (Self, Receiver<Vec<View>>) {
        let (waiting, views) = sync_channel(QUEUE);
        let descriptions = Self {
            watch: Mutex::new(Watch::new(plan, channels, settings)),
            waiting: Mutex::new(Some(waiting)),
            waits: plan.mode == Mode::File,
            knobs,
            described: Mutex::default(),
            made: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            spared: AtomicU64::new(0),
        };
        (descriptions, views)
    }

    /// Takes what was appended to the log. To be called without holding it, since this may wait.
    pub(crate) fn follow(&self, staged: &Staged) {
        for (entry, bytes) in staged.iter() {
            let times = [entry.log_time_ns, entry.publish_time_ns];
            let views = lock(&self.watch).take(entry.channel, times, bytes);
            if views.is_empty() {
                continue;
            }
            let share = self.knobs.now().described_keyframes;
            if !lock(&self.described).takes(share) {
                self.spared.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let waiting = lock(&self.waiting).clone();
            let taken = match (waiting, self.waits) {
                (None, _) => false,
                (Some(waiting), true) => waiting.send(views).is_ok(),
                (Some(waiting), false) => waiting.try_send(views).is_ok(),
            };
            if !taken {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Nothing comes any more: [`Descriptions::make`] ends once it has taken what waits.
    pub(super) fn close(&self) {
        lock(&self.waiting).take();
    }

    /// Describes the views of keyframes until there are no more, and appends that to the log. Drafts go on being made while the target
    /// looks at others.
    pub(super) fn make(
        &self,
        making: Making,
        keyframes: &Receiver<Vec<View>>,
        log: &LogWriter,
        ingress: &Ingress,
    ) -> (Latencies, Option<Left>) {
        let Making {
            mut describer,
            mut blocks,
        } = making;
        let mut latencies = Latencies::default();
        loop {
            if let Some(blocks) = &mut blocks {
                blocks.poll(&mut describer, log, ingress.last_received_ns());
            }
            let views = match keyframes.recv_timeout(POLL) {
                Ok(views) => views,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let knobs = self.knobs.now();
            describer.shorten(knobs.token_keep, knobs.draft_length);
            if let Some(blocks) = &mut blocks {
                blocks.lower_threshold(knobs.offload_threshold);
            }
            let mut said = Vec::with_capacity(views.len());
            for view in views {
                match describer.describe(&view) {
                    Ok(described) => {
                        let description = &described.description;
                        latencies.record("vision.look", description.look_ns);
                        latencies.record("vision.choose", description.choose_ns);
                        latencies.record("vision.answer", description.answer_ns);
                        said.push((view, described));
                    }
                    Err(error) => ingress.event(&Fault {
                        kind: FaultKind::NetworkFailed,
                        sensor: None,
                        at_ns: view.logged_ns,
                        count: 1,
                        detail: format!(
                            "a keyframe of {} is not described: {error:#}",
                            view.camera
                        ),
                    }),
                }
            }
            self.made.fetch_add(said.len() as u64, Ordering::Relaxed);
            match &mut blocks {
                Some(blocks) => blocks.take(said, &mut describer, log),
                None => said.iter().for_each(|(view, described)| {
                    let cause = view.cause();
                    append(log, cause, Channel::DESCRIPTIONS, &described.description);
                }),
            }
        }
        let now_ns = ingress.last_received_ns();
        let left = blocks.map(|blocks| blocks.finish(&mut describer, log, now_ns));
        (latencies, left)
    }

    /// Keyframes that were not described because the governor gave that up.
    pub(super) fn spared(&self) -> u64 {
        self.spared.load(Ordering::Relaxed)
    }

    /// Descriptions made, and keyframes that came too fast for one.
    pub(super) fn counts(&self) -> (u64, u64) {
        let counts = [&self.made, &self.dropped].map(|count| count.load(Ordering::Relaxed));
        (counts[0], counts[1])
    }
}
