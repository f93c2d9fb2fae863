//! Incidents: what a recorder in a vehicle is there to keep. A script stages them along the road and
//! says when each came to its head, so that what a selector of moments keeps can be scored.
//!
//! An incident's instant is when it first asks the vehicle to brake in an emergency, whether the
//! vehicle does so or not; of a leader that brakes with all it has, when it has lost 3 m/s. What never
//! gets there is no incident. Nothing appears out of nothing in front of the
//! vehicle: those who stand are placed beyond the sensors' reach, those who overtake come from behind.

use crate::actor::{Actor, Behaviour};
use crate::crowd::Crowd;
use crate::ego::{Ego, FRONT_M};
use crate::rng::Rng;
use crate::staging::{self, Scene};
use crate::streets::Streets;
use serde::Serialize;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentKind {
    /// A car overtakes and moves in close ahead.
    CutIn,
    /// The vehicle ahead brakes with all it has.
    LeaderBrakes,
    /// Somebody on foot runs onto the road.
    StepOut,
    /// A cyclist crosses at speed.
    CyclistCrosses,
    /// A parked car pulls out.
    PullOut,
    /// An oncoming car comes over the middle and swerves back.
    OncomingSwerve,
}

impl IncidentKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CutIn,
        Self::LeaderBrakes,
        Self::StepOut,
        Self::CyclistCrosses,
        Self::PullOut,
        Self::OncomingSwerve,
    ];
}

/// One incident that has come to its head.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// What happened.
    pub kind: IncidentKind,
    /// When, seconds since the drive began.
    pub at_s: f64,
    /// Who, as in the truth.
    pub object: u32,
}

/// Time between the heads of two incidents, s.
const APART_S: f64 = 6.0;
/// How far ahead those who stand are placed, m: beyond the radar's range.
const PLACED_AHEAD_M: f64 = 175.0;
/// Speed that a braking leader has lost when its incident comes to its head, m/s.
const LOST_MPS: f64 = 3.0;
/// How long after its beginning an incident may come to its head, s.
const WATCHED_S: f64 = 6.0;
/// How far beyond its place an incident that needs traffic may still happen, m.
const PATIENCE_M: f64 = 250.0;

/// What one planned incident waits for.
#[derive(Clone, Copy)]
enum Stage {
    Planned,
    /// Somebody is in place; or, for those who need traffic, the place is reached.
    Ready {
        object: u32,
    },
    /// Since when and from which speed; `steered` until they are like everybody else again, `told`
    /// once it has come to its head.
    Acting {
        object: u32,
        since_s: f64,
        from_mps: f64,
        steered: bool,
        told: bool,
    },
    Over,
}

#[derive(Clone, Copy)]
struct Planned {
    kind: IncidentKind,
    s: f64,
    /// -1 from the right, +1 from the left.
    side: f64,
    stage: Stage,
}

/// The script of a drive.
pub(crate) struct Script {
    rng: Rng,
    planned: Vec<Planned>,
    pub(crate) happened: Vec<Incident>,
    most: usize,
    last_s: f64,
}

impl Script {
    /// At most `most` incidents along `length_m` metres of road.
    pub(crate) fn new(mut rng: Rng, most: usize, streets: &Streets, length_m: f64) -> Self {
        let kinds: Vec<_> = IncidentKind::ALL
            .into_iter()
            .filter(|kind| *kind != IncidentKind::CutIn || streets.layout.same > 1)
            .collect();
        // Nobody runs across four lanes.
        let wide = streets.layout.same + streets.layout.oncoming > 3;
        let (mut planned, mut s, mut bag) = (Vec::new(), rng.range(70.0, 110.0), Vec::new());
        while s < length_m {
            while streets.junctions.at(s) {
                s += 5.0;
            }
            if bag.is_empty() {
                bag.clone_from(&kinds);
            }
            planned.push(Planned {
                kind: bag.swap_remove(rng.index(bag.len())),
                s,
                side: if rng.chance(0.65) || wide { -1.0 } else { 1.0 },
                stage: Stage::Planned,
            });
            s += rng.range(25.0, 50.0);
        }
        Self {
            rng,
            planned,
            happened: Vec::new(),
            most,
            last_s: f64::NEG_INFINITY,
        }
    }

    /// Moves the scripted ones on at time `t`, in seconds, by `dt`.
    pub(crate) fn step(
        &mut self,
        crowd: &mut Crowd,
        streets: &Streets,
        ego: &Ego,
        t: f64,
        dt: f64,
    ) {
        for i in 0..self.planned.len() {
            let mut planned = self.planned[i];
            self.one(&mut planned, crowd, streets, ego, t, dt);
            self.planned[i] = planned;
        }
    }

