//! Cues of a radar scan: how urgent the traffic ahead is, in a few numbers.

use drafthorse_core::{EgoMotion, Track};
use serde::{Deserialize, Serialize};

/// Cues of one moment; each is 0 where nothing happens and about 1 in an emergency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cues {
    /// The vehicle's own deceleration, against 6 m/s².
    pub braking: f32,
    /// Hard braking of somebody ahead in the vehicle's path: 0 up to 2 m/s², 1 from 5 m/s² on, less the
    /// farther away.
    pub leader_braking: f32,
    /// Deceleration that the nearest conflict asks for, against 6 m/s².
    pub conflict: f32,
    /// How soon the nearest conflict would be a collision: 1 at a second, 0 from 4 s on.
    pub urgency: f32,
    /// The urgency of somebody who has just come into the vehicle's path from aside.
    pub entry: f32,
    /// Moving tracks born and lost nearby since the last scan.
    pub turnover: f32,
}

/// How many cues there are.
pub const CUES: usize = 6;

/// Names of the cues, in the order of [`Cues::to_array`].
pub const NAMES: [&str; CUES] = [
    "braking",
    "leader_braking",
    "conflict",
    "urgency",
    "entry",
    "turnover",
];

impl Cues {
    /// The cues in order of declaration.
    #[must_use]
    pub fn to_array(self) -> [f32; CUES] {
        [
            self.braking,
            self.leader_braking,
            self.conflict,
            self.urgency,
            self.entry,
            self.turnover,
        ]
    }

    /// How much danger somebody ahead is in or brings: the higher of `urgency` and `leader_braking`.
    #[must_use]
    pub fn danger(self) -> f32 {
        self.urgency.max(self.leader_braking)
    }

    /// The higher of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            braking: self.braking.max(other.braking),
            leader_braking: self.leader_braking.max(other.leader_braking),
            conflict: self.conflict.max(other.conflict),
            urgency: self.urgency.max(other.urgency),
            entry: self.entry.max(other.entry),
            turnover: self.turnover.max(other.turnover),
        }
    }
}

/// Half of the vehicle's path, m.
const HALF_PATH_M: f64 = 1.75;
/// Decelerations are smoothed over so long, s: the vehicle's own speed is known well, others' less.
const OWN_SPAN_S: f64 = 0.15;
const TRACK_SPAN_S: f64 = 0.25;
/// Tracks that are followed from scan to scan.
const FOLLOWED: usize = 128;
/// A track is believed from this age on, s.
const BELIEVED_S: f64 = 0.4;
/// Time out of the path, and at most within it since, that make an entry, s.
const OUT_S: f64 = 0.25;
const WITHIN_S: f64 = 0.4;
/// The speed across the path is smoothed over so long, s.
const ACROSS_SPAN_S: f64 = 0.15;

/// What is known of one track from its past.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Followed {
    id: u32,
    born_ns: u64,
    moving: bool,
    range_m: f64,
    vx_mps: f64,
    deceleration_mps2: f64,
    /// Smoothed speed across the path, positive to the left.
    across_mps: f64,
    /// How long it was out of the path so far, and within it since, s.
    out_s: f64,
    within_s: f64,
}

/// Makes cues of scans in order of capture. Its state is bounded and can be written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CueMaker {
    front_m: f64,
    last_ns: Option<u64>,
    speed_mps: f64,
    deceleration_mps2: f64,
    followed: Vec<Followed>,
    seen: Vec<Followed>,
}

/// The vehicle's path for a scan.
struct Path {
    front_m: f64,
    speed_mps: f64,
    curvature_per_m: f64,
}

impl CueMaker {
    /// For a vehicle whose front is `front_m` ahead of its origin.
    #[must_use]
    pub fn new(front_m: f64) -> Self {
        Self {
            front_m,
            last_ns: None,
            speed_mps: 0.0,
            deceleration_mps2: 0.0,
            followed: Vec::with_capacity(FOLLOWED),
            seen: Vec::with_capacity(FOLLOWED),
        }
    }

