//! An imaging radar: from the world to the returns of one scan.
//!
//! Every scattering centre in view sends power back: its cross-section, fading (Swerling 1), what
//! hides it, the antennas, range, weather. So do mirror images and clutter. What falls into one
//! resolution cell adds up to one echo, wherever the power's middle lies; of those, the detector
//! declares some, the likelier the stronger. Measurement is in `report`.

use crate::clutter;
use crate::echo::{Echo, Source};
use crate::ghosts::{self, Mirror};
use crate::radar_model::RadarModel;
use crate::report::report;
use crate::resolve::{Contribution, Resolver};
use crate::rng::Rng;
use crate::scatter::{Centre, of_actor, of_scenery};
use crate::scenery::Kind;
use crate::silhouette::look;
use crate::skyline;
use crate::view::View;
use crate::visibility::Visibility;
use crate::weather::Weather;
use crate::world::World;
use drafthorse_core::{Pose, RadarPoint};

/// Share of power that must reach some place on a thing for it to count as in view.
const IN_VIEW: f64 = 0.3;
/// Spread of the speed of leaves in the wind, m/s.
const LEAVES_MPS: f64 = 0.3;

/// An imaging radar and its buffers. Each scan has its own random stream, so that a scan depends on
/// nothing but the world.
pub(crate) struct ImagingRadar {
    pub(crate) mount: Pose,
    pub(crate) model: RadarModel,
    seed: u64,
    pub(crate) scene: Scene,
    resolver: Resolver,
    echoes: Vec<Echo>,
    in_view: Vec<u32>,
}

/// What has been gathered of a scan so far.
pub(crate) struct Scene {
    pub(crate) model: RadarModel,
    pub(crate) weather: Weather,
    pub(crate) rng: Rng,
    pub(crate) visibility: Visibility,
    contributions: Vec<Contribution>,
    centres: Vec<Centre>,
    mirrors: Vec<Mirror>,
}

impl Scene {
    /// Adds power of `rcs_db` (before fading) at a polar place.
    pub(crate) fn add(&mut self, mut at: Contribution, rcs_db: f64) -> bool {
        let m = &self.model;
        let outside = at.azimuth.abs() > m.max_azimuth_rad
            || at.elevation.abs() > m.max_elevation_rad
            || !(m.min_range_m..m.max_range_m).contains(&at.range);
        // So weak that even strong fading does not lift it, alone or among others.
        if outside || m.excess_db(&at, rcs_db, self.weather) < -22.0 {
            return !outside;
        }
        at.power = 10f64.powf(0.1 * rcs_db) * self.rng.exponential();
        self.contributions.push(at);
        true
    }

    /// Adds a scattering centre of which `share` of the power gets through; false when it lies
    /// outside the field of view.
    pub(crate) fn offer(
        &mut self,
        view: &View,
        centre: &Centre,
        share: f64,
        source: Source,
    ) -> bool {
        let polar = view.polar(centre.p);
        let at = Contribution {
            range: polar.range,
            azimuth: polar.azimuth,
            elevation: polar.elevation,
            rate: view.range_rate(centre.p, centre.velocity),
            power: 0.0,
            source,
        };
        // Through what hides it, there and back.
        self.add(at, centre.rcs_db + 20.0 * share.max(1e-4).log10())
    }
}

impl RadarModel {
    /// How far an echo of that cross-section lies above the detector's threshold, dB.
    pub(crate) fn excess_db(&self, at: &Contribution, rcs_db: f64, weather: Weather) -> f64 {
        let loss_db = self.edge_loss_db[0] * (at.azimuth / self.max_azimuth_rad).powi(2)
            + self.edge_loss_db[1] * (at.elevation / self.max_elevation_rad).powi(2)
            + weather.loss_db(at.range)
            + self.far_beam.map_or(0.0, |(half, loss_db)| {
                loss_db * (1.0 - (-(at.azimuth / half).powi(2)).exp())
            });
        let snr_db = self.snr_at_50_m_db + rcs_db - 40.0 * (at.range / 50.0).log10() - loss_db;
        (snr_db - self.threshold_db).min(rcs_db - self.floor_dbsm)
    }

    /// Probability that an echo so far above the threshold is declared.
    pub(crate) fn detection_probability(excess_db: f64) -> f64 {
        0.97 / (1.0 + (-0.8 * excess_db).exp())
    }
}

