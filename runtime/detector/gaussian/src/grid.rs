//! The bird's-eye grid.

use serde::Deserialize;

/// A bird's-eye grid in the radar's frame: x forward along columns, y left along rows.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Grid {
    /// Nearest, m.
    pub x_min_m: f32,
    /// Farthest (not included), m.
    pub x_max_m: f32,
    /// Rightmost, m.
    pub y_min_m: f32,
    /// Leftmost (not included), m.
    pub y_max_m: f32,
    /// Lowest, m.
    pub z_min_m: f32,
    /// Highest (not included), m.
    pub z_max_m: f32,
    /// Side of a cell, m.
    pub cell_m: f32,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Grid {
    /// Whether a point lies in the grid's volume.
    #[must_use]
    pub fn holds(&self, [x, y, z]: [f32; 3]) -> bool {
        (self.x_min_m..self.x_max_m).contains(&x)
            && (self.y_min_m..self.y_max_m).contains(&y)
            && (self.z_min_m..self.z_max_m).contains(&z)
    }

    /// Cells.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.width * self.height
    }
}
