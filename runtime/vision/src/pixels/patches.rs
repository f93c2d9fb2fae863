//! Rows of patches: the pictures of Qwen2-VL and Qwen2.5-VL.

use super::{Filter, Normalisation, Pixels, refused, scale::Scaling};
use crate::error::VisionError;
use crate::layout::{Layout, Window};
use drafthorse_core::Image;

/// A picture longer than this many times its width is refused, as the model's own processor does.
const LONGEST_ASPECT: usize = 200;

/// Scales a picture to sides of whole tokens within a range of pixels, and flattens its patches: those of
/// a token follow each other, and a patch is channel, frame, row, column.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchRows {
    /// Side of a patch, px.
    pub patch_px: usize,
    /// Patches along the side of a token.
    pub merge: usize,
    /// Frames of a patch; a single picture is repeated.
    pub frames: usize,
    /// Pixels that a picture has at least.
    pub least_pixels: usize,
    /// Pixels that it has at most.
    pub most_pixels: usize,
    /// The filter.
    pub filter: Filter,
    /// The values.
    pub normalisation: Normalisation,
}

impl PatchRows {
    pub(super) fn prepare(&self, image: &Image) -> Result<Pixels, VisionError> {
        let mut picture = Scaling::new(image, self.filter);
        let size = self.size(picture.size());
        let size = size.ok_or_else(|| {
            let why = format!("is more than {LONGEST_ASPECT} times as long as it is wide");
            refused(image, why)
        })?;
        picture.to(size)?;
        let (patch, merge) = (self.patch_px, self.merge);
        let [rows, columns] = size.map(|side| side / (patch * merge));
        let grid = [1, rows * merge, columns * merge];
        let [count, width] = [grid[1] * grid[2], 3 * self.frames * patch * patch];
        let mut values = Vec::with_capacity(count * width);
        for token in 0..rows * columns {
            let corner = [token / columns * merge, token % columns * merge];
            for inner in 0..merge * merge {
                let corner = [corner[0] + inner / merge, corner[1] + inner % merge];
                self.patch(&picture, corner.map(|at| at * patch), &mut values);
            }
        }
        Ok(Pixels {
            shape: vec![count, width],
            values,
            grid: Some(grid),
            layout: Layout::single(rows, columns, Window::WHOLE),
        })
    }

    fn patch(&self, picture: &Scaling<'_>, [top, left]: [usize; 2], values: &mut Vec<f32>) {
        let (rgb, [_, width]) = (picture.rgb(), picture.size());
        for channel in 0..3 {
            let begin = values.len();
            for row in top..top + self.patch_px {
                let row = &rgb[(row * width + left) * 3..][..self.patch_px * 3];
                let row = row.iter().skip(channel).step_by(3);
                values.extend(row.map(|&value| self.normalisation.of(channel, value)));
            }
            let end = values.len();
            for _ in 1..self.frames {
                values.extend_from_within(begin..end);
            }
        }
    }

    /// Height and width of whole tokens within the range of pixels.
    fn size(&self, [height, width]: [usize; 2]) -> Option<[usize; 2]> {
        if height.max(width) > LONGEST_ASPECT * height.min(width) {
            return None;
        }
        let token = (self.patch_px * self.merge) as f64;
        let (high, wide) = (height as f64, width as f64);
        let whole = |tokens: f64| tokens as usize * (self.patch_px * self.merge);
        let near = |side: f64| whole((side / token).round_ties_even());
        let pixels = near(high) * near(wide);
        let side: Box<dyn Fn(f64) -> usize> = if pixels > self.most_pixels {
            let shrink = (high * wide / self.most_pixels as f64).sqrt();
            Box::new(move |side| whole((side / shrink / token).floor()).max(whole(1.0)))
        } else if pixels < self.least_pixels {
            let grow = (self.least_pixels as f64 / (high * wide)).sqrt();
            Box::new(move |side| whole((side * grow / token).ceil()))
        } else {
            Box::new(near)
        };
        Some([side(high), side(wide)])
    }
}
