//! Road users: what they are, how big they are, and their state on the road.

use crate::path::{Path, Pose2};
use crate::rng::Rng;
use crate::solid::Solid;
use drafthorse_core::Class;

/// What a road user does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Behaviour {
    /// Drives in a lane after those in front of it.
    Drive,
    /// Rides or walks along the road at its own pace.
    Along,
    /// Waits at the kerb, crosses when the vehicle is far enough, walks on.
    Cross { started: bool, target_d: f64 },
    /// Stands or is parked.
    Still,
}

/// One road user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor {
    /// Never reused within a drive, from 1.
    pub(crate) id: u32,
    pub(crate) class: Class,
    pub(crate) behaviour: Behaviour,
    pub(crate) length: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Arc length and offset on the road.
    pub(crate) s: f64,
    pub(crate) d: f64,
    /// Speed over ground along the road, signed: negative comes towards the vehicle.
    pub(crate) v: f64,
    /// Speed over ground to the left across the road.
    pub(crate) across: f64,
    /// Speed it would like, positive.
    pub(crate) wish: f64,
    /// +1 in the vehicle's direction, -1 against it.
    pub(crate) direction: f64,
    /// Heading of one that stands or crosses, relative to the road.
    pub(crate) turn: f64,
    /// Random bits of its own: colour, radar strength.
    pub(crate) seed: u64,
    /// Offset of its radar cross-section from its class, dB.
    pub(crate) rcs_offset_db: f64,
    /// Phase of its gait at time 0, rad.
    pub(crate) phase: f64,
}

/// A road user as it is at one instant, in the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) actor: Actor,
    pub(crate) solid: Solid,
    /// Velocity over ground, world axes.
    pub(crate) velocity: [f64; 2],
}

impl Actor {
    pub(crate) fn new(rng: &mut Rng, id: u32, class: Class) -> Self {
        let (length, width, height) = match class {
            Class::Truck => (
                rng.range(6.5, 13.0),
                rng.range(2.3, 2.55),
                rng.range(2.9, 3.9),
            ),
            Class::Cyclist => (
                rng.range(1.65, 1.9),
                rng.range(0.5, 0.7),
                rng.range(1.6, 1.85),
            ),
            Class::Pedestrian => (
                rng.range(0.45, 0.7),
                rng.range(0.45, 0.65),
                rng.range(1.5, 1.9),
            ),
            _ => (
                rng.range(3.8, 4.9),
                rng.range(1.7, 1.95),
                rng.range(1.4, 1.75),
            ),
        };
        Self {
            id,
            class,
            behaviour: Behaviour::Still,
            length,
            width,
            height,
            s: 0.0,
            d: 0.0,
            v: 0.0,
            across: 0.0,
            wish: 0.0,
            direction: 1.0,
            turn: 0.0,
            seed: rng.bits(),
            rcs_offset_db: 4.5 * rng.normal(),
            phase: rng.range(0.0, std::f64::consts::TAU),
        }
    }

    /// Whether it moves over ground.
    pub(crate) fn moving(&self) -> bool {
        self.v.hypot(self.across) > 0.3
    }

    /// Where it is `dt` seconds after its state.
    pub(crate) fn place(&self, path: &Path, dt: f64) -> Placed {
        let stretch = (1.0 - path.curvature(self.s) * self.d).max(0.3);
        let s = self.s + self.v * dt / stretch;
        let d = self.d + self.across * dt;
        let [x, y] = path.offset(s, d);
        let line = path.at(s).yaw;
        let (sin, cos) = line.sin_cos();
        let velocity = [
            self.v * cos - self.across * sin,
            self.v * sin + self.across * cos,
        ];
        let yaw = if self.moving() {
            velocity[1].atan2(velocity[0])
        } else {
            line + self.turn
        };
        Placed {
            actor: *self,
            solid: Solid {
                pose: Pose2 { x, y, yaw },
                length: self.length,
                width: self.width,
                bottom: match self.class {
                    Class::Truck => 0.45,
                    Class::Car => 0.2,
                    _ => 0.0,
                },
                top: self.height,
            },
            velocity,
        }
    }
}
