//! The lanes' own cost: hand-off, a ten-stage chain beside cu29, and allocations in the radar lane.

use super::{Figure, chain};
use crate::config::CameraLaneConfig;
use crate::plan::{Mode, Plan};
use anyhow::Result;

/// Rounds of each side, taken in turn; the median of their medians is printed.
const ROUNDS: usize = 7;
const ITERATIONS: usize = 100_000;

pub(super) fn run(print: &mut dyn FnMut(Figure) -> Result<()>) -> Result<()> {
    let (ours, theirs) = chain::handoff_p50_ns(20 * ITERATIONS);
    print(Figure::beside(
        "pipeline.handoff_p50_ns",
        ours,
        "ns",
        "std_sync_channel",
        theirs,
    ))?;
    for (name, logged) in [
        ("pipeline.chain10_p50_ns", false),
        ("pipeline.chain10_logged_p50_ns", true),
    ] {
        print(chain10(name, logged)?)?;
    }
    let per_scan = crate::run::radar_lane_allocations_per_scan()?;
    print(Figure::alone(
        "pipeline.allocations_per_scan",
        per_scan,
        "allocations",
    ))
}

fn chain10(name: &str, logged: bool) -> Result<Figure> {
    let dir = tempfile::tempdir()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let log = if logged {
            Some(chain::log(dir.path())?)
        } else {
            None
        };
        ours.push(chain::chain10_p50_ns(
            ITERATIONS,
            log.as_ref().map(|(log, channel)| (log, *channel)),
        )?);
        if let Some((log, _)) = log {
            log.recorder().finish()?;
        }
        if let Some(peer) = cu29_chain10_p50_ns(logged, dir.path())? {
            theirs.push(peer);
        }
        for entry in std::fs::read_dir(dir.path())? {
            std::fs::remove_file(entry?.path())?;
        }
    }
    Ok(match median(&mut theirs) {
        Some(peer) => Figure::beside(
            name,
            median(&mut ours).unwrap_or(f64::NAN),
            "ns",
            "cu29",
            peer,
        ),
        None => Figure::alone(name, median(&mut ours).unwrap_or(f64::NAN), "ns"),
    })
}

#[cfg(feature = "peers")]
fn cu29_chain10_p50_ns(logged: bool, dir: &std::path::Path) -> Result<Option<f64>> {
    let result = drafthorse_peer_cu29::chain10_p50_ns(logged, ITERATIONS, dir)?;
    Ok(Some(result.p50_ns as f64))
}

#[cfg(not(feature = "peers"))]
fn cu29_chain10_p50_ns(_logged: bool, _dir: &std::path::Path) -> Result<Option<f64>> {
    Ok(None)
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// A plan without sensors.
pub(super) fn empty_plan() -> Plan {
    Plan {
        name: "bench".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: Mode::File,
        sensors: Vec::new(),
        clock: drafthorse_sensors::AlignConfig::default(),
        detector: drafthorse_detector::DetectorConfig::default(),
        camera: CameraLaneConfig::default(),
        networks: Vec::new(),
        keyframes: None,
        vision: None,
    }
}
