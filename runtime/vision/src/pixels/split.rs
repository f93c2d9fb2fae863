//! Square tiles and a thumbnail: the pictures of Idefics3 and SmolVLM.

use super::{Filter, Normalisation, Pixels, scale::Scaling};
use crate::error::VisionError;
use crate::layout::{Layout, Tile, Window};
use drafthorse_core::Image;

/// No picture is scaled beyond this, px.
const LONGEST_PX: usize = 4096;

/// Scales the longest side to a length, then both sides up to whole tiles, cuts the tiles, and puts the
/// picture squeezed into one tile behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Longest side before the tiles, px.
    pub longest_px: usize,
    /// Side of a tile, px.
    pub tile_px: usize,
    /// Side of what a token shows, px of a tile.
    pub token_px: usize,
    /// Whether pictures are split; else there is the thumbnail alone.
    pub splits: bool,
    /// The filter.
    pub filter: Filter,
    /// The values.
    pub normalisation: Normalisation,
}

impl Split {
    pub(super) fn prepare(&self, image: &Image) -> Result<Pixels, VisionError> {
        let mut picture = Scaling::new(image, self.filter);
        let size = longest_side_to(picture.size(), self.longest_px);
        picture.to(at_most(size, LONGEST_PX))?;
        let tile = self.tile_px;
        if self.splits {
            picture.to(whole_tiles(picture.size(), tile))?;
        }
        let [height, width] = picture.size();
        let (rows, columns) = (height.div_ceil(tile), width.div_ceil(tile));
        let split = (self.splits && (rows, columns) != (1, 1)).then_some([rows, columns]);
        let mut values = Vec::new();
        let mut tiles = Vec::new();
        if let Some([rows, columns]) = split {
            values.reserve_exact((rows * columns + 1) * 3 * tile * tile);
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |c| (row, c))) {
                let corner = [row * tile, column * tile];
                let rgb = picture.rgb();
                self.normalisation
                    .planes(rgb, width, corner, [tile; 2], &mut values);
                let [wide, high] = [1.0 / columns as f32, 1.0 / rows as f32];
                tiles.push(self.tile(Window {
                    left: column as f32 * wide,
                    top: row as f32 * high,
                    width: wide,
                    height: high,
                }));
            }
        }
        picture.to([tile; 2])?;
        self.normalisation
            .planes(picture.rgb(), tile, [0; 2], [tile; 2], &mut values);
        tiles.push(Tile {
            thumbnail: split.is_some(),
            ..self.tile(Window::WHOLE)
        });
        Ok(Pixels {
            shape: vec![1, tiles.len(), 3, tile, tile],
            values,
            grid: None,
            layout: Layout { tiles, split },
        })
    }

    fn tile(&self, window: Window) -> Tile {
        let side = self.tile_px / self.token_px;
        Tile {
            rows: side,
            columns: side,
            window,
            thumbnail: false,
        }
    }
}

/// Height and width with the longer one of a length; the shorter one is made even.
fn longest_side_to([height, width]: [usize; 2], longest: usize) -> [usize; 2] {
    let aspect = width as f64 / height as f64;
    let even = |side: f64| (side as usize).next_multiple_of(2).max(1);
    match width >= height {
        true => [even(longest as f64 / aspect), longest],
        false => [longest, even(longest as f64 * aspect)],
    }
}

/// The same where the longer one is longer than that.
fn at_most([height, width]: [usize; 2], longest: usize) -> [usize; 2] {
    let aspect = width as f64 / height as f64;
    if width >= height && width > longest {
        [((longest as f64 / aspect) as usize).max(1), longest]
    } else if height > width && height > longest {
        [longest, ((longest as f64 * aspect) as usize).max(1)]
    } else {
        [height, width]
    }
}

/// Both sides up to whole tiles, the shorter one after the longer one's stretch.
fn whole_tiles([height, width]: [usize; 2], tile: usize) -> [usize; 2] {
    let aspect = width as f64 / height as f64;
    if width >= height {
        let width = width.next_multiple_of(tile);
        let height = (width as f64 / aspect) as usize;
        [height.next_multiple_of(tile), width]
    } else {
        let height = height.next_multiple_of(tile);
        let width = (height as f64 * aspect) as usize;
        [height, width.next_multiple_of(tile)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_those_of_the_reference() {
        // By hand from the processor's formulas: 640x480 at 2048 is 2048x1536, four by three tiles.
        assert_eq!(longest_side_to([480, 640], 2048), [1536, 2048]);
        assert_eq!(whole_tiles([1536, 2048], 512), [1536, 2048]);
        // 2048 / (1920 / 1080) = 1152, up to three tiles.
        assert_eq!(longest_side_to([1080, 1920], 2048), [1152, 2048]);
        assert_eq!(whole_tiles([1152, 2048], 512), [1536, 2048]);
        assert_eq!(longest_side_to([1000, 3], 100), [100, 1]);
        assert_eq!(at_most([100, 5000], 4096), [81, 4096]);
    }
}
