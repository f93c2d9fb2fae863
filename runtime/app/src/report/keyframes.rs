//! The keyframes of a log with their pictures. A keyframe is logged some seconds after its moment, so
//! the latest pictures are held until then.

use super::fold::Message;
use super::thin::Thinned;
use drafthorse_record::messages::drafthorse;
use foxglove::messages::CompressedImage;
use prost::DecodeError;
use prost::Message as _;
use std::collections::VecDeque;

/// Bytes of pictures held for keyframes to come.
const MAX_HELD_BYTES: usize = 16 << 20;
/// Keyframes shown, and bytes of their pictures.
const MAX_SHOWN: usize = 240;
const MAX_SHOWN_BYTES: usize = 6 << 20;
/// A picture further away than this is not that of a keyframe, ns.
const MAX_AWAY_NS: u64 = 500_000_000;

/// One keyframe that is shown.
#[derive(Debug)]
pub(super) struct Shown {
    pub keyframe: drafthorse::Keyframe,
    /// JPEG; empty where none is at hand.
    pub jpeg: Vec<u8>,
}

#[derive(Debug)]
struct Held {
    camera: String,
    at_ns: u64,
    jpeg: Vec<u8>,
}

/// The state of the fold.
#[derive(Debug)]
pub(super) struct Keyframes {
    held: VecDeque<Held>,
    held_bytes: usize,
    shown: Thinned<Shown>,
}

impl Default for Keyframes {
    fn default() -> Self {
        Self {
            held: VecDeque::new(),
            held_bytes: 0,
            shown: Thinned::new(MAX_SHOWN, MAX_SHOWN_BYTES),
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
                    (Shown { keyframe, jpeg }, weight)
                });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Keyframes in the log, and those that are shown.
    pub(super) fn finish(self) -> (u64, Vec<Shown>) {
        (self.shown.offered(), self.shown.into_items().collect())
    }

    fn hold(&mut self, m: &Message<'_>, at_ns: u64) -> Result<(), DecodeError> {
        let jpeg = CompressedImage::decode(m.data)?.data.to_vec();
        if !jpeg.starts_with(&[0xff, 0xd8]) || jpeg.len() > MAX_HELD_BYTES {
            return Ok(());
        }
        self.held_bytes += jpeg.len();
        self.held.push_back(Held {
            camera: m.sensor_name().to_owned(),
            at_ns,
            jpeg,
        });
        while self.held_bytes > MAX_HELD_BYTES {
            let first = self.held.pop_front();
            self.held_bytes -= first.map_or(self.held_bytes, |held| held.jpeg.len());
        }
        Ok(())
    }

    /// The preview nearest to a keyframe's picture.
    fn picture(&self, keyframe: &drafthorse::Keyframe) -> Option<Vec<u8>> {
        let away = |held: &&Held| held.at_ns.abs_diff(keyframe.captured_ns);
        let of_camera = self.held.iter().filter(|h| h.camera == keyframe.camera);
        let nearest = of_camera.min_by_key(away)?;
        (away(&nearest) <= MAX_AWAY_NS).then(|| nearest.jpeg.clone())
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
        assert!(keyframes.held_bytes <= MAX_HELD_BYTES && keyframes.held.len() == 16);
        keyframe(&mut keyframes, "front", 95 * S + S / 5);
        keyframe(&mut keyframes, "rear", 95 * S);
        keyframe(&mut keyframes, "front", 20 * S);
        let (count, shown) = keyframes.finish();
        assert_eq!(count, 3);
        assert_eq!(shown[0].jpeg[2], 95);
        assert!(shown[1].jpeg.is_empty() && shown[2].jpeg.is_empty());
    }
}
