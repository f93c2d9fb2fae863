//! What to generate: the options, and which town, weather and seed each drive of a split has.

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use drafthorse_core::Pose;
use drafthorse_synth::shard::ShardConfig;
use drafthorse_synth::{Drive, DriveConfig, RadarKind, Town, Weather};
use std::path::PathBuf;

/// Writes training shards of synthetic drives: one file a drive.
#[derive(Parser)]
#[command(name = "drafthorse-shards", version)]
pub(crate) struct Args {
    /// Folder of the shards.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// What the drives are for; splits share no seed, and test has its own town and weather.
    #[arg(long, required_unless_present = "stats")]
    split: Option<Split>,
    /// How many drives.
    #[arg(long, required_unless_present = "stats")]
    drives: Option<u64>,
    /// Another seed gives other drives.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Length of a drive, s.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// Which radar.
    #[arg(long, default_value = "dense")]
    radar: Radar,
    /// Scans in a frame, 1 to 5.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=5))]
    scans: u8,
    /// A frame every so many scans (20 scans a second).
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    every: u16,
    /// Threads; each plays one drive at a time.
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// Say what is in the shards of the folder instead.
    #[arg(long)]
    pub(crate) stats: bool,
    /// With --stats: as JSON.
    #[arg(long, requires = "stats")]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Split {
    Train,
    Val,
    Test,
}

#[derive(Clone, Copy, ValueEnum)]
enum Radar {
    Ars548,
    Dense,
}

/// One drive to write.
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) config: DriveConfig,
    pub(crate) shard: ShardConfig,
}

/// Drives of one split are numbered below this.
const DRIVES_OF_A_SPLIT: u64 = 1_000_000;

impl Split {
    /// Its name, its number, and the towns and weathers that its drives go through in turn.
    fn contents(self) -> (&'static str, u64, &'static [Town], &'static [Weather]) {
        let learnt = &[
            Town::OldTown,
            Town::Boulevard,
            Town::Gardens,
            Town::OldTown,
            Town::RingRoad,
        ];
        let fair = &[Weather::Clear, Weather::Clear, Weather::Drizzle];
        match self {
            Self::Train => ("train", 0, learnt, fair),
            Self::Val => ("val", 1, learnt, fair),
            Self::Test => ("test", 2, &[Town::Harbour], &[Weather::Rain, Weather::Fog]),
        }
    }
}

/// The drives that the options ask for.
pub(crate) fn drives(args: &Args) -> Result<Vec<Planned>> {
    let (Some(split), Some(count)) = (args.split, args.drives) else {
        bail!("give --split and --drives, or --stats");
    };
    if count > DRIVES_OF_A_SPLIT || args.seed > u64::MAX / (4 * DRIVES_OF_A_SPLIT) {
        bail!("at most {DRIVES_OF_A_SPLIT} drives a split, and a smaller --seed");
    }
    if !(args.seconds > 0.0 && args.seconds <= DriveConfig::MAX_SECONDS) {
        bail!(
            "--seconds must be above 0 and at most {}",
            DriveConfig::MAX_SECONDS
        );
    }
    let (name, number, towns, weathers) = split.contents();
    let radar = match args.radar {
        Radar::Ars548 => RadarKind::Ars548,
        Radar::Dense => RadarKind::Dense,
    };
    let pick = |list: usize, i: u64| (i % list as u64) as usize;
    let planned = (0..count).map(|i| {
        let seed = (args.seed * 3 + number) * DRIVES_OF_A_SPLIT + i;
        let town = towns[pick(towns.len(), i)];
        let weather = weathers[pick(weathers.len(), i / towns.len() as u64)];
        Planned {
            name: format!(
                "{name}-{i:05}-{}-{}.safetensors",
                town.name(),
                weather.name()
            ),
            config: DriveConfig {
                seed,
                seconds: args.seconds,
                camera_fps: 0.0,
                town,
                weather,
                radar,
                radar_mount: Some(mount(seed)),
                ..DriveConfig::default()
            },
            shard: ShardConfig {
                scans: args.scans.into(),
                every: args.every.into(),
            },
        }
    });
    Ok(planned.collect())
}

/// The sample vehicle's mount, a little elsewhere on each vehicle.
fn mount(seed: u64) -> Pose {
    let sample = Drive::calibration().sensors["radar_front"].mount;
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // Between -1 and 1, evenly.
    let step = |axis: u32| f64::from((mixed >> (16 * axis)) as u16) / 32767.5 - 1.0;
    Pose {
        y_m: sample.y_m + 0.2 * step(0),
        z_m: sample.z_m + 0.2 * step(1),
        yaw_rad: sample.yaw_rad + 0.03 * step(2),
        pitch_rad: sample.pitch_rad + 0.015 * step(3),
        ..sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn planned(text: &str) -> Vec<Planned> {
        drives(&Args::parse_from(text.split_whitespace())).unwrap()
    }

    #[test]
    fn splits_share_neither_seeds_nor_the_held_out_town() {
        let mut seeds = BTreeSet::new();
        for split in ["train", "val", "test"] {
            for seed in ["0", "1", "2"] {
                let list = planned(&format!(
                    "x --out o --split {split} --drives 50 --seed {seed}"
                ));
                for drive in &list {
                    assert!(seeds.insert(drive.config.seed));
                    let held_out = drive.config.town == Town::Harbour;
                    assert_eq!(held_out, split == "test");
                }
                assert!(list.is_sorted_by(|a, b| a.name < b.name));
            }
        }
    }

    #[test]
    fn mounts_differ_in_every_axis() {
        let list = planned("x --out o --split train --drives 40");
        let spread = |of: fn(&Pose) -> f64| {
            let values = list
                .iter()
                .filter_map(|d| d.config.radar_mount.as_ref())
                .map(of);
            let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
            high - low
        };
        assert!(spread(|m| m.y_m) > 0.3 && spread(|m| m.z_m) > 0.3);
        assert!(spread(|m| m.yaw_rad) > 0.045 && spread(|m| m.pitch_rad) > 0.022);
    }
}
