//! The H.264 track of an MP4 file: where its access units lie and when they are shown.

use super::super::SourceError;
use re_mp4::{Mp4, StsdBoxContent, Track, TrackKind, TrakBox};
use std::{
    fs::File,
    io::BufReader,
    panic::{self, AssertUnwindSafe},
    path::Path,
};

/// No access unit of a camera is this long, bytes.
const MAX_UNIT: u64 = 64 << 20;
const START_CODE: [u8; 4] = [0, 0, 0, 1];
const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;

/// One access unit in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) offset: u64,
    pub(super) bytes: usize,
    /// Presentation time, ns.
    pub(super) time_ns: u64,
}

/// The track.
#[derive(Debug)]
pub(super) struct Demuxed {
    pub(super) units: Vec<Unit>,
    /// Parameter sets in Annex B form.
    parameters: Vec<u8>,
    /// Bytes of the length before each NAL unit, 1 to 4.
    length_bytes: usize,
}

/// Finds the first video track of the file.
pub(super) fn demux(path: &Path, file: &mut File) -> Result<Demuxed, SourceError> {
    let size = file.metadata().map_err(SourceError::read(path))?.len();
    let format = |why: String| SourceError::Format {
        path: path.to_owned(),
        expected: "an MP4 file with H.264 video",
        why,
    };
    // The parser indexes tables that a hostile file may leave short.
    let parse = AssertUnwindSafe(|| Mp4::read(BufReader::new(file), size));
    let mp4 = panic::catch_unwind(parse)
        .map_err(|_| format("its tables contradict each other".to_owned()))?
        .map_err(|error| format(error.to_string()))?;
    let mut tracks = mp4.tracks().values();
    let track = tracks
        .find(|track| track.kind == Some(TrackKind::Video))
        .ok_or_else(|| format("it has no video track".to_owned()))?;
    let trak = track.trak(&mp4);
    let StsdBoxContent::Avc1(avc) = &trak.mdia.minf.stbl.stsd.contents else {
        return Err(SourceError::Unsupported {
            path: path.to_owned(),
            what: "its video is not H.264".to_owned(),
            instead: "convert it, for example with `ffmpeg -i IN -c:v libx264 -bf 0 OUT.mp4`",
        });
    };
    let avcc = &avc.avcc.contents;
    let mut parameters = Vec::new();
    let sets = avcc.sequence_parameter_sets.iter();
    for set in sets.chain(&avcc.picture_parameter_sets) {
        parameters.extend_from_slice(&START_CODE);
        parameters.extend_from_slice(&set.bytes);
    }
    let movie_timescale = u64::from(mp4.moov.mvhd.timescale);
    let delay_ns = edit_delay_ns(path, trak, movie_timescale)?;
    Ok(Demuxed {
        units: units(path, track, delay_ns)?,
        parameters,
        length_bytes: usize::from(avcc.length_size_minus_one & 3) + 1,
    })
}

/// Time that empty edits put before the one edit that shows the track.
fn edit_delay_ns(path: &Path, trak: &TrakBox, timescale: u64) -> Result<u64, SourceError> {
    let list = trak.edts.as_ref().and_then(|edts| edts.elst.as_ref());
    let entries = list.map_or(&[][..], |list| &list.entries);
    let mut delay_ns = 0;
    let mut shown = 0;
    for entry in entries {
        // A media time of -1, which the parser reads unsigned in either width.
        if entry.media_time == u64::MAX || entry.media_time == u64::from(u32::MAX) {
            delay_ns += scale_ns(entry.segment_duration, timescale);
            continue;
        }
        shown += 1;
        if shown > 1 || (entry.media_rate, entry.media_rate_fraction) != (1, 0) {
            return Err(SourceError::Unsupported {
                path: path.to_owned(),
                what: "its edit list shows several parts, or one at another speed".to_owned(),
                instead: "write it anew, for example with `ffmpeg -i IN -c:v libx264 -bf 0 OUT.mp4`",
            });
        }
    }
    Ok(delay_ns)
}

