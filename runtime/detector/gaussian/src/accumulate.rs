//! Scans of one radar together: the older ones moved by the vehicle's motion into the newest one's
//! frame, as training saw them.

use drafthorse_core::{EgoMotion, Pose, RadarPoint, RadarScan};
use nalgebra::{Isometry3, Point3, Vector3};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Numbers of a point: place, RCS, range rate as measured and less the radar's own motion, age.
pub const POINT: usize = 7;
/// Names of those numbers, as a model of weights lists them.
pub const POINT_NAMES: [&str; POINT] = [
    "x_m",
    "y_m",
    "z_m",
    "rcs_dbsm",
    "v_r_mps",
    "v_r_comp_mps",
    "time_s",
];
/// A scan older than this does not belong to the newest one, ns.
const OLDEST_NS: u64 = 1_000_000_000;

/// The last scans of one radar. Its state is those that the next scan is laid together with.
#[derive(Clone, Debug)]
pub struct Accumulator {
    /// Scans together; not part of the state.
    scans: usize,
    /// Newest first.
    held: Vec<Held>,
    points: Vec<[f32; POINT]>,
}

impl Serialize for Accumulator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = self.held.len().min(self.scans - 1);
        self.held[..kept].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Accumulator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            held: Vec::deserialize(deserializer)?,
            ..Self::new(1)
        })
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Held {
    captured_ns: u64,
    odom_from_radar: Isometry3<f64>,
    /// In the radar's frame of its own time, age 0.
    points: Vec<[f32; POINT]>,
}

impl Accumulator {
    /// For that many scans together, the newest among them.
    #[must_use]
    pub fn new(scans: usize) -> Self {
        Self {
            scans: scans.max(1),
            held: Vec::new(),
            points: Vec::new(),
        }
    }

    /// Goes on from the scans that another one held.
    pub fn restore(&mut self, other: Self) {
        self.held = other.held;
        self.held.truncate(self.scans);
    }

    /// Takes a scan with the vehicle's motion and its dead-reckoned pose then (`odom_from_vehicle`: x and
    /// y in m, yaw in rad), and gives all points, newest scan first, in the frame of the radar now.
    pub fn take(
        &mut self,
        scan: &RadarScan,
        ego: &EgoMotion,
        odom: [f64; 3],
        mount: &Pose,
    ) -> &[[f32; POINT]] {
        // A scan of the same stamp, or after a clock set back, is not an older one.
        self.held.retain(|held| {
            let age_ns = scan.captured_ns.checked_sub(held.captured_ns);
            age_ns.is_some_and(|age_ns| (1..=OLDEST_NS).contains(&age_ns))
        });
        let mut newest = match self.held.len() >= self.scans {
            true => self.held.pop().unwrap_or_default(),
            false => Held::default(),
        };
        self.held.truncate(self.scans - 1);
        newest.captured_ns = scan.captured_ns;
        newest.odom_from_radar = odom_from_radar(odom, mount);
        let radar = radar_velocity(ego, mount);
        let half_mps = f64::from(scan.unambiguous_mps.1);
        newest.points.clear();
        let valid = scan.points.iter().filter(|point| point.valid);
        newest.points.extend(valid.map(|p| {
            let rate = compensated(p, &radar, half_mps) as f32;
            [p.x_m, p.y_m, p.z_m, p.rcs_dbsm, p.range_rate_mps, rate, 0.0]
        }));
        self.held.insert(0, newest);
        self.gather();
        &self.points
    }

    fn gather(&mut self) {
        self.points.clear();
        let Some(newest) = self.held.first() else {
            return;
        };
        let radar_from_odom = newest.odom_from_radar.inverse();
        for (index, held) in self.held.iter().enumerate() {
            if index == 0 {
                self.points.extend(&held.points);
                continue;
            }
            let now_from_then = radar_from_odom * held.odom_from_radar;
            let age_ns = newest.captured_ns - held.captured_ns;
            for &[x, y, z, rcs, rate, own, _] in &held.points {
                let now = now_from_then * Point3::new(x, y, z).cast::<f64>();
                let [x, y, z] = [now.x, now.y, now.z].map(|place| place as f32);
                let age_s = age_ns as f32 * -1e-9;
                self.points.push([x, y, z, rcs, rate, own, age_s]);
            }
        }
    }
}

fn odom_from_radar([x_m, y_m, yaw_rad]: [f64; 3], mount: &Pose) -> Isometry3<f64> {
    let odom_from_vehicle = Pose {
        x_m,
        y_m,
        yaw_rad,
        ..Pose::default()
    };
    odom_from_vehicle.parent_from_self() * mount.parent_from_self()
}

/// Velocity of the radar over ground in its own axes, m/s: its lever arm sweeps as the vehicle turns.
fn radar_velocity(ego: &EgoMotion, mount: &Pose) -> Vector3<f64> {
    let forward = ego.speed_mps - ego.yaw_rate_radps * mount.y_m;
    let left = ego.yaw_rate_radps * mount.x_m;
    let radar_from_vehicle = mount.parent_from_self().rotation.inverse();
    radar_from_vehicle * Vector3::new(forward, left, 0.0)
}

