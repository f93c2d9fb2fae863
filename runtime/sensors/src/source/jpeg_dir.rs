//! `jpeg:DIR`: a folder of JPEG pictures.
//!
//! Pictures are stamped by their file names where every name is a time: a whole number of
//! milliseconds, microseconds or nanoseconds since 1970 (told apart by its size), or seconds with
//! a decimal point. Otherwise, or where `?fps=` is given, they are taken in the natural order of
//! their names at that rate, 10 a second by default, from 0 on.

use super::{ReadOutcome, Source, SourceError, faults::FaultLog};
use crate::uri::SourceUri;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use std::{
    cmp::Ordering,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

const PICTURES_PER_SECOND: f64 = 10.0;
/// No camera's JPEG is this long, bytes.
const MAX_PICTURE: u64 = 256 << 20;

/// Gives picture after picture.
pub(super) struct JpegDir {
    sensor: SensorId,
    /// Stamp and file of each picture.
    pictures: Vec<(u64, PathBuf)>,
    next: usize,
    sequence: u32,
    faults: FaultLog,
}

impl JpegDir {
    pub(super) fn open(uri: &SourceUri, sensor: SensorId) -> Result<Self, SourceError> {
        let folder = uri.path();
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(SourceError::read(folder))? {
            let path = entry.map_err(SourceError::read(folder))?.path();
            if is_jpeg(&path) {
                files.push(path);
            }
        }
        if files.is_empty() {
            return Err(SourceError::Format {
                path: folder.to_owned(),
                expected: "a folder of JPEG pictures",
                why: "it holds no file that ends in .jpg or .jpeg".to_owned(),
            });
        }
        Ok(Self {
            sensor,
            pictures: stamped(files, uri.number("fps")?),
            next: 0,
            sequence: 0,
            faults: FaultLog::new(sensor),
        })
    }
}

fn is_jpeg(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str());
    extension.is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("jpeg"))
}

fn stem(path: &Path) -> &str {
    path.file_stem()
        .and_then(|s| s.to_str())
        .unwrap_or_default()
}

fn stamped(mut files: Vec<PathBuf>, rate: Option<f64>) -> Vec<(u64, PathBuf)> {
    if rate.is_none() {
        let times: Option<Vec<u64>> = files.iter().map(|f| time_of_name(stem(f))).collect();
        if let Some(times) = times {
            let mut pictures: Vec<_> = times.into_iter().zip(files).collect();
            pictures.sort();
            return pictures;
        }
    }
    let period_ns = 1e9 / rate.unwrap_or(PICTURES_PER_SECOND);
    files.sort_by(|a, b| natural_order(stem(a), stem(b)).then_with(|| a.cmp(b)));
    let time = |i: usize| (i as f64 * period_ns).round() as u64;
    let stamped = files.into_iter().enumerate();
    stamped.map(|(i, file)| (time(i), file)).collect()
}

/// Nanoseconds that a file name says, if it is a time.
fn time_of_name(name: &str) -> Option<u64> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if let Some((seconds, fraction)) = name.split_once('.') {
        if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
            return None;
        }
        let scale = 10_u64.pow(9 - fraction.len() as u32);
        let whole = seconds.parse::<u64>().ok()?.checked_mul(1_000_000_000)?;
        return whole.checked_add(fraction.parse::<u64>().ok()? * scale);
    }
    if !digits(name) {
        return None;
    }
    // Times from 2001 on have 13 digits in ms, 16 in us and 19 in ns; shorter numbers are counts.
    let scale = match name.trim_start_matches('0').len() {
        13..=14 => 1_000_000,
        16..=17 => 1_000,
        19..=20 => 1,
        _ => return None,
    };
    name.parse::<u64>().ok()?.checked_mul(scale)
}

/// Order in which `frame_2` comes before `frame_10`.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (head_a, rest_a) = head(a);
        let (head_b, rest_b) = head(b);
        let both = head_a.starts_with(|c: char| c.is_ascii_digit())
            && head_b.starts_with(|c: char| c.is_ascii_digit());
        let order = if both {
            let (x, y) = (
                head_a.trim_start_matches('0'),
                head_b.trim_start_matches('0'),
            );
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            head_a.cmp(head_b)
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.len().cmp(&b.len())
}

/// The run of digits or of other characters at the start, and what follows.
fn head(text: &str) -> (&str, &str) {
    let digit = |c: char| c.is_ascii_digit();
    let first = text.starts_with(digit);
    let end = text.find(|c: char| digit(c) != first);
    text.split_at(end.unwrap_or(text.len()))
}

impl Source for JpegDir {
    fn read(&mut self, into: &mut RawMessage, _: Duration) -> Result<ReadOutcome, SourceError> {
        while let Some((time_ns, path)) = self.pictures.get(self.next) {
            self.next += 1;
            if let Err(error) = load(path, &mut into.data) {
                let detail = format!("{} cannot be read: {error}", path.display());
                self.faults
                    .note(FaultKind::Undecodable, *time_ns, 1, &detail);
                continue;
            }
            into.sensor = self.sensor;
            into.format = RawFormat::Jpeg;
            into.captured_ns = *time_ns;
            into.received_ns = *time_ns;
            into.sequence = self.sequence;
            self.sequence = self.sequence.wrapping_add(1);
            return Ok(ReadOutcome::Message);
        }
        Ok(ReadOutcome::End)
    }

    fn take_faults(&mut self, out: &mut Vec<Fault>) {
        self.faults.take(out);
    }

    fn progress(&self) -> Option<f64> {
        Some(self.next as f64 / self.pictures.len() as f64)
    }
}

fn load(path: &Path, into: &mut Vec<u8>) -> io::Result<()> {
    into.clear();
    let read = File::open(path)?.take(MAX_PICTURE + 1).read_to_end(into)?;
    if read as u64 > MAX_PICTURE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is too long for a picture",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_times_are_told_apart_by_their_size() {
        let ns = 1_708_578_203_955_760_000;
        assert_eq!(time_of_name("1708578203955760000"), Some(ns));
        assert_eq!(time_of_name("1708578203955760"), Some(ns));
        assert_eq!(time_of_name("1708578203955"), Some(ns - 760_000));
        assert_eq!(time_of_name("1708578203.95576"), Some(ns));
        assert_eq!(time_of_name("12.5"), Some(12_500_000_000));
        for other in [
            "000123",
            "frame_7",
            "1.2.3",
            "",
            ".5",
            "99999999999999999999",
        ] {
            assert_eq!(time_of_name(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_in_names_are_ordered_by_value() {
        let mut names = ["f10", "f9", "f09b", "a", "f", "f1_2", "f1_10"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["a", "f", "f1_2", "f1_10", "f9", "f09b", "f10"]);
    }
}