fn units(path: &Path, track: &Track, delay_ns: u64) -> Result<Vec<Unit>, SourceError> {
    let mut units: Vec<Unit> = Vec::with_capacity(track.samples.len());
    let first = track.samples.first().map_or(0, |s| s.composition_timestamp);
    for sample in &track.samples {
        let since_first = sample.composition_timestamp.saturating_sub(first);
        let time = u64::try_from(since_first).ok();
        let time_ns = time.map(|t| delay_ns.saturating_add(scale_ns(t, sample.timescale)));
        let in_order = units.last().map_or(Some(0), |last| Some(last.time_ns));
        let Some(time_ns) = time_ns.filter(|t| Some(*t) >= in_order) else {
            return Err(SourceError::Unsupported {
                path: path.to_owned(),
                what: "its pictures are not stored in the order they are shown (B-frames)"
                    .to_owned(),
                instead: "write it without, for example with `ffmpeg -i IN -c:v libx264 -bf 0 OUT.mp4`",
            });
        };
        if sample.size > MAX_UNIT {
            return Err(SourceError::Format {
                path: path.to_owned(),
                expected: "an MP4 file with H.264 video",
                why: format!("a picture of {} bytes is not believed", sample.size),
            });
        }
        units.push(Unit {
            offset: sample.offset,
            bytes: sample.size as usize,
            time_ns,
        });
    }
    if units.is_empty() {
        return Err(SourceError::Format {
            path: path.to_owned(),
            expected: "an MP4 file with H.264 video",
            why: "its video track has no pictures".to_owned(),
        });
    }
    Ok(units)
}

/// `ticks / timescale` in nanoseconds, rounded to the nearest.
fn scale_ns(ticks: u64, timescale: u64) -> u64 {
    let scale = u128::from(timescale.max(1));
    let ns = (u128::from(ticks) * 1_000_000_000 + scale / 2) / scale;
    u64::try_from(ns).unwrap_or(u64::MAX)
}

impl Demuxed {
    /// Appends an access unit in Annex B form, parameter sets before a key frame that has none of
    /// its own. False where the unit's NAL lengths do not add up to it.
    pub(super) fn annex_b(&self, unit: &[u8], out: &mut Vec<u8>) -> bool {
        let kinds = || Nals::new(unit, self.length_bytes).flatten();
        let has = |kind: u8| {
            let mut kinds = kinds().filter_map(|nal| nal.first());
            kinds.any(|first| first & 0x1f == kind)
        };
        if Nals::new(unit, self.length_bytes).any(|nal| nal.is_none()) {
            return false;
        }
        if has(NAL_IDR) && !has(NAL_SPS) {
            out.extend_from_slice(&self.parameters);
        }
        for nal in kinds() {
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(nal);
        }
        !unit.is_empty()
    }
}

/// NAL units of a length-prefixed access unit; `None` once where a length does not fit.
struct Nals<'a> {
    rest: &'a [u8],
    length_bytes: usize,
}

impl<'a> Nals<'a> {
    fn new(unit: &'a [u8], length_bytes: usize) -> Self {
        Self {
            rest: unit,
            length_bytes,
        }
    }
}

impl<'a> Iterator for Nals<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let Some((length, rest)) = rest.split_at_checked(self.length_bytes) else {
            return Some(None);
        };
        let length = length.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
        let Some((nal, rest)) = rest.split_at_checked(length) else {
            return Some(None);
        };
        self.rest = rest;
        Some(Some(nal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Demuxed {
        Demuxed {
            units: Vec::new(),
            parameters: vec![0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x68],
            length_bytes: 2,
        }
    }

    #[test]
    fn parameter_sets_go_before_key_frames_only() {
        let mut out = Vec::new();
        assert!(stream().annex_b(&[0, 2, 0x65, 9], &mut out));
        let expected = [0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x68, 0, 0, 0, 1, 0x65, 9];
        assert_eq!(out, expected);
        out.clear();
        assert!(stream().annex_b(&[0, 2, 0x41, 9, 0, 1, 0x06], &mut out));
        assert_eq!(out, [0, 0, 0, 1, 0x41, 9, 0, 0, 0, 1, 0x06]);
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let mut out = Vec::new();
        for unit in [&[0_u8, 3, 0x65, 9][..], &[0][..], &[]] {
            assert!(!stream().annex_b(unit, &mut out), "{unit:?}");
            assert!(out.is_empty());
        }
    }

    #[test]
    fn times_are_rounded_to_the_nearest_nanosecond() {
        assert_eq!(scale_ns(1, 25), 40_000_000);
        assert_eq!(scale_ns(1001, 30_000), 33_366_667);
        assert_eq!(scale_ns(u64::MAX, 1), u64::MAX);
    }
}
