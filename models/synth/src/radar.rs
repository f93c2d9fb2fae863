//! The sample radar: from the world to the returns of one scan.
//!
//! Shaped after a long-range 4D radar: scattering centres that are in view and strong enough
//! compete for resolution cells, the winners get noise and quantisation, and false alarms, road
//! clutter and multipath ghosts join them. Range, azimuth, elevation and range rate are of the
//! SENSOR: its lever arm and the vehicle's yaw rate are in the range rate.

use crate::cells::keep_resolved;
use crate::echo::{Echo, Source};
use crate::measure::measure;
use crate::rng::Rng;
use crate::scatter::{Centre, of_actor, of_scenery};
use crate::silhouette::look;
use crate::view::View;
use crate::visibility::Visibility;
use crate::world::World;
use drafthorse_core::{Pose, RadarPoint};

/// Farthest range of the sample radar, m.
pub(crate) const MAX_RANGE_M: f64 = 150.0;
const MIN_RANGE_M: f64 = 0.6;
/// Edge of the field of view on either side, rad.
pub(crate) const MAX_AZIMUTH: f64 = 60.0 * std::f64::consts::PI / 180.0;
const MAX_ELEVATION: f64 = 14.0 * std::f64::consts::PI / 180.0;
/// Signal-to-noise ratio of 0 dBsm at 50 m straight ahead, dB.
const SNR_AT_50_M_DB: f64 = 39.0;
/// Signal-to-noise ratio at which half of the echoes are declared, dB.
const THRESHOLD_DB: f64 = 14.0;
/// False alarms of noise a scan.
const FALSE_ALARMS: f64 = 3.0;
/// The same while other radars interfere.
const INTERFERED: f64 = 30.0;
/// Echoes of the bare road a scan.
const ROAD_ECHOES: usize = 40;

/// The radar's state between scans: its random stream and its buffers.
pub(crate) struct Radar {
    pub(crate) mount: Pose,
    rng: Rng,
    pub(crate) unambiguous_mps: f64,
    moving_share: Option<f64>,
    /// Slow wander of the share of moving returns around the wanted one.
    wander: f64,
    visibility: Visibility,
    centres: Vec<Centre>,
    echoes: Vec<Echo>,
}

impl Radar {
    pub(crate) fn new(
        mount: Pose,
        rng: Rng,
        unambiguous_mps: f64,
        moving_share: Option<f64>,
    ) -> Self {
        Self {
            mount,
            rng,
            unambiguous_mps,
            moving_share,
            wander: 0.0,
            visibility: Visibility::new(),
            centres: Vec::new(),
            echoes: Vec::new(),
        }
    }

    /// Fills the returns of one scan and, for each, what it comes from.
    pub(crate) fn scan(
        &mut self,
        world: &World,
        points: &mut Vec<RadarPoint>,
        sources: &mut Vec<Source>,
    ) {
        let ego = world.ego();
        let view = View::new(&ego, &self.mount);
        look(&mut self.visibility, world, &view, ego.s, MAX_RANGE_M);
        self.echoes.clear();
        self.road_users(world, &view);
        self.surroundings(world, &view, ego.s);
        self.road(&view);
        self.noise(if world.disturbed() {
            INTERFERED
        } else {
            FALSE_ALARMS
        });
        keep_resolved(&mut self.echoes);
        self.balance();
        points.clear();
        sources.clear();
        for echo in &self.echoes {
            points.push(measure(echo, self.unambiguous_mps, &mut self.rng));
            sources.push(echo.source);
        }
    }

    fn road_users(&mut self, world: &World, view: &View) {
        let sensor = [view.plane.x, view.plane.y];
        for placed in &world.placed {
            let actor = &placed.actor;
            self.centres.clear();
            of_actor(placed, sensor, world.time_s(), &mut self.centres);
            for i in 0..self.centres.len() {
                let centre = self.centres[i];
                let share = self.visibility.share(centre.p, actor.id);
                let source = Source::Object(actor.id);
                let seen = self.offer(view, &centre, share, source, actor.moving());
                if seen && actor.moving() {
                    self.ghosts(world, view, placed, &centre);
                }
            }
        }
    }

    /// Echoes that took a detour: mirrored by a barrier, or twice between vehicle and object.
    fn ghosts(
        &mut self,
        world: &World,
        view: &View,
        placed: &crate::actor::Placed,
        centre: &Centre,
    ) {
        let actor = &placed.actor;
        if let Some(wall) = world.streets.layout.barrier(actor.s)
            && self.rng.chance(0.03)
        {
            let [x, y] = world.streets.path.offset(actor.s, 2.0 * wall - actor.d);
            let mirrored = Centre {
                p: [x, y, centre.p[2]],
                rcs_db: centre.rcs_db - 9.0,
                ..*centre
            };
            self.offer(view, &mirrored, 1.0, Source::Ghost, true);
        }
        let polar = view.polar(centre.p);
        if polar.range < 25.0 && polar.azimuth.abs() < 0.3 && self.rng.chance(0.03) {
            let rate = view.range_rate(centre.p, centre.velocity);
            self.echoes.push(Echo {
                range: 2.0 * polar.range,
                range_rate: 2.0 * rate,
                azimuth: polar.azimuth,
                elevation: polar.elevation,
                rcs_db: centre.rcs_db - 12.0,
                snr_db: THRESHOLD_DB + 3.0,
                source: Source::Ghost,
                moving: true,
            });
        }
    }

