//! Drafted blocks of a run: routed, sent or kept, and what became of each, in the log.
//!
//! A block is the drafts of one keyframe, one a camera, of which the worst decides. What is accepted never leaves the
//! vehicle. What is rejected goes to the target, and its outcome is logged when it comes; one that a former run of the
//! same folder left behind is logged here.

use super::log::LogWriter;
use super::told::Told;
use crate::describe::{Described, Describer, Drafted, View};
use crate::pipeline::channels::Channel;
use crate::pipeline::staged::Cause;
use crate::plan::Mode;
use crate::summary::BlockSummary;
use anyhow::{Context, Result};
use drafthorse_draft::{Block, Decision, Order, Reason, Routed, Router, RouterConfig, Threshold};
use drafthorse_offload::link::LinkState;
use drafthorse_offload::{Answer, Offload, Outcome, Ruling, Settings, policy};
use drafthorse_protocol::{BlockId, Code, Scene, TargetShape, VerifyRequest, limits};
use drafthorse_record::messages::drafthorse as message;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What every block is worth to the spool; audits are worth less.
const WORTH: u8 = 100;
const WORTH_OF_AUDIT: u8 = 50;
/// How often the link is told of.
const REPORT: Duration = Duration::from_secs(1);
/// A run over recordings has at most so many blocks on their way.
const ON_THEIR_WAY: usize = 16;
/// Blocks of which more is known than the spool tells, while they wait for their amendment.
const MOST_UNTOLD: usize = 4096;
/// A pause while outcomes are waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// A picture of a block.
struct Picture {
    camera: String,
    /// Its draft, and the probability that the target agrees with it.
    ids: Vec<u32>,
    score: f64,
}

/// A block without an outcome.
struct Waiting {
    pictures: Vec<Picture>,
    cause: Cause,
    routed: Routed,
    began: Instant,
    /// Nothing was told of it yet.
    is_due: bool,
}

/// The blocks of a run.
pub(super) struct Blocks {
    /// Name of the run, first part of the blocks' names.
    run: String,
    mode: Mode,
    router: Router,
    /// The threshold as it is set; the link's state and the governor may lower it.
    threshold: Threshold,
    /// What the governor takes off it.
    lowered: f64,
    settings: Option<Settings>,
    target: TargetShape,
    offload: Option<Offload>,
    /// Why a live run goes on without it.
    fault: Option<String>,
    waiting: HashMap<String, Waiting>,
    outcomes: Told,
    /// When the link was last told of.
    told: Option<Instant>,
    summary: BlockSummary,
}

/// What a run leaves behind: answers that the log has once it is finished.
pub(super) struct Left {
    offload: Option<Offload>,
    outcomes: Told,
    /// Totals.
    pub(super) summary: BlockSummary,
}

impl Left {
    /// The log is finished and on the disk.
    pub(super) fn logged(self) {
        if let Some(offload) = &self.offload {
            let appended = self.outcomes.appended();
            appended.iter().for_each(|answer| offload.logged(answer));
        }
    }
}

impl Blocks {
    /// Opens the spool and begins to look for the target, where there is one. A live run in which that cannot be done goes
    /// on without: no block of it is verified, and [`fault`](Self::fault) says why.
    ///
    /// # Errors
    /// In a run over recordings: settings that allow no connection, a spool that cannot be opened.
    pub(super) fn open(
        router: &RouterConfig,
        settings: Option<&Settings>,
        target: TargetShape,
        run: &str,
        mode: Mode,
    ) -> Result<Self> {
        let start = |settings: &Settings| Offload::start(settings, target);
        let offload = settings
            .map(start)
            .transpose()
            .context("offload cannot begin");
        let (offload, fault) = match offload {
            Err(error) if mode == Mode::Live => (None, Some(format!("{error:#}"))),
            other => (other?, None),
        };
        Ok(Self {
            run: name_of_run(run),
            mode,
            router: Router::new(*router),
            threshold: router.threshold,
            lowered: 0.0,
            settings: settings.cloned(),
            target,
            offload,
            waiting: HashMap::new(),
            outcomes: Told::default(),
            told: None,
            summary: BlockSummary {
                link_fault: fault.clone(),
                ..BlockSummary::default()
            },
            fault,
        })
    }

