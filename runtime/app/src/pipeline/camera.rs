//! A camera lane's step: bytes of one frame in; what was found in it, a small preview, and what
//! networks answered out.

use super::ask_picture::PictureAsker;
use super::channels::{CameraChannels, Channel};
use super::faults::FaultLog;
use super::keyframes::Part;
use super::network::NetworkStage;
use super::pace::Pace;
use super::preview::PreviewMaker;
use super::staged::{Cause, Staged};
use super::stages::StageClock;
use crate::config::CameraLaneConfig;
use crate::plan::Plan;
use anyhow::{Context, Result, bail};
use drafthorse_core::{Fault, FaultKind, Image, RawFormat, RawMessage, SensorId};
use drafthorse_keyframes::{FrameId, Sketch};
use drafthorse_record::messages::{drafthorse::FrameInfo, encode_frame_info, encode_preview};
use drafthorse_sensors::camera::CameraDecoder;
use serde::{Deserialize, Serialize};

/// One camera's decoder and what is computed from its pictures.
pub struct CameraLane {
    name: String,
    sensor: SensorId,
    format: RawFormat,
    config: CameraLaneConfig,
    channels: CameraChannels,
    decoder: CameraDecoder,
    image: Image,
    previews: PreviewMaker,
    jpeg: Vec<u8>,
    state: State,
    networks: Vec<NetworkStage<PictureAsker>>,
    /// Its pictures count for keyframes.
    sketched: bool,
    /// Faults found so far.
    pub faults: FaultLog,
    /// What happened to engines so far.
    pub events: FaultLog,
    /// Pictures decoded so far.
    pub frames: u64,
    /// Pictures that were not looked at because the governor gave them up.
    pub spared: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    preview: Pace,
    last_digest: u32,
    has_last: bool,
    /// One a network. Where there is none the state ends before it, as it did when lanes had no
    /// networks.
    #[serde(skip)]
    networks: Vec<Pace>,
}

impl CameraLane {
    /// The lane of one camera of the plan, with the networks that look at its pictures.
    pub fn new(
        plan: &Plan,
        sensor: SensorId,
        channels: CameraChannels,
        networks: Vec<NetworkStage<PictureAsker>>,
    ) -> Result<Self> {
        let camera = &plan.sensors[usize::from(sensor.0)];
        Ok(Self {
            name: camera.name.clone(),
            sensor,
            format: camera.format,
            config: plan.camera.clone(),
            channels,
            decoder: CameraDecoder::new(sensor, camera.format)
                .with_context(|| format!("camera {} cannot be decoded", camera.name))?,
            image: Image::default(),
            previews: PreviewMaker::default(),
            jpeg: Vec::new(),
            state: State {
                networks: vec![Pace::default(); networks.len()],
                ..State::default()
            },
            networks,
            sketched: plan.keyframes.as_ref().and_then(|k| k.camera) == Some(sensor),
            faults: FaultLog::new(plan.sensor_names()),
            events: FaultLog::new(plan.sensor_names()),
            frames: 0,
            spared: 0,
        })
    }

    /// Takes one raw message; stages what follows from it. A spared one is not decoded.
    pub fn step(
        &mut self,
        raw: &RawMessage,
        spared: bool,
        clock: &mut StageClock,
        out: &mut Staged,
    ) {
        self.spared += u64::from(spared);
        // H.264 has each picture follow from those before it: decoded it must be, and is not looked at.
        if spared && self.format != RawFormat::H264 {
            return;
        }
        let decoded = self.decoder.decode(raw, &mut self.image);
        clock.end("camera.decode");
        match decoded {
            Ok(true) if !spared => self.look(raw, clock, out),
            Ok(_) => {}
            Err(error) => {
                let found = Fault {
                    kind: FaultKind::Undecodable,
                    sensor: Some(self.sensor),
                    at_ns: raw.captured_ns,
                    count: 1,
                    detail: error.to_string(),
                };
                self.faults.stage(&found, Cause::from(raw), out);
            }
        }
    }

    fn look(&mut self, raw: &RawMessage, clock: &mut StageClock, out: &mut Staged) {
        let cause = Cause {
            sequence: self.image.sequence,
            captured_ns: self.image.captured_ns,
            received_ns: raw.received_ns,
        };
        self.frames += 1;
        let digest = crc32fast::hash(&self.image.rgb);
        let (mean_luma, sharpness) = luma_statistics(&self.image);
        let info = FrameInfo {
            captured_ns: cause.captured_ns,
            sensor: u32::from(self.sensor.0),
            sequence: self.image.sequence,
            width_px: self.image.width,
            height_px: self.image.height,
            mean_luma,
            sharpness,
            frozen: self.state.has_last && digest == self.state.last_digest,
        };
        self.state.last_digest = digest;
        self.state.has_last = true;
        out.push(self.channels.frame, cause, |buf| {
            encode_frame_info(&info, buf);
        });
        clock.end("camera.look");
        if self.sketched {
            let frame = FrameId {
                sensor: self.sensor,
                sequence: cause.sequence,
                captured_ns: cause.captured_ns,
                bytes: raw.data.len() as u64,
            };
            out.push_part(Part::Picture(frame, Sketch::of_image(&self.image)));
            clock.end("camera.sketch");
        }
        if self.preview_due(cause.captured_ns) && self.make_preview().is_ok() {
            let (jpeg, name) = (&self.jpeg, &self.name);
            out.push(self.channels.preview, cause, |buf| {
                encode_preview(jpeg, name, cause.captured_ns, buf);
            });
            clock.end("camera.preview");
        }
        for (network, pace) in self.networks.iter_mut().zip(&mut self.state.networks) {
            if pace.is_due(cause.captured_ns, network.hz()) {
                network.look(&self.image, self.sensor, cause, &mut self.events, out);
                clock.end("camera.network");
            }
        }
    }