    /// The cues of the scan captured at `captured_ns`; `tracks` in the vehicle frame.
    pub fn scan(&mut self, captured_ns: u64, ego: &EgoMotion, tracks: &[Track]) -> Cues {
        let mut cues = Cues::default();
        let since = self.last_ns.map(|last| captured_ns.saturating_sub(last));
        let dt_s = since.map(|ns| (ns as f64 * 1e-9).clamp(1e-3, 1.0));
        if let Some(dt_s) = dt_s {
            let now = (self.speed_mps - ego.speed_mps) / dt_s;
            smooth(&mut self.deceleration_mps2, now, dt_s / OWN_SPAN_S);
        }
        cues.braking = (self.deceleration_mps2 / 6.0).clamp(0.0, 2.0) as f32;
        let curvature = ego.yaw_rate_radps / ego.speed_mps;
        let path = Path {
            front_m: self.front_m,
            speed_mps: ego.speed_mps,
            curvature_per_m: if ego.speed_mps > 2.0 { curvature } else { 0.0 },
        };
        self.seen.clear();
        for track in tracks.iter().take(FOLLOWED) {
            let before = self.followed.iter().find(|f| f.id == track.id);
            let known = before.copied().unwrap_or_else(|| born(track, captured_ns));
            if before.is_none() && track.moving {
                cues.turnover += near(known.range_m);
            }
            let followed = path.follow(track, known, dt_s.unwrap_or(0.05));
            let age_s = captured_ns.saturating_sub(followed.born_ns) as f64 * 1e-9;
            path.judge(track, &followed, age_s, &mut cues);
            self.seen.push(followed);
        }
        for lost in &self.followed {
            if lost.moving && !self.seen.iter().any(|f| f.id == lost.id) {
                cues.turnover += near(lost.range_m);
            }
        }
        cues.turnover = cues.turnover.min(2.0);
        std::mem::swap(&mut self.followed, &mut self.seen);
        self.last_ns = Some(captured_ns);
        self.speed_mps = ego.speed_mps;
        cues
    }
}

fn born(track: &Track, captured_ns: u64) -> Followed {
    Followed {
        id: track.id,
        born_ns: captured_ns,
        moving: track.moving,
        range_m: libm::hypot(track.x_m, track.y_m),
        vx_mps: track.vx_mps,
        deceleration_mps2: 0.0,
        across_mps: 0.0,
        out_s: 0.0,
        within_s: 0.0,
    }
}

fn smooth(value: &mut f64, now: f64, share: f64) {
    *value += share.min(1.0) * (now - *value);
}

fn near(range_m: f64) -> f32 {
    libm::exp(-0.05 * range_m) as f32
}

impl Path {
    /// Offset of a track from the path's middle, m to the left.
    fn aside_m(&self, track: &Track) -> f64 {
        track.y_m - 0.5 * self.curvature_per_m * track.x_m * track.x_m
    }

    /// How far the nearest edge of a track is out of the path, m; negative within it.
    fn outside_m(&self, track: &Track) -> f64 {
        self.aside_m(track).abs() - 0.5 * track.width_m - HALF_PATH_M
    }

    fn follow(&self, track: &Track, before: Followed, dt_s: f64) -> Followed {
        let mut next = before;
        let slowing = (before.vx_mps - track.vx_mps) / dt_s;
        smooth(&mut next.deceleration_mps2, slowing, dt_s / TRACK_SPAN_S);
        let across = track.vy_mps - self.curvature_per_m * track.x_m * self.speed_mps;
        smooth(&mut next.across_mps, across, dt_s / ACROSS_SPAN_S);
        next.vx_mps = track.vx_mps;
        next.moving = track.moving;
        next.range_m = libm::hypot(track.x_m, track.y_m);
        if self.outside_m(track) > 0.0 {
            next.out_s += dt_s;
            next.within_s = 0.0;
        } else {
            next.within_s += dt_s;
        }
        next
    }

    fn judge(&self, track: &Track, followed: &Followed, age_s: f64, cues: &mut Cues) {
        let gap_m = track.x_m - 0.5 * track.length_m - self.front_m;
        if gap_m < 0.3 || !track.moving || track.missed_scans > 2 || self.outside_m(track) > 0.0 {
            return;
        }
        // Far ahead in a bend nobody knows who is in the path.
        let strayed = 0.5 * self.curvature_per_m * track.x_m * track.x_m / 3.0;
        let trust = (self.speed_mps / 4.0).min(1.0) / (1.0 + strayed * strayed);
        let closing = self.speed_mps - track.vx_mps;
        let collision_s = if closing > 0.3 {
            gap_m / closing
        } else {
            f64::INFINITY
        };
        let urgency = ((4.0 - collision_s) / 3.0).clamp(0.0, 1.0) * trust;
        let raise = |cue: &mut f32, value: f64| *cue = cue.max(value as f32);
        if followed.out_s >= OUT_S && followed.within_s <= WITHIN_S {
            let inwards = -self.aside_m(track).signum() * followed.across_mps;
            raise(&mut cues.entry, urgency * (inwards / 1.5).clamp(0.0, 1.0));
        }
        if age_s > BELIEVED_S {
            raise(&mut cues.urgency, urgency);
            let asked = closing.max(0.0) * closing.max(0.0) / (2.0 * gap_m.max(2.0));
            raise(&mut cues.conflict, (asked / 6.0).min(2.0) * trust);
            let braking = followed.deceleration_mps2 / (1.0 + (gap_m / 35.0) * (gap_m / 35.0));
            raise(
                &mut cues.leader_braking,
                ((braking - 2.0) / 3.0).clamp(0.0, 1.0),
            );
        }
    }
}
