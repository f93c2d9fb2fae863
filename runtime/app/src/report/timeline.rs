//! One time axis for the page. Sensors of one drive share it; recordings of different times (a log
//! may hold several, declared unrelated) are laid side by side, each from its own beginning.

use std::collections::BTreeMap;

/// Streams that begin this long after all others have ended are another recording, ns.
const GAP_NS: u64 = 60_000_000_000;
/// A capture stamp this far from its receipt is not a place on the axis, ns.
const PLAUSIBLE_NS: u64 = 30_000_000_000;

/// First and last instants of each stream while a log is read.
#[derive(Debug, Default)]
pub(super) struct Streams {
    sensors: BTreeMap<String, (u64, u64)>,
    others: BTreeMap<String, (u64, u64)>,
}

/// Where a message stands on the axis: its capture time, or its receipt where the capture stamp is
/// implausible (a broken clock would stretch the axis to decades).
pub(crate) fn instant_ns(captured_ns: u64, received_ns: u64) -> u64 {
    if captured_ns != 0 && captured_ns.abs_diff(received_ns) <= PLAUSIBLE_NS {
        captured_ns
    } else {
        received_ns
    }
}

impl Streams {
    /// Notes an instant of a topic; `sensor` tells that the topic belongs to one sensor.
    pub(super) fn note(&mut self, topic: &str, sensor: bool, at_ns: u64) {
        let map = if sensor {
            &mut self.sensors
        } else {
            &mut self.others
        };
        if let Some((first, last)) = map.get_mut(topic) {
            *first = at_ns.min(*first);
            *last = at_ns.max(*last);
        } else {
            map.insert(topic.to_owned(), (at_ns, at_ns));
        }
    }

    /// The axis of everything noted.
    pub(super) fn axis(&self) -> Axis {
        let streams = if self.sensors.is_empty() {
            &self.others
        } else {
            &self.sensors
        };
        let mut spans: Vec<_> = streams.values().copied().collect();
        spans.sort_unstable();
        let mut recordings: Vec<(u64, u64)> = Vec::new();
        for (first, last) in spans {
            match recordings.last_mut() {
                Some(r) if first <= r.1.saturating_add(GAP_NS) => r.1 = r.1.max(last),
                _ => recordings.push((first, last)),
            }
        }
        Axis { recordings }
    }
}

/// Maps instants to milliseconds from the beginning of their recording.
#[derive(Debug)]
pub(super) struct Axis {
    /// First and last instant of each recording, ns, in order.
    pub(super) recordings: Vec<(u64, u64)>,
}

impl Axis {
    /// Milliseconds after the beginning of the recording that holds (or is nearest to) an instant.
    pub(super) fn ms(&self, at_ns: u64) -> i64 {
        let nearest = self
            .recordings
            .iter()
            .min_by_key(|(first, last)| first.saturating_sub(at_ns) + at_ns.saturating_sub(*last));
        let origin_ns = nearest.map_or(at_ns, |r| r.0);
        let ns = i128::from(at_ns) - i128::from(origin_ns);
        i64::try_from(ns.div_euclid(1_000_000)).unwrap_or(0)
    }

    /// Length of the longest recording, ms.
    pub(super) fn duration_ms(&self) -> i64 {
        let longest = self.recordings.iter().map(|(a, b)| b - a).max();
        i64::try_from(longest.unwrap_or(0) / 1_000_000).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn sensors_of_one_drive_share_an_axis() {
        let mut streams = Streams::default();
        for t in [100 * S, 120 * S] {
            streams.note("/radar/raw", true, t);
            streams.note("/camera/video", true, t + S / 2);
        }
        let axis = streams.axis();
        assert_eq!(axis.recordings, [(100 * S, 120 * S + S / 2)]);
        assert_eq!(axis.ms(101 * S), 1000);
        assert_eq!(axis.ms(99 * S), -1000);
        assert_eq!(axis.duration_ms(), 20_500);
    }

    #[test]
    fn recordings_of_different_years_lie_side_by_side() {
        let mut streams = Streams::default();
        for (topic, start) in [("/can/raw", 1_500_000_000), ("/cam/video", 0)] {
            streams.note(topic, true, start * S);
            streams.note(topic, true, (start + 30) * S);
        }
        // A fold over both does not bridge them.
        streams.note("/tracks", false, S);
        streams.note("/tracks", false, 1_500_000_010 * S);
        let axis = streams.axis();
        assert_eq!(axis.recordings.len(), 2);
        assert_eq!(axis.ms(1_500_000_010 * S), 10_000);
        assert_eq!(axis.duration_ms(), 30_000);
    }

    #[test]
    fn an_implausible_stamp_is_placed_by_its_receipt() {
        assert_eq!(instant_ns(10 * S, 11 * S), 10 * S);
        assert_eq!(instant_ns(10 * S, 90 * S), 90 * S);
        assert_eq!(instant_ns(0, 5), 5);
    }
}
