//! What stands still beside the road: buildings, walls, rails, poles, signs, trees, hedges. Parked
//! vehicles belong to the traffic, since they are objects in the truth.

use crate::layout::{Layout, Zone};
use crate::path::{Path, Pose2};
use crate::rng::Rng;
use crate::solid::Solid;

/// What a piece of scenery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Building,
    Wall,
    Rail,
    Pole,
    Sign,
    Tree,
    Hedge,
    /// Parked bicycles, bins, benches: about as high and as strong as people.
    Rack,
}

/// One piece of scenery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) kind: Kind,
    /// Arc length it stands at.
    pub(crate) s: f64,
    pub(crate) solid: Solid,
    /// Random bits of its own: colours, windows, radar scattering centres.
    pub(crate) seed: u64,
}

impl Piece {
    /// Who it is where things hide each other. All stretches of rail and wall are one: seen along
    /// its length a barrier must not hide itself.
    pub(crate) fn owner(&self) -> u32 {
        match self.kind {
            Kind::Rail | Kind::Wall => u32::MAX,
            _ => (self.seed as u32 >> 1) | 1 << 31,
        }
    }
}

/// All scenery of a drive, in order of arc length.
pub(crate) struct Scenery {
    pub(crate) pieces: Vec<Piece>,
}

impl Scenery {
    pub(crate) fn generate(rng: &mut Rng, path: &Path, layout: &Layout, from: f64) -> Self {
        let mut builder = Builder {
            rng,
            path,
            layout,
            pieces: Vec::new(),
        };
        builder.fill(from, path.end_m());
        let mut scenery = Self {
            pieces: builder.pieces,
        };
        scenery.sort();
        scenery
    }

    /// Restores the order of arc length.
    pub(crate) fn sort(&mut self) {
        self.pieces.sort_by(|a, b| a.s.total_cmp(&b.s));
    }

    /// The pieces that stand between two arc lengths.
    pub(crate) fn between(&self, from: f64, to: f64) -> &[Piece] {
        let a = self.pieces.partition_point(|p| p.s < from);
        let b = self.pieces.partition_point(|p| p.s <= to);
        &self.pieces[a..b.max(a)]
    }
}

struct Builder<'a> {
    rng: &'a mut Rng,
    path: &'a Path,
    layout: &'a Layout,
    pieces: Vec<Piece>,
}

impl Builder<'_> {
    fn fill(&mut self, from: f64, to: f64) {
        for side in 0..2 {
            let sign = [-1.0, 1.0][side];
            let (mut building, mut tree, mut pole) = (from, from, from + 7.0);
            let mut segment = from;
            while segment < to - 4.0 {
                let zone = self.layout.zone(segment);
                self.barrier(segment, side, zone);
                if segment >= building {
                    building = segment + self.building(segment, side, sign, zone);
                }
                if segment >= tree {
                    tree = segment + self.plant(segment, side, sign, zone);
                }
                if segment >= pole {
                    pole = segment + self.pole(segment, side, zone);
                }
                segment += 4.0;
            }
        }
    }

    fn push(&mut self, kind: Kind, s: f64, d: f64, turn: f64, size: [f64; 3]) {
        let [x, y] = self.path.offset(s, d);
        let yaw = self.path.at(s).yaw + turn;
        let seed = self.rng.bits();
        self.pieces.push(Piece {
            kind,
            s,
            solid: Solid {
                pose: Pose2 { x, y, yaw },
                length: size[0],
                width: size[1],
                bottom: 0.0,
                top: size[2],
            },
            seed,
        });
    }

    /// One four-metre stretch of rail or wall, where the zone has one.
    fn barrier(&mut self, s: f64, side: usize, zone: Zone) {
        let (kind, d, width, height) = match (zone, side) {
            (Zone::Rural, _) => (Kind::Rail, self.layout.rail()[side], 0.12, 0.75),
            (Zone::Walled, 0) => (Kind::Wall, self.layout.wall(), 0.3, 3.2),
            _ => return,
        };
        let middle = s + 2.0;
        let length = 4.0 * (1.0 - self.path.curvature(middle) * d).max(0.2) + 0.05;
        self.push(kind, middle, d, 0.0, [length, width, height]);
    }

    fn building(&mut self, s: f64, side: usize, sign: f64, zone: Zone) -> f64 {
        let (chance, height, gap) = match zone {
            Zone::Town => (0.95, (6.5, 17.0), 2.0),
            Zone::Suburb => (0.6, (4.5, 8.0), 9.0),
            Zone::Walled => (0.5, (6.0, 12.0), 12.0),
            Zone::Rural => (0.08, (4.0, 7.0), 20.0),
        };
        let length = self.rng.range(9.0, 22.0);
        let depth = self.rng.range(8.0, 13.0);
        let top = self.rng.range(height.0, height.1);
        let back = self.rng.range(1.5, 5.0);
        if self.rng.chance(chance) {
            let d = self.layout.outer()[side] + sign * (back + 0.5 * depth);
            let middle = s + 0.5 * length;
            let p = self.path.offset(middle, d);
            let outer = self.layout.outer();
            // Inside a tight bend the corners would reach over the road.
            let bent = self.path.curvature(middle) * d > 0.25;
            let lot = self.layout.lot(side, s, s + length);
            if !bent
                && !lot
                && self
                    .path
                    .clear(p, 0.5 * depth + 0.8, middle, outer[0], outer[1])
            {
                let turn = self.rng.range(-0.03, 0.03);
                self.push(Kind::Building, middle, d, turn, [length, depth, top]);
            }
        }
        length + gap
    }

    fn plant(&mut self, s: f64, side: usize, sign: f64, zone: Zone) -> f64 {
        let (tree_share, every, back) = match zone {
            Zone::Town => (1.0, (14.0, 26.0), (-2.2, -1.9)),
            Zone::Suburb => (0.6, (7.0, 14.0), (0.8, 7.0)),
            Zone::Rural => (0.45, (5.0, 12.0), (1.0, 16.0)),
            Zone::Walled => (0.8, (10.0, 20.0), (2.0, 6.0)),
        };
        let d = self.layout.outer()[side] + sign * self.rng.range(back.0, back.1);
        let outer = self.layout.kerb();
        let p = self.path.offset(s, d);
        if self.path.clear(p, 0.3, s, outer[0], outer[1]) {
            if self.rng.chance(tree_share) {
                let crown = self.rng.range(2.2, 4.2);
                let top = self.rng.range(4.5, 8.5);
                self.push(Kind::Tree, s, d, 0.0, [crown, crown, top]);
            } else {
                let (length, top) = (self.rng.range(2.0, 6.0), self.rng.range(0.9, 1.9));
                let d = d + sign * 1.0;
                self.push(Kind::Hedge, s, d, 0.0, [length, 1.1, top]);
            }
        }
        self.rng.range(every.0, every.1)
    }

    fn pole(&mut self, s: f64, side: usize, zone: Zone) -> f64 {
        let sign = [-1.0, 1.0][side];
        let d = self.layout.kerb()[side] + sign * 0.45;
        if zone == Zone::Walled && side == 0 {
            return 8.0;
        }
        if self.rng.chance(0.7) {
            // The lamp is on the pole's left; turn it to the road.
            let turn = [0.0, std::f64::consts::PI][side];
            self.push(Kind::Pole, s, d, turn, [0.16, 0.16, 7.5]);
        } else {
            // A sign's plate faces along the road.
            self.push(Kind::Sign, s, d, 0.0, [0.08, 0.75, 2.9]);
        }
        self.rng.range(18.0, 32.0)
    }
}
