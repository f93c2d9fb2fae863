//! One picture of one size: the middle of the scaled picture.

use super::{Filter, Normalisation, Pixels, scale::Scaling};
use crate::error::VisionError;
use crate::layout::{Layout, Window};
use drafthorse_core::Image;

/// Scales a picture to a size, whatever its proportions, and cuts out the middle.
#[derive(Clone, Debug, PartialEq)]
pub struct Crop {
    /// Height and width before the cut, px.
    pub whole_px: [u32; 2],
    /// Height and width of the middle, px.
    pub crop_px: [u32; 2],
    /// Rows and columns of tokens in it.
    pub grid: [usize; 2],
    /// The filter.
    pub filter: Filter,
    /// The values.
    pub normalisation: Normalisation,
}

impl Crop {
    pub(super) fn prepare(&self, image: &Image) -> Result<Pixels, VisionError> {
        let mut picture = Scaling::new(image, self.filter);
        let sides = |sides: [u32; 2]| sides.map(|side| side as usize);
        let (whole, crop) = (sides(self.whole_px), sides(self.crop_px));
        // A picture of the cut's own size has been cut already.
        if picture.size() != crop {
            picture.to(whole)?;
        }
        let size = picture.size();
        let corner = [(size[0] - crop[0]) / 2, (size[1] - crop[1]) / 2];
        let mut values = Vec::with_capacity(3 * crop[0] * crop[1]);
        self.normalisation
            .planes(picture.rgb(), size[1], corner, crop, &mut values);
        let share = |part: usize, side: usize| part as f32 / size[side] as f32;
        let window = Window {
            left: share(corner[1], 1),
            top: share(corner[0], 0),
            width: share(crop[1], 1),
            height: share(crop[0], 0),
        };
        Ok(Pixels {
            shape: vec![1, 1, 3, crop[0], crop[1]],
            values,
            grid: None,
            layout: Layout::single(self.grid[0], self.grid[1], window),
        })
    }
}
