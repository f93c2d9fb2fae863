//! Reads a log into a drive, once and in its order.

use super::drive::Drive;
use super::events::TrafficEvents;
use super::pictures::Cameras;
use super::texts::Texts;
use crate::feed;
use crate::report::instant_ns;
use anyhow::{Context as _, Result, bail};
use drafthorse_core::{EgoMotion, Track};
use drafthorse_record::messages::drafthorse;
use drafthorse_record::{LogMessage, LogReader};
use indicatif::ProgressBar;
use prost::Message as _;
use std::collections::BTreeMap;
use std::path::Path;

/// Front of the vehicle ahead of its origin where a log does not say, m.
const FRONT_M: f64 = 3.75;

/// What was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    pub(super) pictures: u64,
    pub(super) scans: u64,
    /// Messages that could not be decoded.
    pub(super) unreadable: u64,
    /// What is missing from the log, in words.
    pub(super) damage: Vec<String>,
}

/// Reads a log, a file or a folder of segments, the pictures of one camera or of all.
///
/// # Errors
/// No log; one that holds nothing to look at, or no pictures where a model or a camera is named; a model
/// that fails.
pub(super) fn read(
    log: &Path,
    camera: Option<&str>,
    drive: &mut Drive,
    bar: &ProgressBar,
) -> Result<Read> {
    let mut reader =
        LogReader::open(log).with_context(|| format!("cannot read the log {}", log.display()))?;
    let files = reader.segments().iter();
    let sizes = files.filter_map(|segment| std::fs::metadata(&segment.path).ok());
    let bytes = sizes.map(|file| file.len()).sum::<u64>().max(1);
    let mut cameras = Cameras::default();
    let mut fold = Fold {
        read: Read::default(),
        texts: Texts::default(),
        drafts: BTreeMap::new(),
        events: None,
        ego: EgoMotion::default(),
    };
    let (mut messages, mut done) = (0_u64, 0_u64);
    loop {
        let front_m = || {
            let plan = feed::plan(reader.metadata()).and_then(|plan| plan.keyframes);
            plan.map_or(FRONT_M, |keyframes| keyframes.front_m)
        };
        if fold.events.is_none() {
            fold.events = Some(TrafficEvents::new(front_m())?);
        }
        let next = reader.next();
        let Some(message) =
            next.with_context(|| format!("cannot read the log {}", log.display()))?
        else {
            break;
        };
        (messages, done) = (messages + 1, done + message.data.len() as u64);
        if messages.is_multiple_of(256) {
            bar.set_position((done * 1000 / bytes).min(1000));
            bar.set_message(format!(
                "{} pictures, {} scans",
                fold.read.pictures, fold.read.scans
            ));
        }
        let at_ns = instant_ns(message.publish_time_ns, message.log_time_ns);
        fold.take(&message, at_ns, drive);
        let is_wanted = |name: &str| {
            camera.is_none_or(|camera| camera == name) && drive.wants_picture(name, at_ns)
        };
        match cameras.take(&message, at_ns, is_wanted) {
            Ok(Some((name, image))) => {
                fold.read.pictures += 1;
                drive.picture(name, at_ns, image)?;
            }
            Ok(None) => {}
            Err(_) => fold.read.unreadable += 1,
        }
    }
    let mut read = fold.read;
    read.damage = reader.damages().iter().map(ToString::to_string).collect();
    check(log, camera, &cameras, drive, &read)?;
    Ok(read)
}

/// Refuses a log in which nothing can be looked for.
fn check(
    log: &Path,
    camera: Option<&str>,
    cameras: &Cameras,
    drive: &Drive,
    read: &Read,
) -> Result<()> {
    if read.pictures == 0
        && let Some(camera) = camera
    {
        bail!(
            "{} holds no pictures of a camera {camera}; its cameras are: {}",
            log.display(),
            cameras.names()
        );
    }
    if read.pictures == 0 && (drive.engine().is_some() || drive.spotter().is_some()) {
        bail!(
            "{} holds no pictures that a model could look at; leave --model and --detector out to go by tracks and texts",
            log.display()
        );
    }
    if drive.moments.is_empty() {
        bail!(
            "{} holds nothing to look at: no pictures, no tracks (/tracks) and no texts (notes, faults); `drafthorse inspect` says what is in it",
            log.display()
        );
    }
    Ok(())
}

struct Fold {
    read: Read,
    texts: Texts,
    /// Where the drafts of blocks stand among the drive's texts, by block and place in it.
    drafts: BTreeMap<(String, u32), usize>,
    events: Option<TrafficEvents>,
    ego: EgoMotion,
}

impl Fold {
    fn take(&mut self, message: &LogMessage<'_>, at_ns: u64, drive: &mut Drive) {
        match message.channel.schema_name.as_str() {
            "drafthorse.EgoMotion" => match drafthorse::EgoMotion::decode(message.data) {
                Ok(ego) => {
                    self.ego = EgoMotion {
                        captured_ns: ego.captured_ns,
                        speed_mps: ego.speed_mps,
                        yaw_rate_radps: ego.yaw_rate_radps,
                        observed: ego.observed,
                        ..EgoMotion::default()
                    };
                }
                Err(_) => self.read.unreadable += 1,
            },
            "drafthorse.Tracks" => match drafthorse::Tracks::decode(message.data) {
                Ok(tracks) => {
                    self.read.scans += 1;
                    let tracks: Vec<Track> = tracks.tracks.iter().map(Track::from).collect();
                    drive.tracks(at_ns, &self.ego, &tracks);
                    if let Some(events) = &mut self.events {
                        events.scan(at_ns, &self.ego, &tracks, |text| drive.text(text));
                    }
                }
                Err(_) => self.read.unreadable += 1,
            },
            "drafthorse.Verdict" => match drafthorse::Verdict::decode(message.data) {
                Ok(verdict) => self.judge(verdict, drive),
                Err(_) => self.read.unreadable += 1,
            },
            _ => {
                if let Some(text) = self.texts.of(message, at_ns) {
                    self.note_draft(message, drive);
                    drive.text(text);
                }
            }
        }
    }

    /// Remembers where the next text of the drive is, if it is a draft.
    fn note_draft(&mut self, message: &LogMessage<'_>, drive: &Drive) {
        if message.channel.schema_name == "drafthorse.Description"
            && let Ok(draft) = drafthorse::Description::decode(message.data)
            && !draft.block.is_empty()
        {
            let key = (draft.block, draft.frame);
            self.drafts.insert(key, drive.texts.len());
        }
    }

    /// What the target wrote takes the place of the draft.
    fn judge(&mut self, verdict: drafthorse::Verdict, drive: &mut Drive) {
        for (frame, said) in (0..).zip(verdict.frames) {
            let key = (verdict.block.clone(), frame);
            let draft = self.drafts.get(&key).copied();
            if !said.text.is_empty()
                && let Some(text) = draft.and_then(|at| drive.texts.get_mut(at))
            {
                text.text = said.text;
                "/verdicts".clone_into(&mut text.topic);
            }
        }
    }
}
