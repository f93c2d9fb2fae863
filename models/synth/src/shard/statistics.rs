//! What is in shards: how many points objects have by class and range, how strong and how fast
//! points are, how much is clutter.

use super::{CLASSES, CLUTTER, GHOST, Shard};
use serde::Serialize;

/// Edges of the range bands, m; the last band is open.
pub const RANGE_EDGES_M: [f32; 6] = [0.0, 10.0, 20.0, 30.0, 50.0, 75.0];

/// Ahead and to either side: the field in which View-of-Delft is evaluated, m.
const NEAR_M: [f32; 2] = [51.2, 25.6];

/// A mean and a spread.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
}

#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f32) {
        let value = f64::from(value);
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn spread(&self) -> Spread {
        let mean = self.sum / self.count.max(1.0);
        let variance = self.squares / self.count.max(1.0) - mean * mean;
        Spread {
            mean,
            std: variance.max(0.0).sqrt(),
        }
    }
}

/// Points of one origin, newest scans only.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PointStatistics {
    /// A class, `clutter` or `ghost`.
    pub origin: String,
    /// Share of all points.
    pub share: f64,
    /// Cross-section, dBsm.
    pub rcs_dbsm: Spread,
    /// Range rate less the vehicle's share, m/s.
    pub rate_mps: Spread,
    /// Height in the radar's frame, m.
    pub z_m: Spread,
}

/// Boxes of one class.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ClassStatistics {
    /// The class.
    pub class: String,
    /// How many, over all frames.
    pub boxes: usize,
    /// Boxes a frame.
    pub a_frame: f64,
    /// The same within View-of-Delft's field.
    pub a_frame_near: f64,
    /// Share of boxes that move.
    pub moving: f64,
    /// Share of boxes without a return in the newest scan.
    pub silent: f64,
    /// Boxes by range band, see [`RANGE_EDGES_M`].
    pub boxes_by_range: Vec<usize>,
    /// Mean returns in the newest scan by range band.
    pub returns_by_range: Vec<f64>,
    /// Mean returns over all accumulated scans by range band.
    pub returns_all_by_range: Vec<f64>,
}

/// Everything about a set of shards.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Statistics {
    /// Drives.
    pub drives: usize,
    /// Frames.
    pub frames: usize,
    /// Points of the newest scan a frame.
    pub points_a_scan: Spread,
    /// The same within View-of-Delft's field: 51.2 m ahead, 25.6 m to either side.
    pub points_a_scan_near: Spread,
    /// Points of all accumulated scans a frame.
    pub points_a_frame: Spread,
    /// Boxes a frame.
    pub boxes_a_frame: f64,
    /// Share of points of the newest scan on road users.
    pub on_road_users: f64,
    /// All points.
    pub all_points: PointStatistics,
    /// Points by origin.
    pub points: Vec<PointStatistics>,
    /// Boxes by class.
    pub classes: Vec<ClassStatistics>,
}

#[derive(Clone, Default)]
struct Origin {
    rcs: Moments,
    rate: Moments,
    z: Moments,
}

impl Origin {
    fn add(&mut self, [_, _, z, rcs, _, rate, _]: [f32; 7]) {
        self.rcs.add(rcs);
        self.rate.add(rate);
        self.z.add(z);
    }

    fn statistics(&self, origin: &str, total: f64) -> PointStatistics {
        PointStatistics {
            origin: origin.to_owned(),
            share: self.rcs.count / total,
            rcs_dbsm: self.rcs.spread(),
            rate_mps: self.rate.spread(),
            z_m: self.z.spread(),
        }
    }
}

fn is_near(x: f32, y: f32) -> bool {
    (0.0..NEAR_M[0]).contains(&x) && y.abs() < NEAR_M[1]
}

fn band(range: f32) -> usize {
    RANGE_EDGES_M.iter().rposition(|e| range >= *e).unwrap_or(0)
}

