//! A hashed grid of square cells, so that a point's neighbours are found in constant time.

/// Buckets of the hash; a power of two.
const BUCKETS: usize = 2048;
const NONE: u32 = u32::MAX;

/// Points by cell. Cells that share a bucket are told apart by their stored coordinates.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    size_m: f64,
    first: Vec<u32>,
    next: Vec<u32>,
    cell: Vec<(i32, i32)>,
}

impl Grid {
    /// An empty grid with room for that many points.
    pub(crate) fn with_capacity(points: usize) -> Self {
        Self {
            size_m: 1.0,
            first: vec![NONE; BUCKETS],
            next: Vec::with_capacity(points),
            cell: Vec::with_capacity(points),
        }
    }

    /// Replaces the contents. Cells are `size_m` wide.
    pub(crate) fn fill(&mut self, size_m: f64, positions: impl Iterator<Item = (f64, f64)>) {
        self.size_m = size_m;
        self.first.fill(NONE);
        self.next.clear();
        self.cell.clear();
        for (x, y) in positions {
            let cell = self.cell_of(x, y);
            let bucket = bucket(cell);
            let index = self.next.len() as u32;
            self.next.push(self.first[bucket]);
            self.cell.push(cell);
            self.first[bucket] = index;
        }
    }

    /// Calls `found` with each point in the cell of that point or in the eight around it.
    pub(crate) fn near(&self, point: u32, mut found: impl FnMut(u32)) {
        let (cx, cy) = self.cell[point as usize];
        for dx in -1..=1 {
            for dy in -1..=1 {
                let cell = (cx + dx, cy + dy);
                let mut at = self.first[bucket(cell)];
                while at != NONE {
                    if self.cell[at as usize] == cell {
                        found(at);
                    }
                    at = self.next[at as usize];
                }
            }
        }
    }

    fn cell_of(&self, x: f64, y: f64) -> (i32, i32) {
        (
            (x / self.size_m).floor() as i32,
            (y / self.size_m).floor() as i32,
        )
    }
}

fn bucket((x, y): (i32, i32)) -> usize {
    let mixed = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
    ((mixed ^ (mixed >> 15)) as usize) & (BUCKETS - 1)
}