    /// Why a live run goes on without a target that is configured.
    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Routes the drafted descriptions of a keyframe, which get their block's name, and logs both.
    pub(super) fn take(
        &mut self,
        said: Vec<(View, Described)>,
        describer: &mut Describer,
        log: &LogWriter,
    ) {
        let Some((first, _)) = said.first() else {
            return;
        };
        let name = format!("{}.{}", self.run, first.keyframe_ns);
        let (cause, now_ns) = (first.cause(), first.logged_ns);
        let (mut pictures, mut drafts) = (Vec::new(), Vec::new());
        for (view, described) in said {
            let mut description = described.description;
            description.block.clone_from(&name);
            description.frame = drafts.len() as u32;
            append(log, view.cause(), Channel::DESCRIPTIONS, &description);
            let Some(drafted) = described.draft else {
                continue;
            };
            self.summary.pictures_bytes += view.jpeg.len() as u64;
            pictures.push(Picture {
                camera: view.camera,
                ids: drafted.written.ids.clone(),
                score: drafted.score,
            });
            drafts.push(drafted);
        }
        if drafts.is_empty() {
            return;
        }
        self.summary.drafted += 1;
        self.summary.drafted_pictures += drafts.len() as u64;
        self.follow_link();
        let scores: Vec<f64> = pictures.iter().map(|picture| picture.score).collect();
        let routed = self.router.route(&Block {
            id: &name,
            order: Order::Independent,
            frames: &scores,
        });
        let waiting = Waiting {
            pictures,
            cause,
            routed,
            began: Instant::now(),
            is_due: true,
        };
        if routed.decision == Decision::Accept {
            self.summary.accepted += 1;
            let verdict = waiting.verdict(&name, message::verdict::Outcome::Accepted);
            append(log, cause, Channel::VERDICTS, &verdict);
            return;
        }
        // A run over recordings goes as fast as its parts; a live one drops nothing and waits for nobody.
        while self.mode == Mode::File && self.due() >= ON_THEIR_WAY {
            self.poll(describer, log, now_ns);
            std::thread::sleep(PAUSE);
        }
        match self.send(&name, &drafts, &routed, describer) {
            Ok(()) => {
                self.waiting.insert(name, waiting);
            }
            Err(error) => {
                self.summary.unverified += 1;
                let mut verdict = waiting.verdict(&name, message::verdict::Outcome::Unverified);
                verdict.why = format!("{error:#}");
                append(log, cause, Channel::VERDICTS, &verdict);
            }
        }
    }

    /// Blocks of which nothing was told yet.
    fn due(&self) -> usize {
        self.waiting
            .values()
            .filter(|waiting| waiting.is_due)
            .count()
    }

    /// Gives a block to the target.
    fn send(
        &self,
        name: &str,
        drafts: &[Drafted],
        routed: &Routed,
        describer: &mut Describer,
    ) -> Result<()> {
        let (offload, settings) = self
            .offload
            .as_ref()
            .zip(self.settings.as_ref())
            .with_context(|| match &self.fault {
                Some(why) => why.clone(),
                None => "no target is configured".to_owned(),
            })?;
        let code = self.code(drafts, settings, offload);
        let coded = drafts.iter().map(|drafted| describer.coded(drafted, code));
        let (frames, coded_drafts) = coded.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        // The same words are asked of every picture.
        let prompt = drafts.first().map_or(&[][..], |drafted| &drafted.prompt);
        let prompt = prompt.iter().map(|&id| u16::try_from(id));
        let request = VerifyRequest {
            scene: Scene {
                block: BlockId::new(name)?,
                prompt: prompt.collect::<Result<_, _>>()?,
                code,
                frames,
            },
            drafts: coded_drafts,
        };
        let audit = routed.decision == Decision::Send(Reason::Audit);
        offload.submit(drafthorse_offload::Block {
            request,
            deadline: Duration::from_secs_f64(settings.deadline_s),
            worth: if audit { WORTH_OF_AUDIT } else { WORTH },
        })?;
        Ok(())
    }

