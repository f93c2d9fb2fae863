//! The lanes of a plan: their queues, the routes of sensors to them, and the logic of each.

use super::lane::{LaneLogic, Queued};
use super::shared::Shared;
use crate::config::Config;
use crate::networks::Networks;
use crate::pipeline::camera::CameraLane;
use crate::pipeline::channels::Channels;
use crate::pipeline::queue::{LaneQueue, Policy};
use crate::pipeline::radar::RadarLane;
use crate::plan::{Mode, Plan, RADAR_LANE};
use anyhow::{Context, Result};
use drafthorse_core::{RawFormat, SensorId};
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// What the outside knows of a lane.
pub(crate) struct LaneHandle {
    pub(crate) name: String,
    pub(crate) queue: LaneQueue<Queued>,
    /// Held while a message is logged and queued: the lane takes its messages in the log's order.
    pub(super) order: Mutex<()>,
    pub(crate) dropped: AtomicU64,
    pub(crate) steps: AtomicU64,
    /// Time from receipt to results after which a step is late.
    pub(crate) deadline: Duration,
    pub(crate) late: AtomicU64,
}

/// Where a sensor's messages go.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(super) lane: usize,
    /// The sensor's number in the lane's queue.
    pub(super) source: usize,
}

/// One lane for all radars (where there are any) and one for each camera.
pub(super) fn of_plan(config: &Config, plan: &Plan) -> (Vec<LaneHandle>, Vec<Route>) {
    let policy = match plan.mode {
        Mode::File => Policy::NeverDrop,
        Mode::Live => Policy::KeepLatest,
    };
    let mut served: Vec<(String, Vec<SensorId>)> = Vec::new();
    let mut routes = Vec::new();
    for (id, _) in plan.sensors() {
        let name = plan.lane_of(id);
        let lane = served
            .iter()
            .position(|lane| lane.0 == name)
            .unwrap_or(served.len());
        if lane == served.len() {
            served.push((name, Vec::new()));
        }
        let sensors = &mut served[lane].1;
        let source = sensors.len();
        sensors.push(id);
        routes.push(Route { lane, source });
    }
    let lanes = served.into_iter().map(|(name, sensors)| {
        let format = |source: usize| plan.sensors[usize::from(sensors[source].0)].format;
        let shares: Vec<_> = (0..sensors.len())
            .map(|source| match format(source) {
                // Small and many.
                RawFormat::CanFrame | RawFormat::Sync => config.lanes.can_queue,
                camera if camera.is_camera() => config.lanes.camera_queue,
                _ => config.lanes.radar_queue,
            })
            .collect();
        let slot = |source| Queued::empty(sensors[source], format(source));
        let deadline_ms = match name == RADAR_LANE {
            true => config.lanes.radar_deadline_ms,
            false => config.lanes.camera_deadline_ms,
        };
        let deadline = Duration::from_secs_f64(1e-3 * deadline_ms);
        LaneHandle {
            name,
            queue: LaneQueue::new(&shares, policy, slot),
            order: Mutex::new(()),
            dropped: AtomicU64::new(0),
            steps: AtomicU64::new(0),
            deadline,
            late: AtomicU64::new(0),
        }
    });
    (lanes.collect(), routes)
}

/// A lane's logic, by the sensors it serves.
pub(super) fn logic(
    shared: &Shared,
    channels: &Channels,
    networks: &Networks,
    lane: &str,
) -> Result<Box<dyn LaneLogic>> {
    if lane == RADAR_LANE {
        let radars = networks.of_radars(&shared.plan, channels)?;
        return Ok(Box::new(RadarLane::new(&shared.plan, channels, radars)?));
    }
    let (id, _) = shared
        .plan
        .sensors()
        .find(|(_, sensor)| sensor.name == lane)
        .with_context(|| format!("no camera is named {lane}"))?;
    let camera = channels
        .sensor(id)
        .camera
        .with_context(|| format!("{lane} is not a camera"))?;
    let stages = networks.of_camera(&shared.plan, channels, id)?;
    Ok(Box::new(CameraLane::new(&shared.plan, id, camera, stages)?))
}

/// The logic of all lanes, in their order.
pub(super) fn logics(
    shared: &Shared,
    channels: &Channels,
    networks: &Networks,
) -> Result<Vec<Box<dyn LaneLogic>>> {
    let lanes = shared.lanes.iter();
    lanes
        .map(|lane| logic(shared, channels, networks, &lane.name))
        .collect()
}
