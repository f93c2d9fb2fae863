//! The board: heat, speed, and what the lanes make of it. One second a step.

use super::trace::Trace;
use crate::ladder::Rung;
use crate::reading::{LaneLoad, Reading};

/// Processor cores.
const CORES: f64 = 4.0;
/// Power at rest, and what full load at full speed adds, W.
const REST_W: f64 = 4.0;
const LOAD_W: f64 = 14.0;
/// Degrees above the air for each watt, once settled, and the time that takes, s.
const WARMTH_C_PER_W: f64 = 2.9;
const SETTLES_S: f64 = 90.0;
/// Where the board slows itself down, where it lets go again, and how slow it gets.
const LIMIT_C: f64 = 95.0;
const LETS_GO_C: f64 = 92.0;
pub(super) const SLOWEST: f64 = 0.4;
/// Speed lost in a second above the limit, and won back in one below.
const SLOWS: f64 = 0.1;
pub(super) const RECOVERS: f64 = 0.05;
/// Scans and pictures a second (three cameras).
const SCANS: f64 = 20.0;
const PICTURES: f64 = 45.0;
/// Time of one core for a scan outside its network (in usual traffic), for the network, and for a picture, at full speed, s:
/// our stages on a core of a server, times two for a core of a board, the network in 8 bits.
const SCAN_S: f64 = 0.006;
const NETWORK_S: f64 = 0.016;
const PICTURE_S: f64 = 0.012;
const SCAN_DEADLINE_S: f64 = 0.050;
const PICTURE_DEADLINE_S: f64 = 0.066;
/// Spread of a step's time (standard deviation of its logarithm): 14 ms in the median and 23 at the 99th percentile.
const SPREAD: f64 = 0.2;

/// State of the board.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plant {
    /// Degrees Celsius.
    pub temperature_c: f64,
    /// Share of full speed.
    pub speed: f64,
    last: Step,
    /// Late scans and pictures since the drive began.
    late: [f64; 2],
    /// Of these, told before the last second.
    told: [f64; 2],
}

/// What happened in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Scans that were late.
    pub radar_late: f64,
    /// Pictures that were late or found no room.
    pub camera_late: f64,
    busy: f64,
    camera_steps: f64,
}

impl Plant {
    /// As warm as the air of the drive's beginning and some minutes of idling make it.
    #[must_use]
    pub fn cold(trace: &Trace) -> Self {
        Self {
            temperature_c: trace.air_c(0) + WARMTH_C_PER_W * REST_W,
            speed: 1.0,
            last: Step::default(),
            late: [0.0; 2],
            told: [0.0; 2],
        }
    }

    /// A state to plan with.
    #[must_use]
    pub fn at(temperature_c: f64, speed: f64) -> Self {
        Self {
            temperature_c,
            speed,
            last: Step::default(),
            late: [0.0; 2],
            told: [0.0; 2],
        }
    }

    /// What the board and the lanes tell of the last second.
    #[must_use]
    pub fn reading(&self, second: usize) -> Reading {
        // Whole steps: a twentieth of a step is late in every twentieth second.
        let count = |lane: usize| (self.late[lane].floor() - self.told[lane].floor()) as u32;
        Reading {
            at_ns: second as u64 * 1_000_000_000,
            busy: Some(self.last.busy.min(1.0)),
            headroom_c: Some(LIMIT_C - self.temperature_c),
            power: None,
            lanes: vec![
                LaneLoad {
                    late: count(0),
                    steps: SCANS as u32,
                },
                LaneLoad {
                    late: count(1),
                    steps: self.last.camera_steps as u32,
                },
            ],
        }
    }

    /// Goes on for a second on a rung.
    pub fn step(&mut self, rung: &Rung, trace: &Trace, second: usize) -> Step {
        let step = Step::at(self.speed, rung, trace, second);
        self.take(step, trace.air_c(second));
        step
    }

    /// What a second does to the board.
    pub(super) fn take(&mut self, step: Step, air_c: f64) {
        let power_w = REST_W + LOAD_W * step.busy * self.speed * self.speed;
        let settled_c = air_c + WARMTH_C_PER_W * power_w;
        self.temperature_c += (settled_c - self.temperature_c) / SETTLES_S;
        if self.temperature_c > LIMIT_C {
            self.speed = (self.speed - SLOWS).max(SLOWEST);
        } else if self.temperature_c < LETS_GO_C {
            self.speed = (self.speed + RECOVERS).min(1.0);
        }
        self.told = self.late;
        self.late[0] += step.radar_late;
        self.late[1] += step.camera_late;
        self.last = step;
    }
}

impl Step {
    /// A second on a rung at a share of full speed.
    pub(super) fn at(speed: f64, rung: &Rung, trace: &Trace, second: usize) -> Self {
        let settings = &rung.settings;
        let crowd = trace.crowd(second);
        let scan_s = SCAN_S * crowd + NETWORK_S * settings.detector;
        let radar = SCANS * scan_s;
        let pictures = PICTURES * settings.camera_rate;
        let cameras = pictures * PICTURE_S;
        let words = 0.4 + 0.6 * settings.draft_length;
        let described = trace.describing(second)
            * settings.described_keyframes
            * words
            * (0.3 + 0.7 * settings.token_keep);
        let others = trace.others(second);
        let wanted = (radar + cameras + described + others) / (CORES * speed);
        let busy = wanted.min(1.0);
        // The radar's lane goes first; cameras share what is left with what does not matter to them.
        let radar_time_s = scan_s / speed * (1.0 + 0.3 * busy * busy);
        let waiting = 1.0 / (1.0 - wanted.min(0.97));
        let camera_time_s = PICTURE_S / speed * (0.6 + 0.4 * waiting);
        // What the processors have no time for is not decoded.
        let starved = (1.0 - 1.0 / wanted.max(1.0)).max(0.0);
        let late = tail(camera_time_s, PICTURE_DEADLINE_S);
        Self {
            radar_late: SCANS * tail(radar_time_s, SCAN_DEADLINE_S),
            camera_late: pictures * (starved + (1.0 - starved) * late),
            busy,
            camera_steps: pictures,
        }
    }
}

/// Share of steps of the median length `median_s` that take longer than `deadline_s`.
fn tail(median_s: f64, deadline_s: f64) -> f64 {
    let z = (deadline_s / median_s).ln() / SPREAD;
    // The normal distribution's tail by the logistic curve, within 0.01.
    let share = 1.0 / (1.0 + (1.702 * z).exp());
    // Far below the deadline nothing is late.
    if z > 3.5 { 0.0 } else { share }
}
