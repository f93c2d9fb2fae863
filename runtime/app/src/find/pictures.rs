//! Pictures of a log's cameras, decoded where they are wanted.

use super::drive::Shot;
use super::result::Found;
use crate::feed::{format_of, raw_of, sensor_of};
use crate::pipeline::preview::PreviewMaker;
use crate::report::instant_ns;
use anyhow::{Context as _, Result};
use drafthorse_core::{Image, RawFormat, RawMessage, SensorId};
use drafthorse_record::messages::{ROLE_KEY, Role};
use drafthorse_record::{Channel, LogMessage, LogReader};
use drafthorse_sensors::camera::{CameraDecoder, CameraError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Width of a hit's picture on the page, px, and its quality.
const THUMBNAIL_PX: u32 = 640;
const THUMBNAIL_QUALITY: u8 = 80;

/// The cameras of a log, met so far.
#[derive(Default)]
pub(super) struct Cameras {
    /// By topic; none where it is no camera's.
    known: BTreeMap<String, Option<Camera>>,
    raw: Option<RawMessage>,
    image: Image,
}

struct Camera {
    name: String,
    format: RawFormat,
    decoder: CameraDecoder,
}

impl Cameras {
    /// The picture of a message, with its camera's name, where it has one and `wanted` says so of the name. A stream of
    /// H.264 is decoded whole, since each picture follows from those before.
    ///
    /// # Errors
    /// A camera's message that does not decode.
    pub(super) fn take(
        &mut self,
        message: &LogMessage<'_>,
        at_ns: u64,
        wanted: impl FnOnce(&str) -> bool,
    ) -> Result<Option<(&str, &Image)>, CameraError> {
        let channel = message.channel;
        if !self.known.contains_key(&channel.topic) {
            self.known.insert(channel.topic.clone(), camera(channel)?);
        }
        let Some(Some(camera)) = self.known.get_mut(&channel.topic) else {
            return Ok(None);
        };
        let is_wanted = wanted(&camera.name);
        if !is_wanted && camera.format != RawFormat::H264 {
            return Ok(None);
        }
        let raw = self
            .raw
            .get_or_insert_with(|| RawMessage::empty(SensorId(0), camera.format));
        if !raw_of(camera.format, message, raw) {
            return Ok(None);
        }
        raw.captured_ns = at_ns;
        let decoded = camera.decoder.decode(raw, &mut self.image)?;
        Ok((decoded && is_wanted).then_some((camera.name.as_str(), &self.image)))
    }

    /// Names of the cameras, for people.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self
            .known
            .values()
            .flatten()
            .map(|camera| camera.name.as_str())
            .collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        }
    }
}

fn camera(channel: &Channel) -> Result<Option<Camera>, CameraError> {
    let role = channel.metadata.get(ROLE_KEY);
    if role.is_some_and(|role| role != Role::Raw.name()) {
        return Ok(None);
    }
    let format = format_of(&channel.schema_name, &channel.metadata);
    let Some(format) = format.filter(|format| format.is_camera()) else {
        return Ok(None);
    };
    Ok(Some(Camera {
        name: sensor_of(channel),
        format,
        decoder: CameraDecoder::new(SensorId(0), format)?,
    }))
}

/// Small JPEG pictures of the moments that were found, from a second reading of the log.
///
/// # Errors
/// A log that can no longer be read.
pub(super) fn thumbnails(log: &Path, found: &Found) -> Result<BTreeMap<Shot, Vec<u8>>> {
    let mut wanted: BTreeSet<Shot> = found
        .hits
        .iter()
        .flat_map(|hit| hit.pictures.clone())
        .collect();
    let mut reader =
        LogReader::open(log).with_context(|| format!("cannot read the log {}", log.display()))?;
    let (mut cameras, mut maker) = (Cameras::default(), PreviewMaker::default());
    let mut thumbnails = BTreeMap::new();
    while let Some(message) = reader.next()? {
        if wanted.is_empty() {
            break;
        }
        let at_ns = instant_ns(message.publish_time_ns, message.log_time_ns);
        let shot = |name: &str| Shot {
            camera: name.to_owned(),
            captured_ns: at_ns,
        };
        let picture = cameras.take(&message, at_ns, |name| wanted.contains(&shot(name)));
        if let Ok(Some((name, image))) = picture {
            let mut jpeg = Vec::new();
            maker.make(image, THUMBNAIL_PX, THUMBNAIL_QUALITY, &mut jpeg)?;
            wanted.remove(&shot(name));
            thumbnails.insert(shot(name), jpeg);
        }
    }
    Ok(thumbnails)
}