    fn one(
        &mut self,
        planned: &mut Planned,
        crowd: &mut Crowd,
        streets: &Streets,
        ego: &Ego,
        t: f64,
        dt: f64,
    ) {
        let scene = Scene {
            streets,
            ego,
            s: planned.s,
            side: planned.side,
            dt,
        };
        match planned.stage {
            Stage::Over => {}
            Stage::Planned => {
                let stands = matches!(
                    planned.kind,
                    IncidentKind::StepOut | IncidentKind::CyclistCrosses | IncidentKind::PullOut
                );
                let ahead = if stands { PLACED_AHEAD_M } else { 0.0 };
                if ego.s > planned.s - ahead {
                    let object = match planned.kind {
                        IncidentKind::StepOut => staging::stand(&scene, crowd, &mut self.rng),
                        IncidentKind::CyclistCrosses => {
                            staging::mount(&scene, crowd, &mut self.rng)
                        }
                        IncidentKind::PullOut => staging::park(&scene, crowd, &mut self.rng),
                        _ => 0,
                    };
                    planned.stage = Stage::Ready { object };
                }
            }
            Stage::Ready { object } => {
                let free = t - self.last_s > APART_S && self.happened.len() < self.most;
                let began = if free {
                    match planned.kind {
                        IncidentKind::CutIn => staging::overtake(&scene, crowd, &mut self.rng),
                        IncidentKind::LeaderBrakes => staging::leader(&scene, crowd),
                        IncidentKind::OncomingSwerve => staging::oncoming(&scene, crowd),
                        _ => staging::within_reach(&scene, crowd, object).then_some(object),
                    }
                } else {
                    None
                };
                if let Some(object) = began {
                    let actor = crowd.actors.iter().find(|a| a.id == object);
                    planned.stage = Stage::Acting {
                        object,
                        since_s: t,
                        from_mps: actor.map_or(0.0, |a| a.v),
                        steered: true,
                        told: false,
                    };
                    self.last_s = t;
                } else if ego.s > planned.s + PATIENCE_M {
                    planned.stage = Stage::Over;
                }
            }
            Stage::Acting {
                object,
                since_s,
                from_mps,
                steered,
                told,
            } => {
                let Some(actor) = crowd.actors.iter_mut().find(|a| a.id == object) else {
                    planned.stage = Stage::Over;
                    return;
                };
                let steered = steered && act(planned.kind, &scene, actor);
                let head = if planned.kind == IncidentKind::LeaderBrakes {
                    actor.v < from_mps - LOST_MPS
                } else {
                    scene.emergency(actor)
                };
                let now = head && !told && t - since_s < WATCHED_S;
                if now {
                    self.happened.push(Incident {
                        kind: planned.kind,
                        at_s: t,
                        object,
                    });
                    self.last_s = t;
                }
                planned.stage = if steered || t - since_s < WATCHED_S {
                    Stage::Acting {
                        object,
                        since_s,
                        from_mps,
                        steered,
                        told: told || now,
                    }
                } else {
                    Stage::Over
                };
            }
        }
    }
}

/// Moves somebody through its incident; false when it is over and they are like everybody else.
fn act(kind: IncidentKind, scene: &Scene, actor: &mut Actor) -> bool {
    let dt = scene.dt;
    match kind {
        IncidentKind::StepOut | IncidentKind::CyclistCrosses => {
            let kerb = scene.streets.layout.kerb();
            let target = if scene.side < 0.0 {
                kerb[1] + 1.0
            } else {
                kerb[0] - 1.0
            };
            actor.across = -scene.side * actor.wish;
            if (target - actor.d) * scene.side < 0.0 {
                return true;
            }
            actor.across = 0.0;
            actor.goes(1.0, 0.5 * actor.wish);
            false
        }
        IncidentKind::PullOut => {
            actor.v = (actor.v + 3.0 * dt).min(actor.wish);
            actor.across = -scene.side * staging::PULL_OUT_MPS;
            if actor.d * scene.side > 0.1 {
                return true;
            }
            drives(actor)
        }
        IncidentKind::CutIn => {
            let gap = actor.s - 0.5 * actor.length - scene.ego.s - FRONT_M;
            if gap > 3.5 || actor.across < 0.0 {
                actor.across = -2.4;
                let slow = (0.5 * scene.ego.v).max(2.0);
                actor.v = (actor.v - 6.0 * dt).max(slow);
            }
            if actor.d > 0.1 {
                return true;
            }
            drives(actor)
        }
        IncidentKind::LeaderBrakes => {
            actor.v = (actor.v - 9.0 * dt).max(0.0);
            if actor.v > 0.8 {
                return true;
            }
            drives(actor)
        }
        IncidentKind::OncomingSwerve => staging::swerve(scene, actor),
    }
}

/// From here on it drives like everybody else.
fn drives(actor: &mut Actor) -> bool {
    actor.across = 0.0;
    actor.direction = 1.0;
    actor.behaviour = Behaviour::Drive;
    false
}
