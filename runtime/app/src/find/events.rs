//! What the vehicle's and others' motion tells, in words: events of the radar's cues, stops and turns.

use super::drive::Text;
use drafthorse_core::{EgoMotion, Track};
use drafthorse_keyframes::{CueMaker, EventConfig, EventConfigError, EventKind, Events};

/// Speeds below which the vehicle stands, and above which it drives, m/s.
const STANDS_MPS: f64 = 0.3;
const DRIVES_MPS: f64 = 1.5;
/// It turns once it has come round by so much within a turn, rad, at this turn rate or more, rad/s.
const TURNED_RAD: f64 = 0.8;
const TURNS_RADPS: f64 = 0.12;

/// Finds events in scans in order of capture.
pub(crate) struct TrafficEvents {
    cues: CueMaker,
    events: Events,
    standing: Option<bool>,
    turned_rad: f64,
    told_turn: bool,
    last_ns: Option<u64>,
}

impl TrafficEvents {
    /// For a vehicle whose front is `front_m` ahead of its origin.
    ///
    /// # Errors
    /// Never with the default thresholds.
    pub(crate) fn new(front_m: f64) -> Result<Self, EventConfigError> {
        Ok(Self {
            cues: CueMaker::new(front_m),
            events: Events::new(&EventConfig::default())?,
            standing: None,
            turned_rad: 0.0,
            told_turn: false,
            last_ns: None,
        })
    }

    /// Takes the tracks of a scan and the vehicle's motion; `told` gets what happens.
    pub(crate) fn scan(
        &mut self,
        at_ns: u64,
        ego: &EgoMotion,
        tracks: &[Track],
        mut told: impl FnMut(Text),
    ) {
        let mut tell = |at_ns: u64, text: &str| {
            told(Text {
                at_ns,
                topic: "events".to_owned(),
                text: text.to_owned(),
            });
        };
        let cues = self.cues.scan(at_ns, ego, tracks);
        self.events.scan(at_ns, &cues, |event| {
            tell(event.begin_ns, words_of(event.kind));
        });
        match self.standing {
            Some(false) if ego.speed_mps.abs() < STANDS_MPS => {
                tell(at_ns, "the vehicle comes to a stop");
                self.standing = Some(true);
            }
            Some(true) if ego.speed_mps > DRIVES_MPS => {
                tell(at_ns, "the vehicle sets off");
                self.standing = Some(false);
            }
            None => self.standing = Some(ego.speed_mps.abs() < DRIVES_MPS),
            _ => {}
        }
        let dt_s = self
            .last_ns
            .map_or(0.0, |last| at_ns.saturating_sub(last) as f64 * 1e-9);
        self.last_ns = Some(at_ns);
        let turns = ego.yaw_rate_radps.abs() > TURNS_RADPS && dt_s < 1.0;
        if !turns || ego.yaw_rate_radps * self.turned_rad < 0.0 {
            (self.turned_rad, self.told_turn) = (0.0, false);
        }
        if turns {
            self.turned_rad += ego.yaw_rate_radps * dt_s;
        }
        if self.turned_rad.abs() > TURNED_RAD && !self.told_turn {
            self.told_turn = true;
            tell(
                at_ns,
                match self.turned_rad > 0.0 {
                    true => "the vehicle turns left",
                    false => "the vehicle turns right",
                },
            );
        }
    }
}

/// A kind of event, or the cue that a keyframe names, in words.
pub(super) fn words_of_cue(name: &str) -> Option<&'static str> {
    let kinds = [
        EventKind::Braking,
        EventKind::LeaderBraking,
        EventKind::Conflict,
        EventKind::Urgency,
        EventKind::Entry,
    ];
    kinds
        .into_iter()
        .find(|kind| kind.name() == name)
        .map(words_of)
}

fn words_of(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Braking => "the vehicle brakes hard",
        EventKind::LeaderBraking => "somebody ahead brakes hard",
        EventKind::Conflict => "a conflict ahead asks for braking",
        EventKind::Urgency => "near collision ahead",
        EventKind::Entry => "somebody cuts in close ahead",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_and_turns_are_told_once_each() {
        let mut events = TrafficEvents::new(3.7).unwrap();
        let mut told = Vec::new();
        for scan in 0..600_u64 {
            let t_s = scan as f64 * 0.05;
            let ego = EgoMotion {
                speed_mps: if (8.0..14.0).contains(&t_s) { 0.0 } else { 6.0 },
                yaw_rate_radps: match t_s {
                    t if t > 26.0 => 0.0,
                    t if t > 22.0 => -0.4,
                    t if t > 18.0 => 0.4,
                    _ => 0.0,
                },
                observed: true,
                ..EgoMotion::default()
            };
            events.scan(scan * 50_000_000, &ego, &[], |text| told.push(text.text));
        }
        told.retain(|text| !text.contains("brakes"));
        assert_eq!(
            told,
            [
                "the vehicle comes to a stop",
                "the vehicle sets off",
                "the vehicle turns left",
                "the vehicle turns right"
            ]
        );
    }
}
