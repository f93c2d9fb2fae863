//! Road users: what they are, how big they are, and their state on the road.

use crate::path::{Path, Pose2};
use crate::rng::Rng;
use crate::solid::Solid;
use drafthorse_core::Class;
use std::f64::consts::PI;

/// What a road user is built like: finer than its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Car,
    Van,
    Truck,
    Bus,
    Cyclist,
    Pedestrian,
}

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
    /// Does what the script of incidents says.
    Steered,
}

/// One road user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor {
    /// Never reused within a drive, from 1.
    pub(crate) id: u32,
    pub(crate) class: Class,
    pub(crate) body: Body,
    pub(crate) behaviour: Behaviour,
    pub(crate) length: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Which road it is on, see [`crate::streets::Streets::line`].
    pub(crate) road: usize,
    /// Arc length and offset on that road.
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
            body: match class {
                Class::Truck => Body::Truck,
                Class::Cyclist => Body::Cyclist,
                Class::Pedestrian => Body::Pedestrian,
                _ => Body::Car,
            },
            behaviour: Behaviour::Still,
            length,
            width,
            height,
            road: 0,
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

    /// Makes it one of the many kinds that a class has: buses among trucks, vans among cars,
    /// children, people with bags, cargo bicycles. `vans` and `buses` are their shares.
    pub(crate) fn vary(&mut self, vans: f64, buses: f64) {
        let mut rng = Rng::new(self.seed, 13);
        // Materials, loads, clothes and aspect of the metal differ far more than classes do.
        self.rcs_offset_db += 4.0 * rng.normal();
        match self.body {
            Body::Truck if rng.chance(buses) => {
                self.body = Body::Bus;
                self.length = rng.range(8.5, 18.0);
                self.width = rng.range(2.4, 2.55);
                self.height = rng.range(2.8, 3.3);
            }
            Body::Truck => self.length = rng.range(5.6, 15.5),
            Body::Car if rng.chance(vans) => {
                self.body = Body::Van;
                self.length = rng.range(4.6, 6.4);
                self.width = rng.range(1.85, 2.1);
                self.height = rng.range(1.85, 2.7);
            }
            Body::Car => self.length = rng.range(3.5, 5.1),
            Body::Pedestrian => {
                let child = rng.chance(0.12);
                let tall = if child { [1.0, 1.45] } else { [1.5, 1.95] };
                self.height = rng.range(tall[0], tall[1]);
                let bag = if rng.chance(0.2) { 0.3 } else { 0.0 };
                self.length = rng.range(0.4, 0.75) + bag;
                self.width = rng.range(0.4, 0.75);
            }
            Body::Cyclist => {
                let cargo = if rng.chance(0.1) { 0.6 } else { 0.0 };
                self.length = rng.range(1.6, 2.0) + cargo;
                self.width = rng.range(0.5, 0.8);
            }
            Body::Van | Body::Bus => {}
        }
    }

    /// Sets it going along its road.
    pub(crate) fn goes(&mut self, direction: f64, wish: f64) {
        self.behaviour = Behaviour::Along;
        (self.direction, self.wish, self.v) = (direction, wish, wish * direction);
        self.turn = if direction < 0.0 { PI } else { 0.0 };
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
                bottom: match self.body {
                    Body::Truck => 0.45,
                    Body::Bus => 0.3,
                    Body::Car | Body::Van => 0.2,
                    Body::Cyclist | Body::Pedestrian => 0.0,
                },
                top: self.height,
            },
            velocity,
        }
    }
}
