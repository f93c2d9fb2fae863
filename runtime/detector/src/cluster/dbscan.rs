//! Density clustering (Ester, Kriegel, Sander, Xu: DBSCAN, KDD 1996) in position and radial speed,
//! with a neighbourhood that grows with range as the radar's angular cells do.

use super::grid::Grid;

/// A point to be clustered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    pub(crate) x_m: f64,
    pub(crate) y_m: f64,
    pub(crate) range_m: f64,
    /// Radial speed over ground, m/s.
    pub(crate) speed_mps: f64,
    /// Position among the scan's usable returns.
    pub(crate) of: u32,
}

/// The neighbourhood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// Radius at range 0, m.
    pub(crate) eps_m: f64,
    /// Growth of the radius with range, rad.
    pub(crate) eps_rad: f64,
    /// Radius in radial speed, m/s; infinite to ignore it.
    pub(crate) eps_mps: f64,
    /// Largest radius, m.
    pub(crate) max_eps_m: f64,
    /// Neighbours, itself included, that make a core.
    pub(crate) min_points: u32,
}

impl Reach {
    /// Two points are neighbours where their distance, each axis by its radius, is at most 1. The
    /// radius is that of the nearer point's range, which keeps the relation symmetric.
    fn joins(&self, a: &Element, b: &Element) -> bool {
        let range = a.range_m.min(b.range_m);
        let eps = (self.eps_m + self.eps_rad * range).min(self.max_eps_m);
        let (dx, dy) = ((a.x_m - b.x_m) / eps, (a.y_m - b.y_m) / eps);
        let dv = (a.speed_mps - b.speed_mps) / self.eps_mps;
        dx * dx + dy * dy + dv * dv <= 1.0
    }
}

/// Buffers of the clustering; reuse one to avoid allocation.
#[derive(Clone, Debug)]
pub(crate) struct Dbscan {
    grid: Grid,
    near: Vec<u32>,
    open: Vec<u32>,
    /// Cluster of each element of the latest run, -1 for none.
    pub(crate) cluster: Vec<i32>,
    visited: Vec<bool>,
}

impl Dbscan {
    /// Buffers for that many points without allocation.
    pub(crate) fn with_capacity(points: usize) -> Self {
        Self {
            grid: Grid::with_capacity(points),
            near: Vec::with_capacity(points),
            open: Vec::with_capacity(points),
            cluster: Vec::with_capacity(points),
            visited: Vec::with_capacity(points),
        }
    }

    /// Clusters the elements and gives how many clusters there are; clusters are numbered from 0
    /// in the order of their first element.
    pub(crate) fn run(&mut self, elements: &[Element], reach: &Reach) -> u32 {
        let positions = elements.iter().map(|e| (e.x_m, e.y_m));
        self.grid.fill(reach.max_eps_m, positions);
        self.cluster.clear();
        self.cluster.resize(elements.len(), -1);
        self.visited.clear();
        self.visited.resize(elements.len(), false);
        let mut clusters = 0;
        for start in 0..elements.len() {
            if self.visited[start] || self.cluster[start] >= 0 {
                continue;
            }
            self.visited[start] = true;
            if !self.is_core(elements, reach, start as u32) {
                continue;
            }
            self.open.clear();
            self.join(start, clusters);
            while let Some(at) = self.open.pop() {
                if self.visited[at as usize] {
                    continue;
                }
                self.visited[at as usize] = true;
                if self.is_core(elements, reach, at) {
                    self.join(at as usize, clusters);
                }
            }
            clusters += 1;
        }
        clusters as u32
    }

    /// Collects the point's neighbours in `near`; whether they make it a core.
    fn is_core(&mut self, elements: &[Element], reach: &Reach, point: u32) -> bool {
        let Self { grid, near, .. } = self;
        near.clear();
        let centre = &elements[point as usize];
        grid.near(point, |other| {
            if reach.joins(centre, &elements[other as usize]) {
                near.push(other);
            }
        });
        near.len() >= reach.min_points as usize
    }

    /// Gives a core and its neighbours in `near` to the cluster.
    fn join(&mut self, core: usize, cluster: i32) {
        self.cluster[core] = cluster;
        let Self {
            near,
            open,
            cluster: owner,
            ..
        } = self;
        for &other in near.iter() {
            if owner[other as usize] < 0 {
                owner[other as usize] = cluster;
                open.push(other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    fn reach(min_points: u32) -> Reach {
        Reach {
            eps_m: 1.5,
            eps_rad: 0.01,
            eps_mps: 1.0,
            max_eps_m: 3.0,
            min_points,
        }
    }

    fn uniform(random: &mut SplitMix64, low: f64, high: f64) -> f64 {
        low + (high - low) * (random.below(1 << 30) as f64 / f64::from(1 << 30))
    }

    fn scene(seed: u64) -> Vec<Element> {
        let mut random = SplitMix64::new(seed);
        (0..120)
            .map(|of| {
                let (x_m, y_m) = (
                    uniform(&mut random, -5.0, 40.0),
                    uniform(&mut random, -12.0, 12.0),
                );
                let speed_mps = uniform(&mut random, -2.0, 2.0);
                Element {
                    x_m,
                    y_m,
                    range_m: x_m.hypot(y_m),
                    speed_mps,
                    of,
                }
            })
            .collect()
    }

    /// The same by plain definition: cores are linked where they are neighbours.
    fn cores_by_definition(elements: &[Element], reach: &Reach) -> Vec<Option<usize>> {
        let n = elements.len();
        let joins = |a: usize, b: usize| reach.joins(&elements[a], &elements[b]);
        let core: Vec<bool> = (0..n)
            .map(|a| (0..n).filter(|&b| joins(a, b)).count() >= reach.min_points as usize)
            .collect();
        let mut root: Vec<usize> = (0..n).collect();
        for _ in 0..n {
            for a in 0..n {
                for b in 0..n {
                    if core[a] && core[b] && joins(a, b) {
                        root[a] = root[a].min(root[b]);
                    }
                }
            }
        }
        (0..n).map(|a| core[a].then_some(root[a])).collect()
    }

    #[test]
    fn cores_are_partitioned_as_the_definition_says() {
        for seed in 0..20 {
            let elements = scene(seed);
            for min_points in [2, 3, 5] {
                let reach = reach(min_points);
                let mut dbscan = Dbscan::with_capacity(8);
                dbscan.run(&elements, &reach);
                let expected = cores_by_definition(&elements, &reach);
                for a in 0..elements.len() {
                    if expected[a].is_none() {
                        continue;
                    }
                    assert!(dbscan.cluster[a] >= 0);
                    for b in 0..elements.len() {
                        if expected[b].is_some() {
                            let same = dbscan.cluster[a] == dbscan.cluster[b];
                            assert_eq!(same, expected[a] == expected[b], "seed {seed} {a} {b}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn radial_speed_separates_what_position_does_not() {
        let mut elements = Vec::new();
        for of in 0..8 {
            let speed_mps = if of % 2 == 0 { 0.0 } else { 6.0 };
            let x_m = 10.0 + 0.1 * f64::from(of);
            elements.push(Element {
                x_m,
                y_m: 0.0,
                range_m: x_m,
                speed_mps,
                of,
            });
        }
        let mut dbscan = Dbscan::with_capacity(8);
        assert_eq!(dbscan.run(&elements, &reach(2)), 2);
        let blind = Reach {
            eps_mps: f64::INFINITY,
            ..reach(2)
        };
        assert_eq!(dbscan.run(&elements, &blind), 1);
    }
}