    fn preview_due(&mut self, captured_ns: u64) -> bool {
        let hz = self.config.preview_hz;
        self.config.preview_width_px > 0 && self.state.preview.is_due(captured_ns, hz)
    }

    /// The camera's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the lane's networks did.
    pub fn networks(&self) -> impl Iterator<Item = &NetworkStage<PictureAsker>> {
        self.networks.iter()
    }

    /// Takes an answer of a network that stands in the log before its step.
    pub fn take_recorded(&mut self, channel: Channel, bytes: &[u8]) -> Result<()> {
        let mut networks = self.networks.iter_mut();
        match networks.find(|network| network.channel() == channel) {
            Some(network) => network.take_recorded(bytes),
            None => Ok(()),
        }
    }

    fn make_preview(&mut self) -> Result<()> {
        let CameraLaneConfig {
            preview_width_px,
            preview_quality,
            ..
        } = self.config;
        self.previews.make(
            &self.image,
            preview_width_px,
            preview_quality,
            &mut self.jpeg,
        )
    }

    /// The lane's state; `None` for H.264, whose decoder restarts only at a key frame.
    pub fn checkpoint(&self) -> Result<Option<Vec<u8>>> {
        if self.format == RawFormat::H264 {
            return Ok(None);
        }
        let why = "the camera lane's state cannot be written";
        let mut bytes = postcard::to_stdvec(&self.state).context(why)?;
        if !self.networks.is_empty() {
            bytes = postcard::to_extend(&self.state.networks, bytes).context(why)?;
        }
        Ok(Some(bytes))
    }

    /// Goes on from a state that [`CameraLane::checkpoint`] wrote.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let why = "the camera lane's state in the log cannot be read";
        let (mut state, rest): (State, _) = postcard::take_from_bytes(bytes).context(why)?;
        if !rest.is_empty() {
            state.networks = postcard::from_bytes(rest).context(why)?;
        }
        if state.networks.len() != self.networks.len() {
            bail!("the camera lane's state in the log is of another number of networks");
        }
        self.state = state;
        self.networks.iter_mut().for_each(NetworkStage::forget);
        Ok(())
    }
}

/// Mean luma and mean absolute luma difference to the right and lower neighbour, both 0 to 1, on
/// every second pixel of every second row.
pub(crate) fn luma_statistics(image: &Image) -> (f32, f32) {
    let (width, height) = (image.width as usize, image.height as usize);
    if width < 3 || height < 3 || image.rgb.len() < width * height * 3 {
        return (0.0, 0.0);
    }
    // Integer BT.601 weights, 0 to 255 * 256.
    let luma = |x: usize, y: usize| {
        let p = &image.rgb[(y * width + x) * 3..][..3];
        77 * u64::from(p[0]) + 150 * u64::from(p[1]) + 29 * u64::from(p[2])
    };
    let (mut sum, mut difference, mut count) = (0u64, 0u64, 0u64);
    for y in (0..height - 1).step_by(2) {
        for x in (0..width - 1).step_by(2) {
            let here = luma(x, y);
            sum += here;
            difference += here.abs_diff(luma(x + 1, y)) + here.abs_diff(luma(x, y + 1));
            count += 1;
        }
    }
    let full = (count * 255 * 256) as f64;
    (
        (sum as f64 / full) as f32,
        (difference as f64 / (2.0 * full)) as f32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_statistics_of_known_pictures() {
        let mut image = Image {
            width: 8,
            height: 8,
            rgb: vec![255; 8 * 8 * 3],
            ..Image::default()
        };
        assert_eq!(luma_statistics(&image), (1.0, 0.0));
        // Columns alternate black and white: every horizontal neighbour differs, no vertical one.
        for (i, p) in image.rgb.chunks_exact_mut(3).enumerate() {
            p.fill(if i % 2 == 0 { 0 } else { 255 });
        }
        assert_eq!(luma_statistics(&image), (0.0, 0.5));
        assert_eq!(luma_statistics(&Image::default()), (0.0, 0.0));
    }
}
