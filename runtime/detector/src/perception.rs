//! The stages in order, their state, and its checkpoint.

use crate::cluster::{Candidate, Dbscan, Element, Ground, Labelled, Reach, detect, split};
use crate::config::DetectorConfig;
use crate::ego::{EgoFilter, InstantEstimator, Observation, Odometry};
use crate::error::DetectorError;
use crate::frame::{PerceptionFrame, PointLabel};
use crate::returns::{Mount, Return, ambiguity_span, prepare};
use crate::tracking::{Tracker, TrackerState};
use drafthorse_core::{Pose, RadarScan, SensorId};
use serde::{Deserialize, Serialize};

/// Points a scan for which buffers are ready from the start (the ARS548 sends at most 800).
const POINTS: usize = 1024;

#[derive(Serialize)]
struct StateOut<'a> {
    filter: &'a EgoFilter,
    odometry: &'a Odometry,
    tracker: &'a TrackerState,
}

#[derive(Deserialize)]
struct StateIn {
    filter: EgoFilter,
    odometry: Odometry,
    tracker: TrackerState,
}

/// The perception baseline of all radars of a vehicle.
///
/// The results are a pure function of the configuration, the mounts and the inputs in their order.
#[derive(Clone, Debug)]
pub struct RadarPerception {
    pub(crate) config: DetectorConfig,
    mounts: Vec<Mount>,
    pub(crate) filter: EgoFilter,
    pub(crate) odometry: Odometry,
    tracker: Tracker,
    pub(crate) frame: PerceptionFrame,
    pub(crate) mount: Mount,
    pub(crate) observation: Observation,
    pub(crate) returns: Vec<Return>,
    pub(crate) labelled: Vec<Labelled>,
    scratch: Vec<f64>,
    elements: Vec<Element>,
    dbscan: Dbscan,
    /// Cluster and return, to gather each cluster's members.
    grouped: Vec<(i32, u32)>,
    members: Vec<u32>,
    pub(crate) points: Vec<[f64; 2]>,
    pub(crate) candidates: Vec<Candidate>,
}

impl RadarPerception {
    /// A detector before its first input. `mounts` are `vehicle_from_sensor`; a sensor without one
    /// is taken to report in the vehicle frame.
    ///
    /// # Errors
    /// A setting outside its range, a pose that is not finite, or a sensor mounted twice.
    pub fn new(
        config: &DetectorConfig,
        mounts: &[(SensorId, Pose)],
    ) -> Result<Self, DetectorError> {
        config.check()?;
        let mut placed: Vec<Mount> = Vec::with_capacity(mounts.len());
        for (sensor, pose) in mounts {
            let id = sensor.0;
            let numbers = [
                pose.x_m,
                pose.y_m,
                pose.z_m,
                pose.roll_rad,
                pose.pitch_rad,
                pose.yaw_rad,
            ];
            if !numbers.iter().all(|n| n.is_finite()) {
                return Err(DetectorError::Mount { sensor: id });
            }
            if placed.iter().any(|m| m.sensor == *sensor) {
                return Err(DetectorError::DuplicateMount { sensor: id });
            }
            placed.push(Mount::new(*sensor, pose, config.field_of_view(id)));
        }
        let frame = PerceptionFrame {
            point_labels: Vec::with_capacity(POINTS),
            point_clusters: Vec::with_capacity(POINTS),
            detections: Vec::with_capacity(POINTS),
            tracks: Vec::with_capacity(config.tracking.max_tracks as usize),
            ..PerceptionFrame::default()
        };
        Ok(Self {
            mount: Mount::new(SensorId(0), &Pose::default(), config.field_of_view(0)),
            mounts: placed,
            filter: EgoFilter::default(),
            odometry: Odometry::default(),
            tracker: Tracker::new(config.tracking.max_tracks as usize, POINTS),
            frame,
            observation: Observation::default(),
            returns: Vec::with_capacity(POINTS),
            labelled: Vec::with_capacity(POINTS),
            scratch: Vec::with_capacity(POINTS),
            elements: Vec::with_capacity(POINTS),
            dbscan: Dbscan::with_capacity(POINTS),
            grouped: Vec::with_capacity(POINTS),
            members: Vec::with_capacity(POINTS),
            points: Vec::with_capacity(POINTS),
            candidates: Vec::with_capacity(POINTS),
            config: config.clone(),
        })
    }

