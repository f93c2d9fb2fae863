//! From the plan to scenes: drives are played, and an instant that offers what is wanted is looked
//! at, checked and described.

use super::Scene;
use super::air::{Airs, LIGHTS, WEATHERS, names};
use super::caption::caption;
use super::check::{Road, check, colour_shown};
use super::claim::{Truth, claim};
use super::eye::{HEIGHT_PX, sample_camera};
use super::facts::{Facts, colour, nearest_car, of_objects, of_road};
use super::object::{Object, in_front};
use super::plan::{Content, Plan, Split, Wish};
use super::question::Balance;
use super::tally::Tally;
use crate::atmosphere::Atmosphere;
use crate::config::DriveConfig;
use crate::drive::Drive;
use crate::echo::Source;
use crate::front_radar::FrontRadar;
use crate::radar_model::RadarKind;
use crate::rng::Rng;
use crate::shard::motion::{compensated, radar_velocity};
use crate::shard::{CLUTTER, GHOST};
use crate::world::World;
use drafthorse_core::{EgoMotion, RadarScan};
use nalgebra::Point3;

/// Length of a drive, s.
const DRIVE_S: f64 = 32.0;
/// Time between two instants that are looked at, s.
const EVERY_S: f64 = 2.6;
/// Questions about a scene at most.
const QUESTIONS: usize = 8;

/// Which scenes to make.
#[derive(Clone, Copy, Debug)]
pub struct ScenesConfig {
    /// What for.
    pub split: Split,
    /// Another seed gives other drives; below 100,000.
    pub seed: u64,
    /// Captions of a scene.
    pub captions: usize,
    /// Whether the checker's word counts. Without it facts are what the drive's truth says of
    /// everybody in front of the camera, seen or not.
    pub verified: bool,
}

/// A scene, and its picture as the vehicle's camera records it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What the model sees of it.
    pub scene: Scene,
    /// The whole picture of the sample vehicle's camera, JPEG.
    pub recorded: Vec<u8>,
}

/// Scenes one after another, without end.
pub struct Scenes {
    config: ScenesConfig,
    airs: Airs,
    plan: Plan,
    balance: Balance,
    tally: Tally,
    rng: Rng,
    drive: Option<Playing>,
    drives: u64,
    /// Weather and light of the last scene.
    air: usize,
}

/// A drive that is being played.
struct Playing {
    world: World,
    town: usize,
    seed: u64,
    instants: u64,
}

impl Scenes {
    /// Scenes of a configuration, from the first.
    #[must_use]
    pub fn new(config: ScenesConfig) -> Self {
        let seed = config.split.drive_seed(config.seed, 0);
        let first = DriveConfig {
            seed,
            seconds: 1.0,
            town: config.split.towns()[0],
            ..DriveConfig::default()
        };
        Self {
            config,
            airs: Airs::new(&World::new(&first)),
            plan: Plan::new(Rng::new(seed, 30)),
            balance: Balance::default(),
            tally: Tally::default(),
            rng: Rng::new(seed, 32),
            drive: None,
            drives: 0,
            air: 0,
        }
    }

    /// The next scene.
    pub fn take(&mut self) -> Scene {
        loop {
            let mut playing = self.drive.take().unwrap_or_else(|| self.start());
            playing.instants += 1;
            let time_s = playing.instants as f64 * EVERY_S;
            if time_s >= DRIVE_S {
                continue;
            }
            playing.world.advance_to(time_s);
            self.tally.instants += 1;
            let scene = self.instant(&playing);
            self.drive = Some(playing);
            if let Some(scene) = scene {
                return scene;
            }
        }
    }

    /// The next scene, and the instants that follow it `every_s` apart in the same weather and light, whatever they show:
    /// the frames of a keyframe.
    pub fn take_frames(&mut self, count: usize, every_s: f64) -> Vec<Frame> {
        let first = self.take();
        let Some(mut playing) = self.drive.take() else {
            return Vec::new();
        };
        let wish = Wish {
            town: playing.town,
            content: first.content,
            air: self.air,
        };
        let begun_s = playing.world.time_s();
        let mut frames = vec![Frame {
            recorded: self.recorded(&playing, wish),
            scene: first,
        }];
        for number in 1..count {
            playing.world.advance_to(begun_s + number as f64 * every_s);
            let mut objects = in_front(&playing.world);
            let (facts, patches) = self.look(&playing, wish, &mut objects);
            self.tally.scenes += 1;
            frames.push(Frame {
                recorded: self.recorded(&playing, wish),
                scene: self.describe(&playing, wish, objects, patches, facts),
            });
        }
        playing.instants = (playing.world.time_s() / EVERY_S) as u64;
        self.drive = Some(playing);
        frames
    }