impl ImagingRadar {
    pub(crate) fn new(mount: Pose, model: RadarModel, weather: Weather, seed: u64) -> Self {
        Self {
            mount,
            model,
            seed,
            scene: Scene {
                model,
                weather,
                rng: Rng::new(seed, 6),
                visibility: Visibility::new(),
                contributions: Vec::new(),
                centres: Vec::new(),
                mirrors: Vec::new(),
            },
            resolver: Resolver::default(),
            echoes: Vec::new(),
            in_view: Vec::new(),
        }
    }

    /// Road users of which the latest scan had some surface in view, whether it returned or not.
    pub(crate) fn in_view(&self) -> &[u32] {
        &self.in_view
    }

    /// Fills the returns of scan number `index` and, for each, what it comes from.
    pub(crate) fn scan(
        &mut self,
        world: &World,
        index: u64,
        points: &mut Vec<RadarPoint>,
        sources: &mut Vec<Source>,
    ) {
        let ego = world.ego();
        let view = View::new(&ego, &self.mount);
        let scene = &mut self.scene;
        let own = self.seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        scene.rng = Rng::new(own, 6);
        scene.contributions.clear();
        let reach_m = self.model.max_range_m;
        look(&mut scene.visibility, world, &view, ego.s, reach_m);
        ghosts::find_mirrors(world, &view, ego.s, &mut scene.mirrors);
        self.in_view.clear();
        road_users(scene, world, &view, &mut self.in_view);
        surroundings(scene, world, &view, ego.s);
        clutter::add(scene, world, &view, ego.s);
        skyline::add(scene, world, &view, ego.s);
        self.resolver
            .resolve(scene, &mut self.echoes, self.model.capacity);
        clutter::false_alarms(scene, &mut self.echoes);
        points.clear();
        sources.clear();
        for echo in &self.echoes {
            points.push(report(echo, &self.model, &mut scene.rng));
            sources.push(echo.source);
        }
    }
}

impl Scene {
    pub(crate) fn contributions(&mut self) -> &mut Vec<Contribution> {
        &mut self.contributions
    }
}

fn road_users(scene: &mut Scene, world: &World, view: &View, in_view: &mut Vec<u32>) {
    let sensor = [view.plane.x, view.plane.y];
    let reach_m = scene.model.max_range_m + 12.0;
    let mut centres = std::mem::take(&mut scene.centres);
    let mirrors = std::mem::take(&mut scene.mirrors);
    for placed in &world.placed {
        let [x, y] = view
            .plane
            .inward([placed.solid.pose.x, placed.solid.pose.y]);
        if x < -12.0 || x.hypot(y) > reach_m {
            continue;
        }
        centres.clear();
        of_actor(placed, sensor, world.time_s(), &mut centres);
        let id = placed.actor.id;
        let mut best = 0.0_f64;
        for centre in &centres {
            let share = scene.visibility.share(centre.p, id);
            if scene.offer(view, centre, share, Source::Object(id)) {
                best = best.max(share);
            }
            ghosts::beneath_the_road(scene, view, centre, share);
        }
        if best >= IN_VIEW {
            in_view.push(id);
            ghosts::mirrored(scene, view, &mirrors, placed, &centres);
            ghosts::twice(scene, view, &centres);
        }
    }
    (scene.centres, scene.mirrors) = (centres, mirrors);
}

fn surroundings(scene: &mut Scene, world: &World, view: &View, s: f64) {
    let sensor = [view.plane.x, view.plane.y];
    let reach_m = scene.model.max_range_m + 10.0;
    let mut centres = std::mem::take(&mut scene.centres);
    for piece in world.scenery.between(s - 5.0, s + reach_m) {
        let [x, y] = view.plane.inward([piece.solid.pose.x, piece.solid.pose.y]);
        if x < -12.0 || x.hypot(y) > reach_m {
            continue;
        }
        centres.clear();
        of_scenery(piece, sensor, &mut centres);
        let sways = matches!(piece.kind, Kind::Tree | Kind::Hedge);
        for centre in &mut centres {
            let share = scene.visibility.share(centre.p, piece.owner());
            if share > 1e-3 {
                if sways {
                    centre.velocity = [0, 1].map(|_| LEAVES_MPS * scene.rng.normal());
                }
                scene.offer(view, centre, share, Source::Scenery);
            }
        }
    }
    scene.centres = centres;
}
