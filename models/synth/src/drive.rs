//! A drive as a stream of scans, truth and pictures in the order in which they were captured.

use crate::atmosphere::Atmosphere;
use crate::camera::Camera;
use crate::config::DriveConfig;
use crate::echo::Source;
use crate::front_radar::FrontRadar;
use crate::incident::Incident;
use crate::truth;
use crate::world::World;
use drafthorse_calibration::VehicleCalibration;
use drafthorse_core::{GroundTruth, Pose, RadarScan, SensorId};

/// Capture stamp of a drive's first instant, ns: 2023-11-14 22:13:20 UTC.
pub const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

/// Names of the sensors in the sample vehicle's calibration.
const RADAR: &str = "radar_front";
const CAMERA: &str = "camera_front";

/// What a sensor delivers next.
pub enum Event<'a> {
    /// A radar scan and the truth of its instant.
    Scan {
        /// Returns in the sensor frame; the sensor is `SensorId(0)`, receipt is capture.
        scan: &'a RadarScan,
        /// The truth, with the returns of this very scan counted.
        truth: &'a GroundTruth,
    },
    /// A picture of the front camera.
    Frame {
        /// Time of exposure, ns.
        captured_ns: u64,
        /// The picture as JPEG.
        jpeg: &'a [u8],
        /// Pixels a row.
        width: u32,
        /// Rows.
        height: u32,
        /// The picture before compression, `height * width * 3` bytes.
        rgb: &'a [u8],
    },
}

/// A synthetic drive, played forward once.
pub struct Drive {
    config: DriveConfig,
    world: World,
    radar: FrontRadar,
    camera: Camera,
    scan: RadarScan,
    sources: Vec<Source>,
    truth: GroundTruth,
    scans: u64,
    frames: u64,
}

impl Drive {
    /// A drive at its beginning.
    #[must_use]
    pub fn new(config: &DriveConfig) -> Self {
        let calibration = Self::calibration();
        let radar = &calibration.sensors[RADAR];
        let camera = &calibration.sensors[CAMERA];
        #[allow(clippy::expect_used)] // The calibration is compiled in; every test builds one.
        let camera_model = camera.camera.expect("the sample camera has a model");
        let radar = FrontRadar::new(config, config.radar_mount.unwrap_or(radar.mount));
        let half = radar.unambiguous_mps();
        Self {
            config: config.clone(),
            world: World::new(config),
            radar,
            camera: Camera::new(
                camera_model,
                camera.mount,
                config.jpeg_quality,
                Atmosphere::new(config.light, config.weather),
            ),
            scan: RadarScan {
                sensor: SensorId(0),
                unambiguous_mps: (-half as f32, half as f32),
                ..RadarScan::default()
            },
            sources: Vec::new(),
            truth: GroundTruth::default(),
            scans: 0,
            frames: 0,
        }
    }

    /// The next event in order of capture, a scan before a picture of the same instant; `None` at
    /// the end of the drive.
    #[allow(clippy::should_implement_trait)] // Lends its buffers, which an Iterator cannot.
    pub fn next(&mut self) -> Option<Event<'_>> {
        let scan_ns = due_ns(self.scans, self.config.radar_hz);
        let frame_ns = due_ns(self.frames, self.config.camera_fps);
        let elapsed_ns = scan_ns.min(frame_ns);
        if elapsed_ns as f64 >= self.config.length_s() * 1e9 {
            return None;
        }
        self.world.advance_to(elapsed_ns as f64 * 1e-9);
        if scan_ns <= frame_ns {
            Some(self.take_scan(EPOCH_NS + elapsed_ns))
        } else {
            Some(self.take_frame(EPOCH_NS + elapsed_ns))
        }
    }

    fn take_scan(&mut self, captured_ns: u64) -> Event<'_> {
        self.scan.sequence = self.scans as u32;
        self.scan.captured_ns = captured_ns;
        self.scan.received_ns = captured_ns;
        self.radar.scan(
            &self.world,
            self.scans,
            &mut self.scan.points,
            &mut self.sources,
        );
        truth::fill(
            &self.world,
            &self.radar.mount(),
            &self.radar.reach(),
            captured_ns,
            &self.sources,
            &mut self.truth,
        );
        self.scans += 1;
        Event::Scan {
            scan: &self.scan,
            truth: &self.truth,
        }
    }

    fn take_frame(&mut self, captured_ns: u64) -> Event<'_> {
        self.frames += 1;
        self.camera.expose(&self.world);
        let (width, height) = self.camera.size();
        Event::Frame {
            captured_ns,
            jpeg: self.camera.jpeg(),
            width,
            height,
            rgb: self.camera.rgb(),
        }
    }

    /// What each return of the latest scan comes from, in the order of its points.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Identifiers of the road users of whom the latest scan had some surface in view, whether it
    /// returned or not. The sample radar does not tell: nobody.
    #[must_use]
    pub fn in_view(&self) -> &[u32] {
        self.radar.in_view()
    }

    /// Where the radar is mounted, `vehicle_from_radar`.
    #[must_use]
    pub fn radar_mount(&self) -> Pose {
        self.radar.mount()
    }

    /// True pose of the vehicle's origin in the world at the latest event: x, y (m) and yaw (rad).
    #[must_use]
    pub fn ego_pose(&self) -> [f64; 3] {
        let pose = self.world.ego().pose;
        [pose.x, pose.y, pose.yaw]
    }

    /// Incidents that have come to their head so far, in order.
    #[must_use]
    pub fn incidents(&self) -> &[Incident] {
        self.world.incidents()
    }

    /// Whether the sensors are disturbed at the latest event.
    #[must_use]
    pub fn disturbed(&self) -> bool {
        self.world.disturbed()
    }

    /// Share of the drive that has been played, 0 to 1.
    #[must_use]
    pub fn progress(&self) -> f64 {
        let next = due_ns(self.scans, self.config.radar_hz)
            .min(due_ns(self.frames, self.config.camera_fps));
        (next as f64 * 1e-9 / self.config.length_s().max(1e-9)).clamp(0.0, 1.0)
    }

    /// Calibration of the vehicle that drives: `radar_front` and `camera_front`.
    #[must_use]
    pub fn calibration() -> VehicleCalibration {
        drafthorse_calibration::sample_vehicle()
    }
}

/// Time of the `count`th event at `rate` a second, ns since the beginning; never for a rate of 0.
fn due_ns(count: u64, rate: f64) -> u64 {
    if rate > 0.0 {
        (count as f64 * 1e9 / rate).round() as u64
    } else {
        u64::MAX
    }
}
