//! A sketch of a picture: what a moment looks like in a few numbers, made by hand, not learned.
//!
//! The picture is cut into a grid. Of each cell: the mean brightness and the mean contrast between
//! neighbouring samples. Brightness is taken relative to the whole picture's, so that a flickering
//! exposure changes little; cells are large, so that a shaken camera changes little.

use drafthorse_core::Image;
use serde::{Deserialize, Serialize};

/// Cells across and down.
pub const GRID: [usize; 2] = [16, 9];
const CELLS: usize = GRID[0] * GRID[1];
/// Numbers of a sketch.
pub const SKETCH: usize = 2 * CELLS;
/// Samples across a cell and down.
const SAMPLES: usize = 8;

/// Brightness of each cell row by row, then contrast of each; without unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sketch(Box<[f32]>);

impl Sketch {
    /// Sketches a picture of `width` x `height` pixels, 8-bit RGB, rows top to bottom without padding.
    /// A picture smaller than 2 x 2 pixels a cell, or shorter than it says, gives zeros.
    #[must_use]
    pub fn of_rgb(width: u32, height: u32, rgb: &[u8]) -> Self {
        Self(Box::new(sketch(width, height, rgb)))
    }

    /// The sketch of a decoded picture.
    #[must_use]
    pub fn of_image(image: &Image) -> Self {
        Self::of_rgb(image.width, image.height, &image.rgb)
    }

    /// The [`SKETCH`] numbers.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Length of the difference to another.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f32 {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
    }
}

fn sketch(width: u32, height: u32, rgb: &[u8]) -> [f32; SKETCH] {
    let (width, height) = (width as usize, height as usize);
    let mut cells = [0.0_f32; SKETCH];
    let bytes = width
        .checked_mul(height)
        .and_then(|pixels| pixels.checked_mul(3));
    let whole = bytes.is_some_and(|bytes| bytes <= rgb.len());
    if width < 2 * GRID[0] || height < 2 * GRID[1] || !whole {
        return cells;
    }
    let columns = GRID[0] * SAMPLES;
    let mut above = [0.0_f32; GRID[0] * SAMPLES];
    for y in 0..GRID[1] * SAMPLES {
        let row = (2 * y + 1) * height / (2 * GRID[1] * SAMPLES) * width;
        let mut left = 0.0;
        for (x, over) in above.iter_mut().enumerate() {
            let at = 3 * (row + (2 * x + 1) * width / (2 * columns));
            // Rec. 601 luma.
            let luma = 0.299 * f32::from(rgb[at])
                + 0.587 * f32::from(rgb[at + 1])
                + 0.114 * f32::from(rgb[at + 2]);
            let cell = y / SAMPLES * GRID[0] + x / SAMPLES;
            cells[cell] += luma;
            if x > 0 && y > 0 {
                cells[CELLS + cell] += (luma - left).abs() + (luma - *over).abs();
            }
            (left, *over) = (luma, luma);
        }
    }
    let each = 1.0 / (SAMPLES * SAMPLES) as f32;
    let mean = cells[..CELLS].iter().sum::<f32>() / CELLS as f32 * each;
    let scale = 1.0 / (mean + 8.0);
    for cell in &mut cells[..CELLS] {
        *cell = (*cell * each - mean) * scale;
    }
    for cell in &mut cells[CELLS..] {
        *cell *= each * scale;
    }
    cells
}