    /// The code that the link's state allows.
    fn code(&self, drafts: &[Drafted], settings: &Settings, offload: &Offload) -> Code {
        let tokens: usize = drafts.iter().map(|drafted| drafted.seen.len()).sum();
        let codes = [Code::F16, Code::Int8, Code::Fsq].into_iter();
        let sizes: Vec<_> = codes
            .filter_map(|code| Some((code, tokens * self.target.token_bytes(code).ok()?)))
            .collect();
        let deadline = Duration::from_secs_f64(settings.deadline_s);
        let advice = policy::advise(&offload.stats().link, &sizes, settings.code, deadline);
        advice.map_or(settings.code, |advice| advice.code)
    }

    /// Takes that much off the threshold from the next block on.
    pub(super) fn lower_threshold(&mut self, by: f64) {
        self.lowered = by;
    }

    /// Lowers the threshold while the link or the governor asks for it.
    fn follow_link(&mut self) {
        let Some(offload) = &self.offload else { return };
        let link = offload.stats().link;
        let advice = policy::advise(&link, &[(Code::Fsq, 0)], Code::Fsq, Duration::from_secs(1));
        let scale = f64::from(advice.map_or(1.0, |advice| advice.threshold_scale));
        self.router.set_threshold(match self.threshold {
            Threshold::Fixed { tau } => Threshold::Fixed {
                tau: (tau * scale - self.lowered).max(0.0),
            },
            // A wanted rate of accepted blocks grows as the threshold falls.
            Threshold::AcceptRate { rate, tau } => Threshold::AcceptRate {
                rate: (1.0 - (1.0 - rate) * scale + self.lowered).min(1.0),
                tau: (tau * scale - self.lowered).max(0.0),
            },
        });
    }

    /// Logs what came, and once a second how the link is; `now_ns` is the run's own time.
    pub(super) fn poll(&mut self, describer: &mut Describer, log: &LogWriter, now_ns: u64) {
        let Some(offload) = self.offload.take() else {
            return;
        };
        while let Ok(answer) = offload.answers().try_recv() {
            match answer.outcome {
                Outcome::Repeated => self.repeated(answer.block.as_str(), log),
                _ => self.answered(answer, describer, now_ns),
            }
        }
        self.outcomes.append(log);
        let settled = self.outcomes.settled(log);
        settled.iter().for_each(|answer| offload.logged(answer));
        if self.told.is_none_or(|told| told.elapsed() >= REPORT) {
            self.told = Some(Instant::now());
            let link = self.link(&offload, now_ns);
            log.append_message(&mut log.batch(), Channel::LINK, Cause::at(now_ns), &link);
        }
        self.offload = Some(offload);
    }

    /// How the link is.
    fn link(&mut self, offload: &Offload, at_ns: u64) -> message::Link {
        let stats = offload.stats();
        self.summary.sent_bytes = stats.sent_bytes;
        self.summary.received_bytes = stats.received_bytes;
        self.summary.link_fault.clone_from(&stats.fault);
        message::Link {
            at_ns,
            state: match stats.link.state {
                LinkState::Unknown => "unknown",
                LinkState::Up => "up",
                LinkState::Poor => "poor",
                LinkState::Down => "down",
            }
            .to_owned(),
            round_trip_ns: stats.link.round_trip_ns.unwrap_or(0),
            bytes_per_second: stats.link.bytes_per_second.unwrap_or(0),
            loss: stats.link.loss.unwrap_or(0.0),
            budget: stats.link.budget.unwrap_or(1.0),
            sent_bytes: stats.sent_bytes,
            received_bytes: stats.received_bytes,
            spooled_blocks: stats.waiting as u64,
            pictures_bytes: self.summary.pictures_bytes,
            fault: stats.fault.unwrap_or_default(),
        }
    }

    /// A block whose name was given before, by a run with the same name: what became of that one is not this one's.
    fn repeated(&mut self, name: &str, log: &LogWriter) {
        let Some(waiting) = self.waiting.remove(name) else {
            return;
        };
        self.summary.unverified += 1;
        let mut verdict = waiting.verdict(name, message::verdict::Outcome::Unverified);
        "a block of this name was given before".clone_into(&mut verdict.why);
        append(log, waiting.cause, Channel::VERDICTS, &verdict);
    }