/// A range rate less the share of the radar's own motion, m/s, within the unambiguous interval of half
/// width `half_mps` where the radar has one: 0 for what stands.
fn compensated(point: &RadarPoint, radar: &Vector3<f64>, half_mps: f64) -> f64 {
    let sight = Vector3::new(
        f64::from(point.x_m),
        f64::from(point.y_m),
        f64::from(point.z_m),
    );
    let own = radar.dot(&sight) / sight.norm().max(0.1);
    let rate = f64::from(point.range_rate_mps) + own;
    match half_mps > 0.0 && half_mps.is_finite() {
        true => rate - (rate / (2.0 * half_mps)).round() * 2.0 * half_mps,
        false => rate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(captured_ns: u64, points: &[[f32; 4]]) -> RadarScan {
        let point = |&[x, y, z, rate]: &[f32; 4]| RadarPoint::from_cartesian(x, y, z, rate);
        RadarScan {
            captured_ns,
            points: points.iter().map(point).collect(),
            unambiguous_mps: (-20.0, 20.0),
            ..RadarScan::default()
        }
    }

    #[test]
    fn what_stands_stays_where_it_is() {
        let mount = Pose {
            x_m: 3.5,
            yaw_rad: 0.1,
            ..Pose::default()
        };
        let mut together = Accumulator::new(3);
        let post = nalgebra::Point3::new(30.0, 4.0, 0.5);
        // 10 m/s along a curve, six scans, of which three are held.
        for step in 0..6u64 {
            let t = step as f64 * 0.05;
            let yaw = 0.2 * t;
            let odom = [10.0 * t, t * t, yaw];
            let seen = odom_from_radar(odom, &mount).inverse() * post;
            let seen = [seen.x as f32, seen.y as f32, seen.z as f32, 0.0];
            let ego = EgoMotion {
                speed_mps: 10.0,
                yaw_rate_radps: 0.2,
                ..EgoMotion::default()
            };
            let points = together.take(&scan(step * 50_000_000, &[seen]), &ego, odom, &mount);
            let rows = points;
            assert_eq!(rows.len(), (step as usize + 1).min(3));
            for (age, row) in rows.iter().enumerate() {
                for (value, right) in row.iter().zip(&seen[..3]) {
                    assert!((value - right).abs() < 1e-4);
                }
                assert!((row[6] + 0.05 * age as f32).abs() < 1e-6);
            }
        }
        // What a checkpoint holds is enough to go on from.
        let state = postcard::to_stdvec(&together).unwrap();
        let mut restored = Accumulator::new(3);
        restored.restore(postcard::from_bytes(&state).unwrap());
        assert_eq!(restored.held.len(), 2);
        let next = scan(300_000_000, &[[20.0, 1.0, 0.0, 0.0]]);
        let ego = EgoMotion::default();
        let rows = together.take(&next, &ego, [3.0, 0.1, 0.06], &mount);
        // Equal to the bit, also where there is no cross-section.
        let bits = |rows: &[[f32; POINT]]| {
            rows.concat()
                .iter()
                .map(|n| n.to_bits())
                .collect::<Vec<_>>()
        };
        let again = restored.take(&next, &ego, [3.0, 0.1, 0.06], &mount);
        assert_eq!(bits(again), bits(rows));
        assert_eq!(rows.len(), 3);
        // After a pause, and after a clock set back, only the new one counts.
        for at_ns in [5_000_000_000, 1_000_000_000] {
            let ego = EgoMotion::default();
            let scan = scan(at_ns, &[[9.0, 0.0, 0.0, 0.0]]);
            assert_eq!(together.take(&scan, &ego, [0.0; 3], &mount).len(), 1);
        }
    }

    #[test]
    fn range_rates_lose_the_radars_own_share_and_stay_in_the_interval() {
        let ego = EgoMotion {
            speed_mps: 15.0,
            yaw_rate_radps: 0.5,
            ..EgoMotion::default()
        };
        // Looking left from 2 m ahead of the axle: only the sweep of the lever shows.
        let mount = Pose {
            x_m: 2.0,
            yaw_rad: std::f64::consts::FRAC_PI_2,
            ..Pose::default()
        };
        let seen = scan(0, &[[10.0, 0.0, 0.0, -1.0], [0.0, -5.0, 0.0, 8.0]]);
        let mut together = Accumulator::new(1);
        let points = together.take(&seen, &ego, [0.0; 3], &mount);
        assert!(points[0][5].abs() < 1e-6, "{points:?}");
        // To its right lies the front: 8 + 15 is 23, which reads as -17.
        assert!((points[1][5] + 17.0).abs() < 1e-5, "{points:?}");
    }
}
