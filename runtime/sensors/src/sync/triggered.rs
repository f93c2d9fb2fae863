//! Which pulse of the sync microcontroller took which picture of a camera that it triggers.
//!
//! A camera numbers its pictures and stamps them some time after the pulse; the microcontroller numbers its pulses and
//! stamps them to the microsecond. What a picture's number and its pulse's differ by stays the same from picture to
//! picture, and time says what it is: the pulse that is nearest to the picture's own stamp less the camera's delay. Once
//! three pictures in a row agree, a picture gets its pulse's stamp where number and time agree with them. Where they do
//! not, it keeps its own, and the difference changes when three in a row agree on another one: the camera did not see a
//! pulse, or started anew. A pulse that was lost on the line is where its neighbours say.

use std::collections::VecDeque;

/// Pulses that are remembered.
const PULSES: usize = 64;
/// So many periods from a pulse that is known, others are where it says.
const REACH: f64 = 3.0;
/// A picture further from any pulse than this share of a period may be of either neighbour.
const CLEAR: f64 = 0.35;
/// Pictures in a row that have to agree.
const AGREE: u32 = 3;
/// Pictures in a row without a pulse until that is told.
const TROUBLE: u64 = 10;

/// What somebody should be told of a camera and its pulses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchEvent {
    /// So many pictures in a row, this one the last, belong to no pulse that is known. Told again as they go on, at twice as
    /// many each time.
    Unmatched(u64),
    /// Pictures have pulses again, after so many that had none.
    Matched(u64),
    /// From here on pictures belong to pulses later by so many than their numbers say: the camera did not take that many.
    /// Negative where it took pictures without a pulse.
    Moved(i64),
}

/// The fold over a camera's pictures and the pulses of its output.
#[derive(Clone, Debug)]
pub struct FrameMatcher {
    period_ns: f64,
    delay_ns: i64,
    /// Number and stamp, oldest first.
    pulses: VecDeque<(u32, u64)>,
    /// Pulse's number less picture's number, once pictures agreed on it.
    agreed: Option<i64>,
    /// What the latest pictures say that it is, and how many in a row.
    candidate: Option<(i64, u32)>,
    unmatched: u64,
    event: Option<MatchEvent>,
}

impl FrameMatcher {
    /// For pulses at a rate (thousandths of a hertz, above 0) and a camera whose own stamps are so long after its pulses.
    #[must_use]
    pub fn new(rate_millihz: u32, delay_ns: i64) -> Self {
        Self {
            period_ns: 1e12 / f64::from(rate_millihz.max(1)),
            delay_ns,
            pulses: VecDeque::with_capacity(PULSES),
            agreed: None,
            candidate: None,
            unmatched: 0,
            event: None,
        }
    }

    /// Takes a pulse: its number since the output was declared, and its stamp on the vehicle clock.
    pub fn pulse(&mut self, count: u32, at_ns: u64) {
        let last = self.pulses.back();
        // A number that does not grow is of another life of the microcontroller or another declaration.
        if last.is_some_and(|(before, _)| count <= *before) {
            self.pulses.clear();
            self.agreed = None;
            self.candidate = None;
        }
        if self.pulses.len() == PULSES {
            self.pulses.pop_front();
        }
        self.pulses.push_back((count, at_ns));
    }

    /// Takes a picture by its number and its own stamp; gives the stamp of its pulse where both are sure which.
    pub fn frame(&mut self, sequence: u32, stamp_ns: u64) -> Option<u64> {
        let found = self.nearest(stamp_ns);
        let stamp = found.and_then(|(count, pulse_ns)| {
            let offset = count - i64::from(sequence);
            self.agree(offset).then_some(pulse_ns)
        });
        match stamp {
            Some(_) if self.unmatched >= TROUBLE => {
                self.event = Some(MatchEvent::Matched(self.unmatched));
                self.unmatched = 0;
            }
            Some(_) => self.unmatched = 0,
            None => {
                self.unmatched += 1;
                let (times, rest) = (self.unmatched / TROUBLE, self.unmatched % TROUBLE);
                if rest == 0 && times.is_power_of_two() {
                    self.event = Some(MatchEvent::Unmatched(self.unmatched));
                }
            }
        }
        stamp
    }