/// Statistics of shards.
#[must_use]
pub fn statistics<'a>(shards: impl IntoIterator<Item = &'a Shard>) -> Statistics {
    let mut all = Statistics::default();
    let mut origins: [Origin; 6] = Default::default();
    let mut every = Origin::default();
    let [mut scans, mut scans_near, mut frames] = [Moments::default(); 3];
    let mut bands = [[(0_usize, 0_f64, 0_f64); RANGE_EDGES_M.len()]; 4];
    let mut counts = [(0_usize, 0_usize, 0_usize); 4];
    let mut near = [0_usize; 4];
    for shard in shards {
        all.drives += 1;
        all.frames += shard.frames();
        for frame in 0..shard.frames() {
            frames.add(shard.points_of(frame).len() as f32);
            let newest = shard
                .points_of(frame)
                .filter(|&p| shard.points[p][6] == 0.0);
            scans.add(newest.clone().count() as f32);
            let within = newest.clone().map(|p| shard.points[p]);
            scans_near.add(within.filter(|p| is_near(p[0], p[1])).count() as f32);
            for p in newest {
                if let Some(origin) = origin(shard, frame, p) {
                    origins[origin].add(shard.points[p]);
                    every.add(shard.points[p]);
                }
            }
            for b in shard.boxes_of(frame) {
                let class = usize::from(shard.box_class[b]).min(3);
                let [x, y, ..] = shard.boxes[b];
                let at = &mut bands[class][band(x.hypot(y))];
                near[class] += usize::from(is_near(x, y));
                at.0 += 1;
                at.1 += f64::from(shard.box_returns[b]);
                at.2 += f64::from(shard.box_returns_all[b]);
                counts[class].0 += 1;
                counts[class].1 += usize::from(shard.box_moving[b]);
                counts[class].2 += usize::from(shard.box_returns[b] == 0);
            }
        }
    }
    let total = every.rcs.count.max(1.0);
    all.all_points = every.statistics("all", total);
    all.points_a_scan_near = scans_near.spread();
    (all.points_a_scan, all.points_a_frame) = (scans.spread(), frames.spread());
    all.on_road_users = origins[..4].iter().map(|o| o.rcs.count).sum::<f64>() / total;
    let names = CLASSES.into_iter().chain(["clutter", "ghost"]);
    for (name, origin) in names.zip(&origins) {
        all.points.push(origin.statistics(name, total));
    }
    for (class, name) in CLASSES.into_iter().enumerate() {
        let (boxes, moving, silent) = counts[class];
        let share = |n: usize| n as f64 / boxes.max(1) as f64;
        let mean = |(n, one, _): (usize, f64, f64)| one / n.max(1) as f64;
        let mean_all = |(n, _, all): (usize, f64, f64)| all / n.max(1) as f64;
        all.boxes_a_frame += boxes as f64 / all.frames.max(1) as f64;
        all.classes.push(ClassStatistics {
            class: name.to_owned(),
            boxes,
            a_frame: boxes as f64 / all.frames.max(1) as f64,
            a_frame_near: near[class] as f64 / all.frames.max(1) as f64,
            moving: share(moving),
            silent: share(silent),
            boxes_by_range: bands[class].iter().map(|b| b.0).collect(),
            returns_by_range: bands[class].into_iter().map(mean).collect(),
            returns_all_by_range: bands[class].into_iter().map(mean_all).collect(),
        });
    }
    all
}

/// Index of a point's origin: its object's class, 4 for clutter, 5 for ghosts; `None` for points of
/// objects that have no box any more.
fn origin(shard: &Shard, frame: usize, point: usize) -> Option<usize> {
    match shard.point_object[point] {
        CLUTTER => Some(4),
        GHOST => Some(5),
        track => {
            let mut boxes = shard.boxes_of(frame);
            let found = boxes.find(|&b| shard.box_track[b] == track)?;
            Some(usize::from(shard.box_class[found]).min(3))
        }
    }
}
