//! The assignment of least total cost, solved in buffers that are kept.
//!
//! Shortest augmenting paths with row and column potentials (Kuhn-Munkres in the form of Jonker
//! and Volgenant, Computing 38, 1987), O(rows^2 * columns).

/// Buffers of the solver; reuse one to avoid allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Solver {
    row_potential: Vec<f64>,
    column_potential: Vec<f64>,
    /// Row (from 1) that holds a column, 0 for none; column 0 is the path's root.
    holder: Vec<usize>,
    came_from: Vec<usize>,
    reach: Vec<f64>,
    done: Vec<bool>,
}

impl Solver {
    /// Buffers for problems up to that size without allocation.
    pub(crate) fn with_capacity(rows: usize, columns: usize) -> Self {
        Self {
            row_potential: Vec::with_capacity(rows + 1),
            column_potential: Vec::with_capacity(columns + 1),
            holder: Vec::with_capacity(columns + 1),
            came_from: Vec::with_capacity(columns + 1),
            reach: Vec::with_capacity(columns + 1),
            done: Vec::with_capacity(columns + 1),
        }
    }

    /// Gives each row its column in `out`. `cost` is row-major, finite; `rows <= columns`.
    pub(crate) fn solve(
        &mut self,
        cost: &[f64],
        rows: usize,
        columns: usize,
        out: &mut Vec<usize>,
    ) {
        debug_assert!(rows <= columns && cost.len() == rows * columns);
        refill(&mut self.row_potential, rows + 1, 0.0);
        refill(&mut self.column_potential, columns + 1, 0.0);
        refill(&mut self.holder, columns + 1, 0);
        refill(&mut self.came_from, columns + 1, 0);
        for row in 1..=rows {
            self.augment(cost, columns, row);
        }
        refill(out, rows, 0);
        for column in 1..=columns {
            if self.holder[column] > 0 {
                out[self.holder[column] - 1] = column - 1;
            }
        }
    }

    fn augment(&mut self, cost: &[f64], columns: usize, row: usize) {
        self.holder[0] = row;
        refill(&mut self.reach, columns + 1, f64::INFINITY);
        refill(&mut self.done, columns + 1, false);
        let mut at = 0;
        while self.holder[at] != 0 {
            self.done[at] = true;
            let held = self.holder[at];
            let (mut least, mut next) = (f64::INFINITY, 0);
            for column in 1..=columns {
                if self.done[column] {
                    continue;
                }
                let reduced = cost[(held - 1) * columns + column - 1]
                    - self.row_potential[held]
                    - self.column_potential[column];
                if reduced < self.reach[column] {
                    self.reach[column] = reduced;
                    self.came_from[column] = at;
                }
                if self.reach[column] < least {
                    least = self.reach[column];
                    next = column;
                }
            }
            for column in 0..=columns {
                if self.done[column] {
                    self.row_potential[self.holder[column]] += least;
                    self.column_potential[column] -= least;
                } else {
                    self.reach[column] -= least;
                }
            }
            at = next;
        }
        while at != 0 {
            let before = self.came_from[at];
            self.holder[at] = self.holder[before];
            at = before;
        }
    }
}

fn refill<T: Clone>(buffer: &mut Vec<T>, len: usize, value: T) {
    buffer.clear();
    buffer.resize(len, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;
    use pathfinding::prelude::{Matrix, kuhn_munkres_min};

    #[test]
    fn total_cost_equals_the_reference_solver() {
        let mut random = SplitMix64::new(3);
        let mut solver = Solver::default();
        let mut out = Vec::new();
        for _ in 0..300 {
            let rows = 1 + random.below(9);
            let columns = rows + random.below(6);
            let whole: Vec<i64> = (0..rows * columns)
                .map(|_| random.below(60) as i64 - 20)
                .collect();
            let cost: Vec<f64> = whole.iter().map(|&c| c as f64).collect();
            solver.solve(&cost, rows, columns, &mut out);
            let mut taken = out.clone();
            taken.sort_unstable();
            taken.dedup();
            assert_eq!(taken.len(), rows, "a column was given twice");
            let ours: i64 = out
                .iter()
                .enumerate()
                .map(|(r, &c)| whole[r * columns + c])
                .sum();
            let matrix = Matrix::from_vec(rows, columns, whole).unwrap();
            assert_eq!(ours, kuhn_munkres_min(&matrix).0);
        }
    }

    #[test]
    fn no_rows_give_no_columns() {
        let mut out = vec![7];
        Solver::with_capacity(4, 4).solve(&[], 0, 0, &mut out);
        assert!(out.is_empty());
    }
}