    /// Takes an outcome, which is to be logged.
    fn answered(&mut self, answer: Answer, describer: &mut Describer, now_ns: u64) {
        let name = answer.block.as_str().to_owned();
        let count = match &answer.outcome {
            Outcome::Repeated => return,
            Outcome::Confirmed(_) => &mut self.summary.confirmed,
            Outcome::Corrected(_) => &mut self.summary.corrected,
            Outcome::Unverified { .. } => &mut self.summary.unverified,
            Outcome::Amended(_) => &mut self.summary.amended,
        };
        *count += 1;
        let waiting = self.waiting.remove(&name);
        let outcome = outcome_of(&answer.outcome);
        let mut verdict = match &waiting {
            Some(waiting) => waiting.verdict(&name, outcome),
            // Of a run before this one.
            None => message::Verdict {
                block: name.clone(),
                keyframe_ns: keyframe_of(&name),
                outcome: outcome.into(),
                reason: "sent by a run before this one".to_owned(),
                ..message::Verdict::default()
            },
        };
        verdict.attempts = answer.attempts;
        if let Outcome::Unverified { why, spooled } = &answer.outcome {
            (verdict.why, verdict.spooled) = (why.to_string(), *spooled);
        }
        if let Some(ruling) = answer.outcome.ruling() {
            let frames = ruled_frames(ruling, |ids| describer.text(ids));
            match &waiting {
                Some(waiting) => {
                    let words = ruling.texts.iter().map(|text| words_of(text));
                    let pictures = waiting.pictures.iter().zip(words);
                    let worst = pictures.min_by(|(a, _), (b, _)| a.score.total_cmp(&b.score));
                    if let Some((worst, words)) = worst {
                        let agreed = describer.agree(&worst.ids, &words);
                        self.router.learn(&waiting.routed, agreed);
                    }
                    for (told, ruled) in verdict.frames.iter_mut().zip(frames) {
                        let camera = std::mem::take(&mut told.camera);
                        *told = message::VerifiedFrame { camera, ..ruled };
                    }
                }
                None => verdict.frames = frames,
            }
        }
        let now = Cause::at(now_ns);
        let cause = waiting.as_ref().map_or(now, |waiting| waiting.cause);
        if let (Some(waiting), Outcome::Unverified { spooled: true, .. }) =
            (waiting, &answer.outcome)
        {
            self.amend_later(name, waiting);
        }
        self.outcomes.tell(cause, verdict, answer);
    }

    /// Keeps what is known of a block whose amendment may come in this run; of the oldest it is forgotten where there are
    /// too many.
    fn amend_later(&mut self, name: String, mut waiting: Waiting) {
        waiting.is_due = false;
        self.waiting.insert(name, waiting);
        if self.waiting.len() > MOST_UNTOLD {
            let untold = self.waiting.iter().filter(|(_, of)| !of.is_due);
            let oldest = untold.min_by_key(|(_, of)| of.began);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.waiting.remove(&name);
            }
        }
    }

    /// Waits for the outcomes that are due, and ends offloading.
    pub(super) fn finish(
        mut self,
        describer: &mut Describer,
        log: &LogWriter,
        now_ns: u64,
    ) -> Left {
        let patience = self
            .settings
            .as_ref()
            .map_or(0.0, |settings| settings.deadline_s);
        let until = Instant::now() + Duration::from_secs_f64(patience) + REPORT;
        while self.due() > 0 && Instant::now() < until {
            self.poll(describer, log, now_ns);
            std::thread::sleep(PAUSE);
        }
        if let Some(offload) = self.offload.take() {
            offload.stop();
            self.told = None;
            self.offload = Some(offload);
            self.poll(describer, log, now_ns);
        }
        let drift = self.router.drift();
        self.summary.audits = drift.audits();
        self.summary.audits_agreed = drift.agreement();
        self.summary.audits_foretold = drift.foretold();
        Left {
            offload: self.offload,
            outcomes: self.outcomes,
            summary: self.summary,
        }
    }
}

