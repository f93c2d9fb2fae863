//! Inputs that are not scans: objects computed by a radar, and tracks of a CAN radar. Both are
//! detections as they stand; neither tells the vehicle's own motion.

use crate::classify::{classify, typical_size};
use crate::cluster::Candidate;
use crate::ego::Observation;
use crate::frame::PerceptionFrame;
use crate::perception::RadarPerception;
use drafthorse_core::{Detection, RadarObjects, RadarTracks};

impl RadarPerception {
    /// Objects computed by the radar are detections as they are. They come in the vehicle frame;
    /// the mount only says from where the radar looks.
    pub fn objects(
        &mut self,
        objects: &RadarObjects,
        vehicle_speed_mps: Option<f64>,
    ) -> &PerceptionFrame {
        self.open(objects.sensor, objects.sequence, objects.captured_ns);
        self.ego_without_scan(objects.captured_ns, vehicle_speed_mps);
        let lever = self.mount.position_m;
        for o in &objects.objects {
            let numbers = [
                o.centre_x, o.centre_y, o.vx, o.vy, o.length, o.width, o.yaw_rad,
            ];
            if !numbers.iter().all(|n| n.is_finite()) {
                continue;
            }
            let wide = |v: f32| f64::from(v);
            let z = if o.z.is_finite() { wide(o.z) } else { 0.0 };
            let place = nalgebra::Vector3::new(wide(o.centre_x), wide(o.centre_y), z);
            let velocity = nalgebra::Vector2::new(wide(o.vx), wide(o.vy));
            let (dx, dy) = (place.x - lever.x, place.y - lever.y);
            let range = libm::hypot(dx, dy).max(0.1);
            let sight = [dx / range, dy / range];
            let speed = libm::hypot(velocity.x, velocity.y);
            let class = classify(wide(o.length), speed, 1.0);
            let yaw = wide(o.yaw_rad);
            let tall = if o.height.is_finite() && o.height > 0.0 {
                wide(o.height)
            } else {
                typical_size(class)[2]
            };
            let existence = if o.existence.is_finite() {
                wide(o.existence)
            } else {
                0.5
            };
            self.candidates.push(Candidate {
                detection: Detection {
                    x_m: place.x,
                    y_m: place.y,
                    z_m: place.z,
                    length_m: wide(o.length),
                    width_m: wide(o.width),
                    height_m: tall,
                    yaw_rad: yaw,
                    radial_speed_mps: velocity.x * sight[0] + velocity.y * sight[1],
                    line_of_sight: sight,
                    points: 1,
                    rcs_dbsm: f32::NAN,
                    moving: speed > self.config.clustering.moving_floor_mps,
                    class,
                    score: existence.clamp(0.0, 1.0),
                },
                points: [0, 0],
                centre_cov: [0.25, 0.0, 0.25],
                radial_std: 0.3,
                velocity: Some([velocity.x, velocity.y]),
                sensor: [lever.x, lever.y],
                may_begin: existence > 0.3,
            });
        }
        self.finish_without_scan(objects.captured_ns)
    }

    /// CAN radar tracks are point detections with a speed along the vehicle's x; the line of sight
    /// of such a detection is that axis. Without a speed from elsewhere or from another radar the
    /// vehicle counts as standing.
    pub fn tracks(
        &mut self,
        tracks: &RadarTracks,
        vehicle_speed_mps: Option<f64>,
    ) -> &PerceptionFrame {
        self.open(tracks.sensor, tracks.sequence, tracks.captured_ns);
        self.ego_without_scan(tracks.captured_ns, vehicle_speed_mps);
        let mount = self.mount;
        let ego = self.frame.ego;
        for t in &tracks.tracks {
            if ![t.forward_m, t.left_m, t.rel_speed_mps]
                .iter()
                .all(|n| n.is_finite())
            {
                continue;
            }
            let turn = mount.rotation;
            let place =
                turn * nalgebra::Vector3::new(t.forward_m, t.left_m, 0.0) + mount.position_m;
            // A turning vehicle sweeps a fixed point sideways, which shows in its forward speed.
            let speed = t.rel_speed_mps + ego.speed_mps - ego.yaw_rate_radps * place.y;
            let moving = speed.abs() > 1.0;
            let class = if moving {
                classify(0.0, speed.abs().max(9.1), 1.0)
            } else {
                classify(2.0, 0.0, 1.0)
            };
            let [length_m, width_m, height_m] = typical_size(class);
            // Radars of this kind report the face they see.
            let x_m = place.x + 0.5 * length_m;
            self.candidates.push(Candidate {
                detection: Detection {
                    x_m,
                    y_m: place.y,
                    z_m: 0.5 * height_m,
                    length_m,
                    width_m,
                    height_m,
                    yaw_rad: if speed < -1.0 {
                        std::f64::consts::PI
                    } else {
                        0.0
                    },
                    radial_speed_mps: speed,
                    line_of_sight: [1.0, 0.0],
                    points: 1,
                    rcs_dbsm: f32::NAN,
                    moving,
                    class,
                    score: 0.5,
                },
                points: [0, 0],
                centre_cov: [0.5, 0.0, 0.36],
                radial_std: 0.3 + 0.02 * ego.speed_mps.abs(),
                velocity: None,
                sensor: [mount.position_m.x, mount.position_m.y],
                may_begin: true,
            });
        }
        self.finish_without_scan(tracks.captured_ns)
    }

    fn ego_without_scan(&mut self, captured_ns: u64, vehicle_speed_mps: Option<f64>) {
        let dt = self.filter.predict(&self.config.ego, captured_ns);
        let external = vehicle_speed_mps.filter(|v| v.is_finite());
        self.filter.take_external(&self.config.ego, external);
        self.observation = Observation::default();
        self.close_ego(dt, 0);
    }

    fn finish_without_scan(&mut self, captured_ns: u64) -> &PerceptionFrame {
        self.frame
            .detections
            .extend(self.candidates.iter().map(|c| c.detection));
        self.step_tracker(captured_ns);
        &self.frame
    }
}
