//! A log's worth of generated drives strung together: pictures, tracks and texts as a log has them, and
//! what was true.

use crate::find::{Drive, Sight, Text, TrafficEvents};
use anyhow::{Context, Result};
use drafthorse_core::{Class, EgoMotion, Image, SensorId, Track};
use drafthorse_detector::{DetectorConfig, RadarPerception};
use drafthorse_keyframes::query::{Gating, Query};
use drafthorse_synth::{DriveConfig, EPOCH_NS, Event, Light, Town, Weather};
use std::num::NonZeroU64;

/// Length of a moment, ns.
pub(super) const MOMENT_NS: u64 = 500_000_000;
const EVERY_NS: NonZeroU64 = NonZeroU64::new(MOMENT_NS).unwrap();
/// Length of a drive, s, and of its place in the log, ns.
const DRIVE_S: f64 = 14.0;
pub(super) const PLACE_NS: u64 = 16_000_000_000;
/// The vehicle's front, m.
const FRONT_M: f64 = 3.75;
/// Road users further away do not count.
const REACH_M: f64 = 45.0;
/// Loss of speed that is hard braking, m/s², over this time, s.
const HARD_MPS2: f64 = 4.0;
const OVER_S: f64 = 0.4;

const LIGHTS: [Light; 4] = [Light::Day, Light::LowSun, Light::Dusk, Light::Night];
const WEATHERS: [Weather; 4] = [
    Weather::Clear,
    Weather::Drizzle,
    Weather::Rain,
    Weather::Fog,
];