impl Waiting {
    fn verdict(&self, block: &str, outcome: message::verdict::Outcome) -> message::Verdict {
        message::Verdict {
            block: block.to_owned(),
            keyframe_ns: keyframe_of(block),
            outcome: outcome.into(),
            score: self.routed.score as f32,
            threshold: self.routed.tau as f32,
            reason: match self.routed.decision {
                Decision::Accept => "good enough",
                Decision::Send(Reason::Score) => "not good enough",
                Decision::Send(Reason::Audit) => "good enough, and checked all the same",
                Decision::Send(Reason::First) => "the first of several",
            }
            .to_owned(),
            frames: self.pictures.iter().map(|of| of.frame(outcome)).collect(),
            waited_ns: u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX),
            ..message::Verdict::default()
        }
    }
}

impl Picture {
    /// It as the log tells of it while the target has not spoken.
    fn frame(&self, outcome: message::verdict::Outcome) -> message::VerifiedFrame {
        message::VerifiedFrame {
            camera: self.camera.clone(),
            drafted: self.ids.len() as u32,
            outcome: outcome.into(),
            ..message::VerifiedFrame::default()
        }
    }
}

/// What the target said of each picture of a block, the cameras left out.
fn ruled_frames(
    ruling: &Ruling,
    mut text_of: impl FnMut(&[u32]) -> Result<String>,
) -> Vec<message::VerifiedFrame> {
    let frames = ruling.verdict.frames.iter().zip(&ruling.texts);
    let frames = frames.zip(&ruling.drafted);
    frames
        .map(|((frame, text), &drafted)| {
            let confirmed = frame.accepted == drafted && frame.correction.is_empty();
            let text = text_of(&words_of(text));
            message::VerifiedFrame {
                camera: String::new(),
                text: text.unwrap_or_else(|error| format!("({error:#})")),
                drafted: u32::from(drafted),
                accepted: u32::from(frame.accepted),
                score: frame.score,
                outcome: match confirmed {
                    true => message::verdict::Outcome::Confirmed,
                    false => message::verdict::Outcome::Corrected,
                }
                .into(),
            }
        })
        .collect()
}

fn words_of(text: &[u16]) -> Vec<u32> {
    text.iter().copied().map(u32::from).collect()
}

fn outcome_of(outcome: &Outcome) -> message::verdict::Outcome {
    use message::verdict::Outcome as Logged;
    match outcome {
        Outcome::Confirmed(_) => Logged::Confirmed,
        Outcome::Corrected(_) => Logged::Corrected,
        Outcome::Amended(_) => Logged::Amended,
        Outcome::Unverified { .. } => Logged::Unverified,
        Outcome::Repeated => Logged::Unknown,
    }
}

/// The keyframe that a block's name tells.
fn keyframe_of(block: &str) -> u64 {
    let after = block.rsplit_once('.').map(|(_, keyframe)| keyframe.parse());
    after.and_then(Result::ok).unwrap_or(0)
}

/// Appends what is said of a keyframe.
pub(super) fn append(
    log: &LogWriter,
    cause: Cause,
    channel: Channel,
    message: &impl prost::Message,
) {
    let mut batch = log.batch();
    log.append_message(&mut batch, channel, cause, message);
    log.keep_said(&mut batch, cause.received_ns);
}

/// The run's name as blocks bear it: ids are bounded, and its end, the time, tells runs apart.
fn name_of_run(run: &str) -> String {
    // A dot and a keyframe's nanoseconds come behind it.
    let most = limits::MAX_BLOCK_ID - 21;
    let plain: String = run.chars().filter(char::is_ascii_graphic).collect();
    plain[plain.len().saturating_sub(most)..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_a_long_name_have_blocks_of_their_own() {
        let name = "n".repeat(64);
        let [a, b] = ["20261201T003605Z", "20261201T003606Z-2"]
            .map(|stamp| name_of_run(&format!("{name}-{stamp}")));
        assert_ne!(a, b);
        assert!(a.len() == 43 && a.ends_with("-20261201T003605Z"), "{a}");
        assert!(BlockId::new(format!("{b}.{}", u64::MAX)).is_ok());
        assert_eq!(name_of_run("drive"), "drive");
    }
}
