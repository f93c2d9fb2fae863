//! The Gaussian detector in the radars' lane: its boxes for a scan, and how they agree with the
//! clusters of the same scan.

use super::ask_scan::{ScanAsker, boxes_of};
use super::channels::NetworkChannel;
use super::faults::FaultLog;
use super::network::{Answers, NetworkStage};
use super::staged::{Cause, Staged};
use crate::network_summary::NetworkSummary;
use crate::plan::{NetworkPlan, RadarNetworkPlan};
use anyhow::{Context, Result};
use drafthorse_core::{EgoMotion, Pose, RadarScan, SensorId};
use drafthorse_detector::{CrossCheck, NetworkBox};
use drafthorse_gaussian::Accumulator;
use drafthorse_record::messages::drafthorse as message;
use nalgebra::{Isometry3, Point3, Vector3};

/// One network over the scans of one radar.
pub struct RadarNetwork {
    stage: NetworkStage<ScanAsker>,
    channel: NetworkChannel,
    reads: RadarNetworkPlan,
    mount: Pose,
    vehicle_from_radar: Isometry3<f64>,
    accumulator: Accumulator,
    boxes: Vec<NetworkBox>,
}

impl RadarNetwork {
    /// A network of the plan over the radar mounted there.
    ///
    /// # Errors
    /// A network that looks at something else.
    pub fn new(
        plan: &NetworkPlan,
        channel: NetworkChannel,
        mount: Pose,
        answers: Answers<ScanAsker>,
    ) -> Result<Self> {
        let reads = plan.radar.clone();
        let reads = reads.with_context(|| format!("{} looks at no radar", plan.name()))?;
        Ok(Self {
            stage: NetworkStage::new(plan, channel.channel, answers)
                .with_stand_in("; clusters are the detections meanwhile"),
            channel,
            accumulator: Accumulator::new(reads.scans),
            reads,
            mount,
            vehicle_from_radar: mount.parent_from_self(),
            boxes: Vec::new(),
        })
    }

    /// The radar.
    pub fn sensor(&self) -> SensorId {
        self.channel.sensor
    }

    /// Its answers.
    pub fn stage_mut(&mut self) -> &mut NetworkStage<ScanAsker> {
        &mut self.stage
    }

    /// Its name and what it did.
    pub fn summary(&self) -> (&str, &NetworkSummary) {
        self.stage.summary()
    }

    /// Takes a scan with the vehicle's motion and dead-reckoned pose then; gives its boxes in the vehicle's
    /// frame, or nothing where no engine answered.
    pub fn look(
        &mut self,
        scan: &RadarScan,
        (ego, odom): (&EgoMotion, [f64; 3]),
        cause: Cause,
        events: &mut FaultLog,
        out: &mut Staged,
    ) -> Option<&[NetworkBox]> {
        let points = self.accumulator.take(scan, ego, odom, &self.mount);
        let sensor = self.channel.sensor;
        let answer = self.stage.look(points, sensor, cause, events, out)?;
        self.boxes.clear();
        for (class, found) in boxes_of(answer, &self.reads.classes) {
            let least = self.reads.least_scores.get(class);
            if least.is_some_and(|least| found.score >= *least) {
                self.boxes
                    .push(in_vehicle(&found, &self.vehicle_from_radar));
            }
        }
        Some(&self.boxes)
    }

    /// Keeps a scan for those that it is laid together with, without looking.
    pub fn pass_over(&mut self, scan: &RadarScan, (ego, odom): (&EgoMotion, [f64; 3])) {
        self.accumulator.take(scan, ego, odom, &self.mount);
    }

    /// Where it looks, on the vehicle's xy plane.
    pub fn area(&self) -> impl Fn([f64; 2]) -> bool + use<> {
        let radar_from_vehicle = self.vehicle_from_radar.inverse();
        let (height_m, [x_m, y_m]) = (self.mount.z_m, [self.reads.x_m, self.reads.y_m]);
        move |[x, y]| {
            let seen = radar_from_vehicle * Point3::new(x, y, height_m);
            (x_m[0]..x_m[1]).contains(&seen.x) && (y_m[0]..y_m[1]).contains(&seen.y)
        }
    }

    /// Stages how it agrees with the clusters, or that it did not answer.
    pub fn check(&mut self, check: Option<CrossCheck>, cause: Cause, out: &mut Staged) {
        self.stage.note_check(check);
        let Some(channel) = self.channel.check else {
            return;
        };
        let of_scan = check.unwrap_or_default();
        let message = message::CrossCheck {
            captured_ns: cause.captured_ns,
            sensor: u32::from(self.channel.sensor.0),
            sequence: cause.sequence,
            answered: check.is_some(),
            boxes: of_scan.boxes,
            clusters: of_scan.clusters,
            both: of_scan.both,
        };
        out.push_message(channel, cause, &message);
    }

    /// The scans that the next ones are laid together with.
    pub fn held(&self) -> &Accumulator {
        &self.accumulator
    }

    /// Goes on from scans that another one held.
    pub fn restore(&mut self, held: Accumulator) {
        self.stage.forget();
        self.accumulator.restore(held);
    }
}

fn in_vehicle(found: &NetworkBox, vehicle_from_radar: &Isometry3<f64>) -> NetworkBox {
    let centre = vehicle_from_radar * Point3::from(found.centre_m);
    let (sin, cos) = libm::sincos(found.yaw_rad);
    let heading = vehicle_from_radar.rotation * Vector3::new(cos, sin, 0.0);
    NetworkBox {
        centre_m: centre.coords.into(),
        yaw_rad: libm::atan2(heading.y, heading.x),
        ..*found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, PI};

    #[test]
    fn boxes_go_with_the_radars_mounting() {
        let found = NetworkBox {
            class: drafthorse_core::Class::Car,
            score: 0.5,
            centre_m: [10.0, 1.0, 0.5],
            size_m: [4.0, 2.0, 1.5],
            yaw_rad: 0.25,
        };
        let mount = Pose {
            x_m: 3.0,
            z_m: 0.6,
            yaw_rad: FRAC_PI_2,
            ..Pose::default()
        };
        let seen = in_vehicle(&found, &mount.parent_from_self());
        for (seen, right) in seen.centre_m.iter().zip([2.0, 10.0, 1.1]) {
            assert!((seen - right).abs() < 1e-9);
        }
        assert!((seen.yaw_rad - 0.25 - FRAC_PI_2).abs() < 1e-9);
        // Mounted upside down, left is right.
        let upside_down = Pose {
            roll_rad: PI,
            ..Pose::default()
        };
        let seen = in_vehicle(&found, &upside_down.parent_from_self());
        assert!((seen.centre_m[1] + 1.0).abs() < 1e-9 && (seen.yaw_rad + 0.25).abs() < 1e-9);
    }
}
