//! 8-bit values to those that an encoder takes.

/// `(value * scale - mean) / std`, by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// By channel, what each 8-bit value becomes.
    table: [[f32; 256]; 3],
}

impl Normalisation {
    /// Of a factor, and of means and standard deviations after it. Rounded as the image processors of
    /// Hugging Face do: the product in double precision, the rest in single.
    #[must_use]
    pub fn new(scale: f64, mean: [f32; 3], std: [f32; 3]) -> Self {
        let value = |channel: usize, value: usize| {
            let scaled = (value as f64 * scale) as f32;
            (scaled - mean[channel]) / std[channel]
        };
        Self {
            table: std::array::from_fn(|channel| std::array::from_fn(|v| value(channel, v))),
        }
    }

    /// That of a channel's value.
    #[inline]
    pub(crate) fn of(&self, channel: usize, value: u8) -> f32 {
        self.table[channel][usize::from(value)]
    }

    /// Appends a rectangle of a picture of RGB rows of `width` pixels: three planes, row by row.
    pub(crate) fn planes(
        &self,
        rgb: &[u8],
        width: usize,
        [top, left]: [usize; 2],
        [rows, columns]: [usize; 2],
        to: &mut Vec<f32>,
    ) {
        for channel in 0..3 {
            for row in top..top + rows {
                let from = (row * width + left) * 3;
                let row = &rgb[from..from + columns * 3];
                to.extend(
                    row.iter()
                        .skip(channel)
                        .step_by(3)
                        .map(|&v| self.of(channel, v)),
                );
            }
        }
    }
}
