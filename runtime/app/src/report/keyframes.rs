//! The keyframes of a log with their pictures. A keyframe is logged some seconds after its moment, so
//! the latest pictures are held until then.

use super::data::Offloaded;
use super::fold::Message;
use super::offload::Offload;
use super::thin::Thinned;
use crate::describe::Recent;
use drafthorse_record::messages::drafthorse;
use foxglove::messages::CompressedImage;
use prost::DecodeError;
use prost::Message as _;
use std::collections::HashMap;

/// Bytes of pictures held for keyframes to come.
const MAX_HELD_BYTES: usize = 16 << 20;
/// Keyframes shown, and bytes of their pictures.
const MAX_SHOWN: usize = 240;
const MAX_SHOWN_BYTES: usize = 6 << 20;
/// A picture further away than this is not that of a keyframe, ns.
const MAX_AWAY_NS: u64 = 500_000_000;

/// Descriptions held for keyframes that are shown.
const MAX_DESCRIPTIONS: usize = 100_000;

/// One keyframe that is shown.
#[derive(Debug)]
pub(super) struct Shown {
    pub keyframe: drafthorse::Keyframe,
    /// What a model says of its pictures, in the order of its block.
    pub descriptions: Vec<drafthorse::Description>,
    /// What became of its block, where it was drafted.
    pub verdict: Option<drafthorse::Verdict>,
    /// JPEG; empty where none is at hand.
    pub jpeg: Vec<u8>,
}

/// The state of the fold.
#[derive(Debug)]
pub(super) struct Keyframes {
    held: Recent<String>,
    shown: Thinned<Shown>,
    /// By the beginning of their keyframe, and how many these are.
    descriptions: HashMap<u64, Vec<drafthorse::Description>>,
    described: usize,
    offload: Offload,
}

impl Default for Keyframes {
    fn default() -> Self {
        Self {
            held: Recent::new(MAX_HELD_BYTES),
            shown: Thinned::new(MAX_SHOWN, MAX_SHOWN_BYTES),
            descriptions: HashMap::new(),
            described: 0,
            offload: Offload::default(),
        }
    }
}

