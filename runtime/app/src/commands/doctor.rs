//! `drafthorse doctor`: what this machine can do, and what to mend.

use super::doctor_board::{self, Comparison};
use crate::cli::DoctorArgs;
use anyhow::{Context, Result};
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_sensors::clock::{ClockState, Discipline, observe_clock};
use serde::Serialize;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Type of a CAN interface in `/sys/class/net/*/type` (`ARPHRD_CAN`).
const ARPHRD_CAN: &str = "280";

#[derive(Serialize)]
struct Findings {
    board: Board,
    /// The machine beside its profile.
    profile: Vec<Comparison>,
    cameras: Vec<Device>,
    can: Vec<Device>,
    serial: Vec<Device>,
    engines: Vec<Engine>,
    disk: Disk,
    clock: ClockState,
    /// What to mend, in words.
    advice: Vec<String>,
}

#[derive(Serialize)]
struct Board {
    profile: String,
    model: String,
    triple: String,
    cores: usize,
    memory_mib: u64,
}

#[derive(Serialize)]
struct Device {
    name: String,
    about: String,
}

#[derive(Serialize)]
struct Engine {
    name: String,
    present: bool,
    about: String,
}

#[derive(Serialize)]
struct Disk {
    path: String,
    free_mib: u64,
    /// Median of writing and syncing 1 MiB, ms.
    sync_1mib_ms: f64,
    /// Write rate over those, MB/s.
    write_mb_per_s: f64,
}

pub(super) fn doctor(args: &DoctorArgs) -> Result<()> {
    let findings = examine(args.board.as_deref(), &args.disk)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&findings)?)?;
        return Ok(());
    }
    print(&findings, &mut out)
}

fn examine(board: Option<&str>, disk_path: &Path) -> Result<Findings> {
    let tree = first_line("/proc/device-tree/model");
    let profile = doctor_board::profile(board, tree.as_deref())?;
    let cameras = cameras();
    let can = can_interfaces();
    let disk = disk(disk_path)?;
    let clock = observe_clock();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let comparisons = doctor_board::compare(&profile, Path::new("/"), clock.discipline, cores);
    let mut advice = Vec::new();
    for differs in comparisons
        .iter()
        .filter(|c| !c.agrees && c.what != "clock")
    {
        advice.push(format!(
            "{}: the profile {} says {}, this machine has {}: mend it, or name another profile with --board",
            differs.what, profile.name, differs.expected, differs.found
        ));
    }
    if clock.discipline == Discipline::None {
        advice.push(
            "the clock has no PTP or NTP source: start ptp4l (with the radar as its client) or chrony"
                .to_owned(),
        );
    }
    if !cameras.is_empty() && !cfg!(feature = "v4l2") {
        advice.push(
            "cameras are present but this program was built without them: cargo build --release --features v4l2"
                .to_owned(),
        );
    }
    if disk.sync_1mib_ms > 250.0 {
        advice.push(format!(
            "a sync of 1 MiB takes {:.0} ms on this disk: a log loses more than its interval when power fails; use a faster disk",
            disk.sync_1mib_ms
        ));
    }
    if disk.free_mib < 1024 {
        advice.push("less than 1 GiB is free: recording will stop soon".to_owned());
    }
    Ok(Findings {
        board: Board {
            profile: profile.name,
            model: tree
                .or_else(|| first_line("/sys/class/dmi/id/product_name"))
                .unwrap_or_else(|| "unknown".to_owned()),
            triple: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            cores,
            memory_mib: memory_mib(),
        },
        profile: comparisons,
        cameras,
        can,
        serial: devices("/dev", |n| {
            n.starts_with("ttyUSB") || n.starts_with("ttyACM")
        }),
        engines: engines(),
        disk,
        clock,
        advice,
    })
}