    /// What happened with the last picture.
    pub fn take_event(&mut self) -> Option<MatchEvent> {
        self.event.take()
    }

    /// The pulse whose picture would have that stamp: its number and stamp. None where two could be meant, or none is
    /// known about that time.
    fn nearest(&self, stamp_ns: u64) -> Option<(i64, u64)> {
        let wanted_ns = stamp_ns.checked_add_signed(self.delay_ns.checked_neg()?)?;
        let away = |(_, at_ns): &&(u32, u64)| at_ns.abs_diff(wanted_ns);
        let (count, at_ns) = self.pulses.iter().min_by_key(away)?;
        let periods = (i128::from(wanted_ns) - i128::from(*at_ns)) as f64 / self.period_ns;
        let whole = periods.round();
        if (periods - whole).abs() > CLEAR || whole.abs() > REACH {
            return None;
        }
        let pulse_ns = at_ns.checked_add_signed((whole * self.period_ns).round() as i64)?;
        Some((i64::from(*count) + whole as i64, pulse_ns))
    }

    /// Whether a picture agrees with those before it.
    fn agree(&mut self, offset: i64) -> bool {
        if self.agreed == Some(offset) {
            self.candidate = None;
            return true;
        }
        let before = self.candidate.filter(|(same, _)| *same == offset);
        let agree = before.map_or(1, |(_, count)| count + 1);
        if agree < AGREE {
            self.candidate = Some((offset, agree));
            return false;
        }
        self.candidate = None;
        if let Some(before) = self.agreed.replace(offset) {
            self.event = Some(MatchEvent::Moved(offset - before));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;
    const START: u64 = 1_764_000_000_000 * MS;
    /// 20 a second.
    const PERIOD: u64 = 50 * MS;
    const DELAY: u64 = 12 * MS;

    fn pulse_ns(count: u64) -> u64 {
        START + count * PERIOD
    }

    /// Pictures of pulses: `(number, pulse)`; what they are stamped, each pulse told before its picture.
    fn stamps(matcher: &mut FrameMatcher, frames: &[(u32, u64)]) -> Vec<Option<u64>> {
        let mut told = 0;
        let frame = |&(sequence, pulse): &(u32, u64)| {
            while told <= pulse {
                matcher.pulse(told as u32, pulse_ns(told));
                told += 1;
            }
            matcher.frame(sequence, pulse_ns(pulse) + DELAY)
        };
        frames.iter().map(frame).collect()
    }

    fn matcher() -> FrameMatcher {
        FrameMatcher::new(20_000, DELAY as i64)
    }

    #[test]
    fn pictures_get_their_pulses_stamps_once_three_agree() {
        let mut matcher = matcher();
        let frames: Vec<_> = (0..10).map(|i| (i as u32, i + 7)).collect();
        let stamped = stamps(&mut matcher, &frames);
        assert_eq!(stamped[..2], [None, None]);
        for (stamp, (_, pulse)) in stamped.iter().zip(&frames).skip(2) {
            assert_eq!(*stamp, Some(pulse_ns(*pulse)));
        }
        assert_eq!(matcher.take_event(), None);
    }

    #[test]
    fn pictures_that_the_camera_counts_may_be_lost() {
        let mut matcher = matcher();
        let frames: Vec<_> = (0..40)
            .filter(|i| i % 7 != 3 && !(20..25).contains(i))
            .map(|i| (i as u32, i))
            .collect();
        let stamped = stamps(&mut matcher, &frames);
        assert!(stamped[2..].iter().all(Option::is_some));
        assert_eq!(matcher.take_event(), None);
    }

    #[test]
    fn a_pulse_that_the_camera_did_not_see_moves_pictures_after_three() {
        let mut matcher = matcher();
        // From picture 10 on it has missed a pulse, without counting it.
        let frames: Vec<_> = (0..20)
            .map(|i| (i as u32, if i < 10 { i } else { i + 1 }))
            .collect();
        let stamped = stamps(&mut matcher, &frames);
        assert_eq!(stamped[10..12], [None, None]);
        assert_eq!(stamped[12], Some(pulse_ns(13)));
        assert_eq!(stamped[19], Some(pulse_ns(20)));
        assert_eq!(matcher.take_event(), Some(MatchEvent::Moved(1)));
    }

    #[test]
    fn lost_pulses_are_where_their_neighbours_say() {
        let mut matcher = matcher();
        for i in 0..60u64 {
            if i < 4 || i % 5 == 0 {
                matcher.pulse(i as u32, pulse_ns(i));
            }
            let stamp = matcher.frame(i as u32, pulse_ns(i) + DELAY);
            // The next known pulse may be four ahead: too far to say.
            assert!(
                i < 2 || i % 5 == 4 || stamp == Some(pulse_ns(i)),
                "{i}: {stamp:?}"
            );
        }
    }

    #[test]
    fn a_camera_that_runs_freely_is_told() {
        let mut matcher = matcher();
        let mut events = Vec::new();
        let mut stamped = 0;
        for i in 0..200u64 {
            matcher.pulse(i as u32, pulse_ns(i));
            // 19 a second.
            let at = pulse_ns(0) + i * 52_631_579;
            stamped += u32::from(matcher.frame(i as u32, at).is_some());
            events.extend(matcher.take_event());
        }
        assert!(
            matches!(events[0], MatchEvent::Moved(1) | MatchEvent::Unmatched(10)),
            "{events:?}"
        );
        assert!(events.len() >= 5, "{events:?}");
        assert!(stamped < 150, "{stamped}");
        // Without pulses at all.
        let mut silent = FrameMatcher::new(20_000, 0);
        let events: Vec<_> = (0..50)
            .filter_map(|i| {
                assert_eq!(silent.frame(i, pulse_ns(u64::from(i))), None);
                silent.take_event()
            })
            .collect();
        let told = [10, 20, 40].map(MatchEvent::Unmatched);
        assert_eq!(events, told);
        matcher.pulse(1, pulse_ns(1));
    }

    #[test]
    fn a_microcontroller_that_starts_anew_is_matched_anew() {
        let mut matcher = matcher();
        let frames: Vec<_> = (0..10).map(|i| (i as u32, i)).collect();
        stamps(&mut matcher, &frames);
        let later = |i: u64| pulse_ns(30) + 7 * MS + i * PERIOD;
        let stamped: Vec<_> = (0..6u64)
            .map(|i| {
                matcher.pulse(i as u32, later(i));
                matcher.frame(10 + i as u32, later(i) + DELAY)
            })
            .collect();
        assert_eq!(stamped[..2], [None, None]);
        assert_eq!(stamped[5], Some(later(5)));
    }

    proptest! {
        /// Pictures may be lost, pulses may be lost, and stamps may be late by a third of a period: what is stamped is right.
        #[test]
        fn what_is_stamped_is_right(
            first in 0u64..100,
            events in prop::collection::vec((0.0..1.0f64, 0.0..1.0f64, 0u64..16 * MS), 20..200),
        ) {
            let mut matcher = matcher();
            let (mut stamped, mut taken) = (0, 0);
            for (i, (pulse_lost, frame_lost, late)) in events.into_iter().enumerate() {
                let pulse = first + i as u64;
                if pulse_lost > 0.1 {
                    matcher.pulse(pulse as u32, pulse_ns(pulse));
                }
                if frame_lost > 0.1 {
                    taken += 1;
                    if let Some(stamp) = matcher.frame(1000 + i as u32, pulse_ns(pulse) + DELAY + late) {
                        stamped += 1;
                        prop_assert_eq!(stamp, pulse_ns(pulse));
                    }
                }
            }
            prop_assert!(stamped + 4 >= taken, "{} of {}", stamped, taken);
        }
    }
}