    fn surroundings(&mut self, world: &World, view: &View, s: f64) {
        let sensor = [view.plane.x, view.plane.y];
        for piece in world.scenery.between(s - 5.0, s + MAX_RANGE_M + 10.0) {
            self.centres.clear();
            of_scenery(piece, sensor, &mut self.centres);
            for i in 0..self.centres.len() {
                let centre = self.centres[i];
                let share = self.visibility.share(centre.p, piece.owner());
                self.offer(view, &centre, share, Source::Scenery, false);
            }
        }
    }

    /// Echoes of the road surface near the vehicle.
    fn road(&mut self, view: &View) {
        for _ in 0..ROAD_ECHOES {
            let range = 2.5 + 22.0 * self.rng.exponential();
            let azimuth = self.rng.range(-MAX_AZIMUTH, MAX_AZIMUTH);
            let [x, y] = view.plane.out(range * azimuth.cos(), range * azimuth.sin());
            let centre = Centre {
                p: [x, y, self.rng.range(0.0, 0.12)],
                velocity: [0.0; 2],
                rcs_db: -15.0 + 4.0 * self.rng.normal(),
            };
            let share = self.visibility.share(centre.p, 0);
            self.offer(view, &centre, share, Source::Scenery, false);
        }
    }

    fn noise(&mut self, alarms: f64) {
        let mut waiting = self.rng.exponential();
        while waiting < alarms {
            waiting += self.rng.exponential();
            self.echoes.push(Echo {
                range: self.rng.range(3.0, MAX_RANGE_M),
                azimuth: self.rng.range(-MAX_AZIMUTH, MAX_AZIMUTH),
                elevation: self.rng.range(-0.5, 0.5) * MAX_ELEVATION,
                range_rate: self.rng.range(-0.5, 0.35) * self.unambiguous_mps,
                rcs_db: -10.0 + 6.0 * self.rng.normal(),
                snr_db: THRESHOLD_DB + self.rng.exponential(),
                source: Source::FalseAlarm,
                moving: false,
            });
        }
    }

    /// Offers a scattering centre to the detector; true when it declared an echo.
    fn offer(
        &mut self,
        view: &View,
        centre: &Centre,
        share: f64,
        source: Source,
        moving: bool,
    ) -> bool {
        let polar = view.polar(centre.p);
        let outside = polar.azimuth.abs() > MAX_AZIMUTH
            || polar.elevation.abs() > MAX_ELEVATION
            || !(MIN_RANGE_M..MAX_RANGE_M).contains(&polar.range);
        if outside || share < 1e-4 {
            return false;
        }
        // Swerling 1: exponential power; two-way antenna loss off the boresight.
        let fading_db = 10.0 * self.rng.exponential().max(1e-3).log10();
        let loss_db = 11.0 * (polar.azimuth / MAX_AZIMUTH).powi(2)
            + 7.0 * (polar.elevation / MAX_ELEVATION).powi(2);
        let rcs_db = centre.rcs_db + fading_db + 20.0 * share.log10();
        let snr_db = SNR_AT_50_M_DB + rcs_db - 40.0 * (polar.range / 50.0).log10() - loss_db;
        let excess_db = snr_db - THRESHOLD_DB;
        // Even a strong centre is not declared in each scan: neighbours mask it.
        let probability = 0.85 / (1.0 + (-0.8 * excess_db).exp());
        if !self.rng.chance(probability) {
            return false;
        }
        self.echoes.push(Echo {
            range: polar.range,
            azimuth: polar.azimuth,
            elevation: polar.elevation,
            range_rate: view.range_rate(centre.p, centre.velocity),
            rcs_db,
            snr_db,
            source,
            moving,
        });
        true
    }

    /// Thins whichever kind is too many, where a share of moving returns is asked for.
    fn balance(&mut self) {
        let Some(share) = self.moving_share.filter(|share| *share > 0.0) else {
            return;
        };
        self.wander = 0.97 * self.wander + 0.006 * self.rng.normal();
        let share = (share + self.wander).clamp(0.0, 0.95);
        let moving = self.echoes.iter().filter(|e| e.moving).count() as f64;
        let still = self.echoes.len() as f64 - moving;
        let keep_moving = (share * still / (1.0 - share) / moving.max(1.0)).min(1.0);
        let keep_still = ((1.0 - share) * moving / share.max(1e-6)).max(60.0) / still.max(1.0);
        let rng = &mut self.rng;
        self.echoes
            .retain(|e| rng.chance(if e.moving { keep_moving } else { keep_still }));
    }
}
