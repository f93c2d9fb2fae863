//! How often the radar lane's thread asks for memory once it is warm, on the real path: queue, step,
//! log and measurement.

use super::lane::LaneThread;
use super::setup;
use super::{RunOptions, lanes, shared::Shared};
use crate::bench::allocations;
use crate::config::Config;
use crate::feed;
use crate::networks::Networks;
use crate::pipeline::channels::Channels;
use crate::record_policy::RecordPolicy;
use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// Allocations a scan of the radar lane's thread over the second half of the sample drive, after
/// the first half and one whole pass. Counts only where [`crate::bench::CountingAllocator`] is
/// installed.
///
/// # Errors
/// A temporary folder that cannot be written.
pub fn radar_lane_allocations_per_scan() -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let config = Config::from_sources(vec!["synth:?camera_fps=0&seconds=20".parse()?]);
    let options = RunOptions::new(dir.path());
    let resolved = feed::resolve(&config)?;
    let channels = Channels::new(&resolved.plan);
    let shared = Shared::new(
        &config,
        resolved.plan,
        &channels,
        &options,
        "allocations",
        0,
    )?;
    setup::describe(&shared.plan, RecordPolicy::All, &channels, &shared.log, 0)?;
    let handle = shared.lanes.first().context("the plan has no lane")?;
    let logic = lanes::logic(&shared, &channels, &Networks::Recorded, &handle.name)?;
    let mut lane = LaneThread::new(&shared, handle, logic);
    let scans = feed::sample_scans(20.0);
    let mut held = None;
    let mut counted = 0;
    let measured = scans.len() / 2;
    for (i, scan) in scans.iter().enumerate() {
        if i == scans.len() - measured {
            counted = allocations();
        }
        handle.queue.put(
            0,
            |slot| {
                slot.raw.copy_from(scan);
                slot.arrived = Instant::now();
            },
            |_| (),
        );
        handle.queue.take(&mut held, Duration::ZERO);
        lane.take(&held.as_ref().context("the queue lost a scan")?.item);
    }
    let after = allocations();
    shared.log.recorder().finish()?;
    Ok((after - counted) as f64 / measured as f64)
}
