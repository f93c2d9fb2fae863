//! Scaling of 8-bit pictures with the filters that preprocessor_config.json names.

use super::refused;
use crate::error::VisionError;
use drafthorse_core::Image;
use fast_image_resize as resize;
use fast_image_resize::images::{Image as Scaled, ImageRef};

/// A filter of PIL's numbering, widened where a picture gets smaller, as PIL and torchvision with
/// antialiasing do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// 0: the nearest pixel.
    Nearest,
    /// 1: windowed sinc over three pixels to each side.
    Lanczos,
    /// 2: linear.
    Bilinear,
    /// 3: cubic with a = -0.5.
    Bicubic,
    /// 4: the mean.
    Box,
    /// 5: raised cosine.
    Hamming,
}

impl Filter {
    /// That of PIL's number.
    #[must_use]
    pub fn from_pil(code: u8) -> Option<Self> {
        let filters = [
            Self::Nearest,
            Self::Lanczos,
            Self::Bilinear,
            Self::Bicubic,
            Self::Box,
            Self::Hamming,
        ];
        filters.get(usize::from(code)).copied()
    }

    fn algorithm(self) -> resize::ResizeAlg {
        use resize::{FilterType, ResizeAlg};
        ResizeAlg::Convolution(match self {
            Self::Nearest => return ResizeAlg::Nearest,
            Self::Lanczos => FilterType::Lanczos3,
            Self::Bilinear => FilterType::Bilinear,
            Self::Bicubic => FilterType::CatmullRom,
            Self::Box => FilterType::Box,
            Self::Hamming => FilterType::Hamming,
        })
    }
}

/// RGB pictures on their way to an encoder: the given one, and what it is scaled to, step by step.
pub(crate) struct Scaling<'a> {
    given: &'a Image,
    filter: Filter,
    resizer: resize::Resizer,
    scaled: Option<Scaled<'static>>,
}

impl<'a> Scaling<'a> {
    pub(crate) fn new(given: &'a Image, filter: Filter) -> Self {
        Self {
            given,
            filter,
            resizer: resize::Resizer::new(),
            scaled: None,
        }
    }

    /// Height and width now.
    pub(crate) fn size(&self) -> [usize; 2] {
        let (width, height) = match &self.scaled {
            Some(scaled) => (scaled.width(), scaled.height()),
            None => (self.given.width, self.given.height),
        };
        [height as usize, width as usize]
    }

    /// The pixels now.
    pub(crate) fn rgb(&self) -> &[u8] {
        self.scaled
            .as_ref()
            .map_or(&self.given.rgb, |scaled| scaled.buffer())
    }

    /// Scales it to a height and width: along the rows first, and what comes out of that in 8 bits along
    /// the columns, as Pillow 11 does. Where a filter rings over the range of 8 bits the order shows.
    pub(crate) fn to(&mut self, [height, width]: [usize; 2]) -> Result<(), VisionError> {
        let [old_height, old_width] = self.size();
        if width != old_width {
            self.pass([old_height, width])?;
        }
        if height != old_height {
            self.pass([height, width])?;
        }
        Ok(())
    }

    fn pass(&mut self, [height, width]: [usize; 2]) -> Result<(), VisionError> {
        let given = self.given;
        let side = |side: usize| u32::try_from(side).ok().filter(|&side| side <= LONGEST_PX);
        let (Some(wide), Some(high)) = (side(width), side(height)) else {
            let why = format!("would be scaled to {width}x{height} px on its way");
            return Err(refused(given, why));
        };
        let mut to = Scaled::new(wide, high, resize::PixelType::U8x3);
        let options = resize::ResizeOptions::new().resize_alg(self.filter.algorithm());
        let failed = |why: String| refused(given, format!("cannot be scaled: {why}"));
        match &self.scaled {
            Some(from) => self.resizer.resize(from, &mut to, &options),
            None => {
                let from = ImageRef::new(
                    given.width,
                    given.height,
                    &given.rgb,
                    resize::PixelType::U8x3,
                );
                let from = from.map_err(|error| failed(error.to_string()))?;
                self.resizer.resize(&from, &mut to, &options)
            }
        }
        .map_err(|error| failed(error.to_string()))?;
        self.scaled = Some(to);
        Ok(())
    }
}

/// No picture for an encoder is longer.
const LONGEST_PX: u32 = 1 << 14;