    /// One scan through all stages. `vehicle_speed_mps` is a speed from elsewhere (CAN), if any.
    pub fn scan(&mut self, scan: &RadarScan, vehicle_speed_mps: Option<f64>) -> &PerceptionFrame {
        self.estimate_ego(scan, vehicle_speed_mps);
        self.cluster(scan);
        self.track(scan);
        &self.frame
    }

    /// First stage of [`RadarPerception::scan`]: the vehicle's own motion and pose.
    pub fn estimate_ego(&mut self, scan: &RadarScan, vehicle_speed_mps: Option<f64>) {
        self.open(scan.sensor, scan.sequence, scan.captured_ns);
        prepare(scan, &self.mount, &self.config, &mut self.returns);
        let ego = &self.config.ego;
        let external = vehicle_speed_mps.filter(|v| v.is_finite());
        let dt = self.filter.predict(ego, scan.captured_ns);
        let prior = self.filter.prior(ego, external);
        let span = ambiguity_span(scan);
        let seed = u64::from(scan.sequence) << 16 | u64::from(scan.sensor.0);
        let instants = InstantEstimator::estimate(ego, &self.returns, span, seed, prior.as_ref());
        self.observation = self
            .filter
            .observe(ego, &instants, prior.as_ref(), external);
        self.close_ego(dt, self.returns.len() as u32);
    }

    /// Second stage: labels, clusters and detections.
    pub fn cluster(&mut self, scan: &RadarScan) {
        let span = ambiguity_span(scan);
        let c = &self.config.clustering;
        let ground = Ground {
            motion: &self.frame.ego,
            lift_mps: self.observation.lift_mps,
            span,
            elevation_std_rad: self.config.ego.elevation_std_rad,
        };
        split(
            c,
            &self.returns,
            &ground,
            &mut self.scratch,
            &mut self.labelled,
        );
        let frame = &mut self.frame;
        frame
            .point_labels
            .resize(scan.points.len(), PointLabel::Invalid);
        frame.point_clusters.resize(scan.points.len(), -1);
        for (r, labelled) in self.returns.iter().zip(&self.labelled) {
            frame.point_labels[r.index as usize] = labelled.label;
        }
        let moving = Reach {
            eps_m: c.moving_eps_m,
            eps_rad: c.moving_eps_rad,
            eps_mps: c.moving_eps_mps,
            max_eps_m: c.max_eps_m,
            min_points: c.moving_min_points,
        };
        let stationary = Reach {
            eps_m: c.stationary_eps_m,
            eps_rad: c.stationary_eps_rad,
            eps_mps: f64::INFINITY,
            max_eps_m: c.max_eps_m,
            min_points: c.stationary_min_points,
        };
        let clusters = self.cluster_label(PointLabel::Moving, &moving, 0);
        self.cluster_label(PointLabel::Stationary, &stationary, clusters);
        self.frame
            .detections
            .extend(self.candidates.iter().map(|c| c.detection));
    }