impl Keyframes {
    /// Takes a message if keyframes need it.
    pub(super) fn add(&mut self, m: &Message<'_>, at_ns: u64) -> Result<(), DecodeError> {
        match m.schema {
            "foxglove.CompressedImage" if m.topic.ends_with("/preview") => self.hold(m, at_ns),
            "drafthorse.Keyframe" => {
                let keyframe = drafthorse::Keyframe::decode(m.data)?;
                let jpeg = self.picture(&keyframe).unwrap_or_default();
                self.shown.offer(0, || {
                    let weight = jpeg.len() + 1;
                    let shown = Shown {
                        keyframe,
                        descriptions: Vec::new(),
                        verdict: None,
                        jpeg,
                    };
                    (shown, weight)
                });
                Ok(())
            }
            "drafthorse.Description" => {
                self.describe(drafthorse::Description::decode(m.data)?);
                Ok(())
            }
            "drafthorse.Verdict" => {
                self.offload
                    .add_verdict(drafthorse::Verdict::decode(m.data)?);
                Ok(())
            }
            "drafthorse.Link" => {
                self.offload.add_link(drafthorse::Link::decode(m.data)?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Keyframes in the log, those that are shown, and what became of their blocks.
    pub(super) fn finish(mut self) -> (u64, Vec<Shown>, Option<Offloaded>) {
        let offered = self.shown.offered();
        let mut shown: Vec<_> = self.shown.into_items().collect();
        for shown in &mut shown {
            let begin_ns = shown.keyframe.begin_ns;
            shown.descriptions = self.descriptions.remove(&begin_ns).unwrap_or_default();
            shown.verdict = self.offload.of_keyframe(begin_ns).cloned();
        }
        (offered, shown, self.offload.finish())
    }

    /// Takes a description; the last one of a picture stands.
    fn describe(&mut self, description: drafthorse::Description) {
        let of_keyframe = self
            .descriptions
            .entry(description.keyframe_ns)
            .or_default();
        let place = of_keyframe.partition_point(|before| before.frame < description.frame);
        match of_keyframe.get_mut(place) {
            Some(before) if before.frame == description.frame => *before = description,
            _ if self.described < MAX_DESCRIPTIONS => {
                self.described += 1;
                of_keyframe.insert(place, description);
            }
            _ => {}
        }
    }

    fn hold(&mut self, m: &Message<'_>, at_ns: u64) -> Result<(), DecodeError> {
        let jpeg = CompressedImage::decode(m.data)?.data;
        if jpeg.starts_with(&[0xff, 0xd8]) {
            self.held.push(m.sensor_name().to_owned(), at_ns, &jpeg);
        }
        Ok(())
    }

    /// The preview nearest to a keyframe's picture.
    fn picture(&self, keyframe: &drafthorse::Keyframe) -> Option<Vec<u8>> {
        let (camera, at_ns) = (keyframe.camera.as_str(), keyframe.captured_ns);
        let nearest = self.held.nearest(camera, at_ns, MAX_AWAY_NS);
        nearest.map(|(_, jpeg)| jpeg.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(topic: &'a str, schema: &'a str, data: &'a [u8]) -> Message<'a> {
        Message {
            topic,
            schema,
            role: "derived",
            sensor: "front",
            log_time_ns: 0,
            publish_time_ns: 0,
            data,
        }
    }

    fn preview(keyframes: &mut Keyframes, at_ns: u64, bytes: usize) {
        let mut jpeg = vec![(at_ns / 1_000_000_000) as u8; bytes];
        jpeg[..2].copy_from_slice(&[0xff, 0xd8]);
        let image = CompressedImage {
            data: jpeg.into(),
            ..CompressedImage::default()
        };
        let data = image.encode_to_vec();
        let m = message("/front/preview", "foxglove.CompressedImage", &data);
        keyframes.add(&m, at_ns).unwrap();
    }

    fn keyframe(keyframes: &mut Keyframes, camera: &str, captured_ns: u64) {
        let keyframe = drafthorse::Keyframe {
            camera: camera.to_owned(),
            begin_ns: captured_ns,
            captured_ns,
            ..Default::default()
        };
        let data = keyframe.encode_to_vec();
        let m = message("/keyframes", "drafthorse.Keyframe", &data);
        keyframes.add(&m, captured_ns).unwrap();
    }

    #[test]
    fn a_keyframe_gets_the_nearest_picture_of_its_camera_and_memory_is_bounded() {
        const S: u64 = 1_000_000_000;
        let mut keyframes = Keyframes::default();
        for second in 0..100 {
            preview(&mut keyframes, second * S, 1 << 20);
        }
        keyframe(&mut keyframes, "front", 95 * S + S / 5);
        keyframe(&mut keyframes, "rear", 95 * S);
        keyframe(&mut keyframes, "front", 20 * S);
        for (frame, text) in [(1, "a car"), (0, "a van"), (0, "a truck")] {
            let description = drafthorse::Description {
                keyframe_ns: 95 * S,
                text: text.to_owned(),
                frame,
                ..Default::default()
            };
            let data = description.encode_to_vec();
            let m = message("/descriptions", "drafthorse.Description", &data);
            keyframes.add(&m, 0).unwrap();
        }
        let (count, shown, offloaded) = keyframes.finish();
        assert_eq!((count, offloaded.is_none()), (3, true));
        assert_eq!(shown[0].jpeg[2], 95);
        assert!(shown[1].jpeg.is_empty() && shown[2].jpeg.is_empty());
        let texts = shown.iter().map(|s| {
            let texts = s.descriptions.iter().map(|of| of.text.as_str());
            texts.collect::<Vec<_>>()
        });
        let texts: Vec<_> = texts.collect();
        assert_eq!(texts, [vec![], vec!["a truck", "a car"], vec![]]);
    }
}