/// What somebody notes or a sensor does, in other words than those of its queries.
pub(super) struct Happening {
    pub(super) name: &'static str,
    pub(super) topic: &'static str,
    pub(super) texts: [&'static str; 3],
    pub(super) queries: [&'static str; 3],
}

pub(super) const HAPPENINGS: [Happening; 8] = [
    Happening {
        name: "takeover",
        topic: "/notes",
        texts: [
            "driver took over at the junction",
            "planner hesitated, I grabbed the wheel",
            "manual control after a late lane change",
        ],
        queries: [
            "takeover",
            "driver intervention",
            "disengagement of the planner",
        ],
    },
    Happening {
        name: "emergency vehicle",
        topic: "/notes",
        texts: [
            "ambulance coming from behind",
            "siren somewhere to the left",
            "fire engine at the crossroads",
        ],
        queries: [
            "emergency vehicle",
            "police or ambulance with a siren",
            "blue lights",
        ],
    },
    Happening {
        name: "road damage",
        topic: "/notes",
        texts: [
            "big pothole in our lane",
            "uneven road, everything shakes",
            "bump hit at speed, check the suspension",
        ],
        queries: ["road damage", "potholes", "rough road"],
    },
    Happening {
        name: "animal",
        topic: "/notes",
        texts: [
            "deer at the kerb",
            "a dog ran off between parked cars",
            "fox by the bins",
        ],
        queries: ["animals", "wildlife near the road", "dog or deer"],
    },
    Happening {
        name: "tram",
        topic: "/notes",
        texts: [
            "tram depot gate was open",
            "tramway switch frozen over",
            "trams queueing outside the depot",
        ],
        queries: ["tram", "tram depot", "tramway"],
    },
    Happening {
        name: "radar silent",
        topic: "/faults",
        texts: [
            "fault: sensor stalled radar_front no message for 0.6 s",
            "fault: sensor lost radar_front the stream ended",
            "fault: sensor stalled radar_front no message for 1.1 s",
        ],
        queries: ["radar dropout", "radar went quiet", "lost radar"],
    },
    Happening {
        name: "camera bad data",
        topic: "/faults",
        texts: [
            "fault: undecodable camera_front the JPEG picture does not decode",
            "fault: undecodable camera_front unexpected end of data",
            "fault: checksum mismatch camera_front 1 message",
        ],
        queries: [
            "corrupt camera pictures",
            "camera bad data",
            "garbled video",
        ],
    },
    Happening {
        name: "clock",
        topic: "/faults",
        texts: [
            "fault: clock jump camera_front the capture stamp leapt by 2.1 s",
            "fault: clock backwards radar_front a stamp earlier than the one before",
            "fault: clock undisciplined no PTP source",
        ],
        queries: [
            "clock problem",
            "timestamps jump",
            "ptp synchronisation lost",
        ],
    },
];

/// A road user in reach.
#[derive(Clone, Copy)]
pub(super) struct User {
    pub(super) class: Class,
    pub(super) x_m: f64,
    pub(super) y_m: f64,
    pub(super) vx_mps: f64,
    pub(super) vy_mps: f64,
    pub(super) moving: bool,
}

/// What was true in a moment.
pub(super) struct Instant {
    pub(super) at_ns: u64,
    pub(super) weather: Weather,
    pub(super) light: Light,
    /// Who was in reach and gave the radar an echo, in the moment's last scan.
    pub(super) users: Vec<User>,
    /// The vehicle braked hard.
    pub(super) braking: bool,
    /// Names of what happened.
    pub(super) happenings: Vec<&'static str>,
}

struct Scan {
    at_ns: u64,
    ego: EgoMotion,
    tracks: Vec<Track>,
}

/// Drives strung together.
pub(super) struct Day {
    pub(super) instants: Vec<Instant>,
    scans: Vec<Scan>,
    pictures: Vec<(u64, Image)>,
    texts: Vec<Text>,
}

impl Day {
    /// Plays `drives` drives of a town.
    pub(super) fn play(first_seed: u64, town: Town, drives: usize) -> Result<Self> {
        let mut day = Self {
            instants: Vec::new(),
            scans: Vec::new(),
            pictures: Vec::new(),
            texts: Vec::new(),
        };
        for place in 0..drives {
            day.add(first_seed + place as u64, town, place)?;
            tracing::info!(place, drives, "a drive");
        }
        Ok(day)
    }

    fn add(&mut self, seed: u64, town: Town, place: usize) -> Result<()> {
        let config = DriveConfig {
            seed,
            town,
            seconds: DRIVE_S,
            radar_hz: 20.0,
            camera_fps: 1e9 / MOMENT_NS as f64,
            light: LIGHTS[place % LIGHTS.len()],
            weather: WEATHERS[place / LIGHTS.len() % WEATHERS.len()],
            incidents: 3,
            ..DriveConfig::default()
        };
        let base_ns = EPOCH_NS + place as u64 * PLACE_NS;
        let begin = self.instants.len();
        let mut drive = drafthorse_synth::Drive::new(&config);
        let mounts = [(SensorId(0), drive.radar_mount())];
        let mut perception = RadarPerception::new(&DetectorConfig::default(), &mounts)
            .context("the detector cannot be set up")?;
        let mut events = TrafficEvents::new(FRONT_M)?;
        let mut speeds: Vec<(u64, f64)> = Vec::new();
        while let Some(event) = drive.next() {
            match event {
                Event::Scan { scan, truth } => {
                    let at_ns = base_ns + (scan.captured_ns - EPOCH_NS);
                    let seen = perception.scan(scan, None);
                    let (ego, tracks) = (seen.ego, seen.tracks.clone());
                    events.scan(at_ns, &ego, &tracks, |text| self.texts.push(text));
                    self.scans.push(Scan { at_ns, ego, tracks });
                    speeds.push((at_ns, truth.ego.speed_mps));
                    let since = speeds
                        .iter()
                        .rev()
                        .find(|(then, _)| (at_ns - then) as f64 * 1e-9 >= OVER_S);
                    let lost = since.map_or(0.0, |(then, before)| {
                        (before - truth.ego.speed_mps) / ((at_ns - then) as f64 * 1e-9)
                    });
                    let key = at_ns / MOMENT_NS;
                    if self
                        .instants
                        .last()
                        .is_none_or(|last| last.at_ns / MOMENT_NS != key)
                    {
                        self.instants.push(Instant {
                            at_ns: key * MOMENT_NS + MOMENT_NS / 2,
                            weather: config.weather,
                            light: config.light,
                            users: Vec::new(),
                            braking: false,
                            happenings: Vec::new(),
                        });
                    }
                    if let Some(instant) = self.instants.last_mut() {
                        instant.braking |= lost > HARD_MPS2;
                        let near = truth.objects.iter().filter(|o| {
                            o.returns > 0 && o.x_m > 0.0 && o.x_m.hypot(o.y_m) < REACH_M
                        });
                        instant.users = near
                            .map(|o| User {
                                class: o.class,
                                x_m: o.x_m,
                                y_m: o.y_m,
                                vx_mps: o.vx_mps,
                                vy_mps: o.vy_mps,
                                moving: o.moving,
                            })
                            .collect();
                    }
                }
                Event::Frame {
                    captured_ns,
                    width,
                    height,
                    rgb,
                    ..
                } => {
                    let image = Image {
                        width,
                        height,
                        rgb: rgb.to_vec(),
                        ..Image::default()
                    };
                    self.pictures
                        .push((base_ns + (captured_ns - EPOCH_NS), halved(&image)));
                }
            }
        }
        self.happen(seed, base_ns, begin);
        Ok(())
    }

    /// Lets something happen in two of three drives, with its text in the log a moment later.
    fn happen(&mut self, seed: u64, base_ns: u64, begin: usize) {
        let draw = |salt: u64, of: usize| (mixed(seed ^ (salt << 40)) % of as u64) as usize;
        if draw(1, 3) == 0 {
            return;
        }
        let happening = &HAPPENINGS[draw(2, HAPPENINGS.len())];
        let at_ns = base_ns + 2_000_000_000 + draw(3, 10_000) as u64 * 1_000_000;
        self.texts.push(Text {
            at_ns,
            topic: happening.topic.to_owned(),
            text: happening.texts[draw(4, happening.texts.len())].to_owned(),
        });
        for instant in &mut self.instants[begin..] {
            if instant.at_ns.abs_diff(at_ns) < 1_000_000_000 {
                instant.happenings.push(happening.name);
            }
        }
    }

    /// The fold that the command makes of a log, with these queries watched.
    pub(super) fn into_drive(self, queries: &[(Query, Gating)], sight: Sight) -> Result<Drive> {
        let mut drive = Drive::new(EVERY_NS, queries, sight)?;
        for scan in &self.scans {
            drive.tracks(scan.at_ns, &scan.ego, &scan.tracks);
        }
        for (at_ns, image) in &self.pictures {
            if drive.wants_picture("camera_front", *at_ns) {
                drive.picture("camera_front", *at_ns, image)?;
            }
        }
        self.texts.into_iter().for_each(|text| drive.text(text));
        Ok(drive)
    }
}

/// A picture at half its size, each pixel the mean of four: a log's worth of them is held.
fn halved(image: &Image) -> Image {
    let (width, height) = ((image.width / 2) as usize, (image.height / 2) as usize);
    let row = image.width as usize * 3;
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let at = 2 * y * row + 6 * x + channel;
                let sum: u32 = [at, at + 3, at + row, at + row + 3]
                    .iter()
                    .map(|at| u32::from(image.rgb[*at]))
                    .sum();
                rgb.push((sum / 4) as u8);
            }
        }
    }
    Image {
        width: width as u32,
        height: height as u32,
        rgb,
        ..Image::default()
    }
}

/// A number from a number (`SplitMix64`).
pub(super) fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