    /// Clusters the returns of one label, numbering from `first`; gives the next free number.
    fn cluster_label(&mut self, label: PointLabel, reach: &Reach, first: u32) -> u32 {
        self.elements.clear();
        for (of, (r, l)) in self.returns.iter().zip(&self.labelled).enumerate() {
            if l.label == label {
                self.elements.push(Element {
                    x_m: r.x_m,
                    y_m: r.y_m,
                    range_m: r.range_m,
                    speed_mps: l.residual_mps,
                    of: of as u32,
                });
            }
        }
        let count = self.dbscan.run(&self.elements, reach);
        self.grouped.clear();
        for (element, &cluster) in self.elements.iter().zip(&self.dbscan.cluster) {
            if cluster >= 0 {
                self.grouped.push((cluster, element.of));
                let point = self.returns[element.of as usize].index as usize;
                self.frame.point_clusters[point] = cluster + first as i32;
            }
        }
        self.grouped.sort_unstable();
        let moving = label == PointLabel::Moving;
        if !moving && !self.config.clustering.stationary_detections {
            return first + count;
        }
        let sensor = [self.mount.position_m.x, self.mount.position_m.y];
        let mut at = 0;
        while at < self.grouped.len() {
            let cluster = self.grouped[at].0;
            self.members.clear();
            while at < self.grouped.len() && self.grouped[at].0 == cluster {
                self.members.push(self.grouped[at].1);
                at += 1;
            }
            let candidate = detect(
                &self.config.clustering,
                &self.members,
                &self.returns,
                &self.labelled,
                moving,
                sensor,
                &mut self.points,
            );
            self.candidates.extend(candidate);
        }
        first + count
    }

    /// Third stage: tracks.
    pub fn track(&mut self, scan: &RadarScan) {
        self.step_tracker(scan.captured_ns);
    }

    /// What the latest step gave.
    #[must_use]
    pub fn frame(&self) -> &PerceptionFrame {
        &self.frame
    }

    /// Clears `out` and fills it with the whole state that later results depend on (postcard).
    pub fn checkpoint(&self, out: &mut Vec<u8>) {
        out.clear();
        let state = StateOut {
            filter: &self.filter,
            odometry: &self.odometry,
            tracker: &self.tracker.state,
        };
        // Writing plain data to memory cannot fail; on failure the checkpoint stays empty, which
        // `restore` refuses.
        if let Ok(bytes) = postcard::to_extend(&state, std::mem::take(out)) {
            *out = bytes;
        }
    }

    /// Replaces the state by a checkpoint's; the frame is emptied.
    ///
    /// # Errors
    /// The bytes are not a checkpoint of this version; the state is then unchanged.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectorError> {
        let refused = |reason: String| DetectorError::Checkpoint { reason };
        let (state, rest): (StateIn, _) =
            postcard::take_from_bytes(bytes).map_err(|e| refused(e.to_string()))?;
        if !rest.is_empty() {
            return Err(refused(format!("{} bytes too many", rest.len())));
        }
        self.filter = state.filter;
        self.odometry = state.odometry;
        self.tracker.restore(&state.tracker);
        self.open(SensorId(0), 0, 0);
        self.frame.ego = drafthorse_core::EgoMotion::default();
        self.frame.odom = [0.0; 3];
        self.frame.tracks.clear();
        Ok(())
    }

    pub(crate) fn open(&mut self, sensor: SensorId, sequence: u32, captured_ns: u64) {
        self.mount = self
            .mounts
            .iter()
            .find(|m| m.sensor == sensor)
            .copied()
            .unwrap_or_else(|| {
                Mount::new(
                    sensor,
                    &Pose::default(),
                    self.config.field_of_view(sensor.0),
                )
            });
        self.frame.sensor = sensor;
        self.frame.sequence = sequence;
        self.frame.captured_ns = captured_ns;
        self.frame.point_labels.clear();
        self.frame.point_clusters.clear();
        self.frame.detections.clear();
        self.returns.clear();
        self.points.clear();
        self.candidates.clear();
    }

    pub(crate) fn close_ego(&mut self, dt: f64, considered: u32) {
        let mut motion = self.filter.motion(considered, &self.observation);
        self.odometry.advance(dt, &motion);
        motion.captured_ns = self.frame.captured_ns;
        self.frame.ego = motion;
        let o = &self.odometry;
        self.frame.odom = [o.x_m, o.y_m, o.yaw_rad];
    }

    pub(crate) fn step_tracker(&mut self, captured_ns: u64) {
        let config = &self.config.tracking;
        let (mount, odometry) = (&self.mount, &self.odometry);
        self.tracker.step(
            config,
            captured_ns,
            mount,
            odometry,
            &self.candidates,
            &self.points,
        );
        self.tracker.show(config, odometry, &mut self.frame.tracks);
    }
}