fn print(f: &Findings, out: &mut impl Write) -> Result<()> {
    let mut row = |name: &str, value: &str| writeln!(out, "  {name:<12} {value}");
    row(
        "board",
        &format!(
            "{} ({}), {}, {} cores, {} MiB",
            f.board.profile, f.board.model, f.board.triple, f.board.cores, f.board.memory_mib
        ),
    )?;
    for c in &f.profile {
        let mark = if c.agrees { "yes" } else { "no " };
        row(
            "profile",
            &format!("{mark} {}: {} ({})", c.what, c.found, c.expected),
        )?;
    }
    for (name, list) in [
        ("cameras", &f.cameras),
        ("CAN", &f.can),
        ("serial", &f.serial),
    ] {
        if list.is_empty() {
            row(name, "none")?;
        }
        for device in list {
            row(name, &format!("{}  {}", device.name, device.about))?;
        }
    }
    for engine in &f.engines {
        let mark = if engine.present { "yes" } else { "no " };
        row(
            "engine",
            &format!("{mark} {}: {}", engine.name, engine.about),
        )?;
    }
    row(
        "disk",
        &format!(
            "{}: {} MiB free, 1 MiB written and synced in {:.1} ms ({:.0} MB/s)",
            f.disk.path, f.disk.free_mib, f.disk.sync_1mib_ms, f.disk.write_mb_per_s
        ),
    )?;
    row(
        "clock",
        &format!(
            "discipline {}, kernel synchronised {}, bound {:.3} ms{}{}",
            f.clock.discipline.name(),
            f.clock.kernel_synchronised,
            f.clock.kernel_max_error_ns as f64 / 1e6,
            if f.clock.source.is_empty() { "" } else { ", " },
            f.clock.source
        ),
    )?;
    for advice in &f.advice {
        row("advice", advice)?;
    }
    Ok(())
}

fn cameras() -> Vec<Device> {
    let mut found = devices("/dev", |name| name.starts_with("video"));
    for device in &mut found {
        let number = device.name.trim_start_matches("/dev/");
        device.about =
            first_line(&format!("/sys/class/video4linux/{number}/name")).unwrap_or_default();
    }
    found
}

fn can_interfaces() -> Vec<Device> {
    names("/sys/class/net")
        .into_iter()
        .filter(|name| {
            first_line(&format!("/sys/class/net/{name}/type")).as_deref() == Some(ARPHRD_CAN)
        })
        .map(|name| Device {
            about: first_line(&format!("/sys/class/net/{name}/operstate")).unwrap_or_default(),
            name,
        })
        .collect()
}

/// What can compute perception. Learned detectors need an engine; the clustering baseline needs
/// none.
fn engines() -> Vec<Engine> {
    let mut found = vec![Engine {
        name: "clustering".to_owned(),
        present: true,
        about: "radar perception without a network, built in".to_owned(),
    }];
    match Engines::open(&EngineConfig::default()) {
        Ok(engines) => {
            found.extend(engines.present().map(|backend| Engine {
                name: backend.name().to_owned(),
                present: true,
                about: backend.version(),
            }));
            found.extend(engines.absent().iter().map(|why| Engine {
                name: "absent".to_owned(),
                present: false,
                about: why.to_string(),
            }));
        }
        Err(error) => found.push(Engine {
            name: "engines".to_owned(),
            present: false,
            about: error.to_string(),
        }),
    }
    found
}

fn disk(path: &Path) -> Result<Disk> {
    const ROUNDS: usize = 9;
    const BYTES: usize = 1 << 20;
    let mut file = tempfile::tempfile_in(path)
        .with_context(|| format!("cannot write into {}; give --disk DIR", path.display()))?;
    let block = vec![0xa5; BYTES];
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let median_s = times[ROUNDS / 2];
    Ok(Disk {
        path: fs::canonicalize(path)?.display().to_string(),
        free_mib: drafthorse_record::storage::free_space(path)? >> 20,
        sync_1mib_ms: median_s * 1e3,
        write_mb_per_s: BYTES as f64 / 1e6 / median_s,
    })
}

fn devices(dir: &str, wanted: impl Fn(&str) -> bool) -> Vec<Device> {
    names(dir)
        .into_iter()
        .filter(|name| wanted(name))
        .map(|name| Device {
            name: format!("{dir}/{name}"),
            about: String::new(),
        })
        .collect()
}

fn names(dir: &str) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.trim_end_matches(['\0', '\n']).lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn memory_mib() -> u64 {
    fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|l| l.starts_with("MemTotal:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .map_or(0, |kib| kib / 1024)
}