    /// What was accepted and rejected so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            drives: self.drives,
            given_up: self.plan.given_up,
            questions: self.balance.answers().clone(),
            ..self.tally.clone()
        }
    }

    fn start(&mut self) -> Playing {
        let towns = self.config.split.towns();
        let town = (self.drives % towns.len() as u64) as usize;
        let seed = self.config.split.drive_seed(self.config.seed, self.drives);
        self.drives += 1;
        let world = World::new(&DriveConfig {
            seed,
            seconds: DRIVE_S,
            town: towns[town],
            ..DriveConfig::default()
        });
        Playing {
            world,
            town,
            seed,
            instants: 0,
        }
    }

    fn instant(&mut self, playing: &Playing) -> Option<Scene> {
        let world = &playing.world;
        let mut objects = in_front(world);
        let truth = Truth::of(world);
        let offered = Content::offered(&objects, truth.green, truth.zebra);
        let wish = self.plan.draw(playing.town, &offered)?;
        let claims = truth.claims(&objects, air_facts(wish));
        let (facts, patches) = self.look(playing, wish, &mut objects);
        if !wish.content.is_in(&facts) {
            self.plan.failed(wish);
            let content = format!("{:?}", wish.content).to_lowercase();
            *self.tally.failed_wishes.entry(content).or_default() += 1;
            return None;
        }
        self.plan.served(wish);
        self.air = wish.air;
        self.tally.count(&objects, &facts, &claims);
        Some(self.describe(playing, wish, objects, patches, facts))
    }

    /// Looks at an instant: its facts, and what each patch shows.
    fn look(&mut self, playing: &Playing, wish: Wish, objects: &mut [Object]) -> (Facts, Vec<u8>) {
        let world = &playing.world;
        if self.config.verified {
            let eye = self.airs.eye(wish.air);
            eye.look(world);
            let (road, patches) = check(eye, world, objects);
            return (self.settled(world, objects, road, wish), patches);
        }
        let truth = Truth::of(world);
        let facts = truth.claims(objects, air_facts(wish));
        claim(objects);
        (facts, truth.patches(world, objects))
    }

    /// The instant as the vehicle's camera records it, JPEG.
    fn recorded(&self, playing: &Playing, wish: Wish) -> Vec<u8> {
        let (weather, light) = (wish.air / LIGHTS.len(), wish.air % LIGHTS.len());
        let mut camera = sample_camera(Atmosphere::new(LIGHTS[light], WEATHERS[weather]));
        camera.expose(&playing.world);
        camera.jpeg().to_vec()
    }

    /// The facts that the picture settles.
    fn settled(&mut self, world: &World, objects: &[Object], road: Road, wish: Wish) -> Facts {
        let mut facts = of_objects(objects);
        facts.extend(of_road(road));
        let told = self.airs.told(wish.air);
        for ((key, value), told) in air_facts(wish).into_iter().zip(told) {
            if told {
                facts.insert(key.to_owned(), value.to_owned());
            }
        }
        if let Some(car) = nearest_car(objects)
            && let Some(paint) = car.paint
        {
            let same = |a: usize, b: usize| colour(a) == colour(b);
            if colour_shown(self.airs.eye(wish.air), world, car, same) {
                facts.insert("colour".to_owned(), colour(paint).to_owned());
            }
        }
        facts
    }

    fn describe(
        &mut self,
        playing: &Playing,
        wish: Wish,
        objects: Vec<Object>,
        patches: Vec<u8>,
        facts: Facts,
    ) -> Scene {
        let world = &playing.world;
        let rgb = self.airs.eye(wish.air).picture(world, self.tally.scenes);
        let rng = &mut self.rng;
        let captions = (0..self.config.captions)
            .map(|_| caption(&facts, rng))
            .collect();
        let questions = self.balance.ask(&facts, &objects, QUESTIONS, rng);
        let (weather, light) = (wish.air / LIGHTS.len(), wish.air % LIGHTS.len());
        let (radar, radar_object) = radar(playing, wish);
        let ego = world.ego();
        Scene {
            seed: playing.seed,
            time_s: world.time_s(),
            town: self.config.split.towns()[wish.town],
            weather: WEATHERS[weather],
            light: LIGHTS[light],
            content: wish.content,
            rgb,
            objects,
            patches,
            facts,
            questions,
            captions,
            radar,
            radar_object,
            ego: [ego.speed, ego.yaw_rate],
        }
    }
}

fn air_facts(wish: Wish) -> [(&'static str, &'static str); 2] {
    let [weather, light] = names(wish.air);
    [("weather", weather), ("light", light)]
}

/// One scan of the vehicle's radar at the instant: returns in the vehicle's frame, and their owners.
fn radar(playing: &Playing, wish: Wish) -> (Vec<[f32; 6]>, Vec<i64>) {
    let mount = Drive::calibration().sensors["radar_front"].mount;
    let config = DriveConfig {
        seed: playing.seed,
        weather: WEATHERS[wish.air / LIGHTS.len()],
        radar: RadarKind::Ars548,
        ..DriveConfig::default()
    };
    let mut radar = FrontRadar::new(&config, mount);
    let (mut scan, mut sources) = (RadarScan::default(), Vec::new());
    radar.scan(
        &playing.world,
        playing.instants,
        &mut scan.points,
        &mut sources,
    );
    let ego = playing.world.ego();
    let motion = EgoMotion {
        speed_mps: ego.speed,
        yaw_rate_radps: ego.yaw_rate,
        ..EgoMotion::default()
    };
    let own = radar_velocity(&motion, &mount);
    let half = radar.unambiguous_mps();
    let vehicle_from_radar = mount.parent_from_self();
    let returns = scan.points.iter().map(|p| {
        let at = vehicle_from_radar * Point3::new(p.x_m, p.y_m, p.z_m).cast::<f64>();
        let rate = compensated(p, &own, half) as f32;
        [
            at.x as f32,
            at.y as f32,
            at.z as f32,
            p.rcs_dbsm,
            p.range_rate_mps,
            rate,
        ]
    });
    let owners = sources.iter().map(|source| match source {
        Source::Object(id) => i64::from(*id),
        Source::Ghost => GHOST,
        Source::Scenery | Source::FalseAlarm => CLUTTER,
    });
    (returns.collect(), owners.collect())
}

const _: () = assert!(HEIGHT_PX.is_multiple_of(super::PATCH_PX));
