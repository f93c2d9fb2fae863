//! The network's first convolution over a view that is empty but for the cells that Gaussians touch.
//! Elsewhere it gives the same each time, the ReLU of its bias, and is not computed: the result is that
//! of the whole convolution.

use crate::matrix::{Dense, Rows};
use crate::splat::Blended;
use crate::weights::{Arrays, MOST_ELEMENTS, Settings, WeightsError};
use safetensors::SafeTensors;

/// No slot.
const NONE: u32 = u32::MAX;

/// A 3x3 convolution of stride 2 and padding 1 with the ReLU behind it.
#[derive(Debug)]
pub struct Stem {
    channels: usize,
    /// Of the view.
    width: usize,
    /// Of the output.
    plane: [usize; 2],
    /// Weights of the taps that a cell falls under, by whether its row and its column are odd.
    taps: [Dense; 4],
    bias: Vec<f32>,
    /// Slot of each output cell that a lit cell falls under.
    slots: Vec<u32>,
    /// Output cells that differ from the background, and those of the scan before.
    lit: Vec<u32>,
    before: Vec<u32>,
    /// Sums before the ReLU, a row a slot.
    sums: Vec<f32>,
    /// Cells of one parity: places in the output, features, products.
    places: Vec<[u32; 2]>,
    features: Vec<f32>,
    products: Vec<f32>,
    /// The output holds the background already.
    is_filled: bool,
}

impl Stem {
    /// Reads the weights that training exports beside the encoder's (`encoder.safetensors`).
    ///
    /// # Errors
    /// [`WeightsError`].
    pub fn read(bytes: &[u8], settings: &Settings) -> Result<Self, WeightsError> {
        let file = Arrays(SafeTensors::deserialize(bytes)?);
        let (c, channels) = (settings.channels, file.rows("stem.bias")?);
        let weight = file.array("stem.weight", &[channels, c, 3, 3])?;
        let bias = file.array("stem.bias", &[channels])?;
        let taps = std::array::from_fn(|parity| {
            let mut rows = Vec::new();
            for (down, right) in taps_of(parity) {
                for output in 0..channels {
                    let of_input =
                        |input: usize| weight[((output * c + input) * 3 + down) * 3 + right];
                    rows.extend((0..c).map(of_input));
                }
            }
            Dense::new(&rows, &vec![0.0; rows.len() / c])
        });
        let grid = &settings.grid;
        let plane = [grid.height.div_ceil(2), grid.width.div_ceil(2)];
        if plane[0] * plane[1] * channels > MOST_ELEMENTS {
            return Err(WeightsError::Array {
                name: "stem.bias".to_owned(),
                why: format!("asks for more than {MOST_ELEMENTS} elements on this grid"),
            });
        }
        Ok(Self {
            channels,
            width: grid.width,
            plane,
            taps,
            bias,
            slots: vec![NONE; plane[0] * plane[1]],
            lit: Vec::new(),
            before: Vec::new(),
            sums: Vec::new(),
            places: Vec::new(),
            features: Vec::new(),
            products: Vec::new(),
            is_filled: false,
        })
    }

    /// Channels, height and width of the output.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.plane[0], self.plane[1]]
    }

    /// Writes the convolution of a view into `out` `[channels, height, width]`, which must hold what the
    /// last call left there.
    ///
    /// # Panics
    /// Where `out` is of another size.
    pub fn apply(&mut self, view: &Blended<'_>, out: &mut [f32]) {
        let cells = self.plane[0] * self.plane[1];
        assert_eq!(out.len(), self.channels * cells, "elements of the output");
        self.sums.clear();
        std::mem::swap(&mut self.lit, &mut self.before);
        self.lit.clear();
        for parity in 0..4 {
            self.add(parity, view);
        }
        for &cell in &self.lit {
            self.slots[cell as usize] = NONE;
        }
        for (channel, plane) in out.chunks_exact_mut(cells).enumerate() {
            let background = self.bias[channel].max(0.0);
            match self.is_filled {
                true => self
                    .before
                    .iter()
                    .for_each(|&c| plane[c as usize] = background),
                false => plane.fill(background),
            }
            let sums = self.sums.iter().skip(channel).step_by(self.channels);
            for (&cell, &sum) in self.lit.iter().zip(sums) {
                // What is no number stays none.
                plane[cell as usize] = if sum < 0.0 { 0.0 } else { sum };
            }
        }
        self.is_filled = true;
    }

    /// Adds the cells whose rows and columns are even or odd as `parity` says.
    fn add(&mut self, parity: usize, view: &Blended<'_>) {
        let channels = view.features.len() / view.slots.max(1);
        self.places.clear();
        self.features.clear();
        for &(cell, slot) in view.cells {
            let (row, column) = (cell as usize / self.width, cell as usize % self.width);
            if (row & 1) << 1 | column & 1 != parity {
                continue;
            }
            self.places.push([row as u32, column as u32]);
            let at = slot as usize * channels;
            let features = &view.features[at..at + channels];
            self.features.extend_from_slice(features);
        }
        let dense = &self.taps[parity];
        let rows = Rows::new(&self.features, channels);
        dense.apply(rows, self.places.len(), &mut self.products);
        let products = self.products.chunks_exact(dense.stride);
        for (&[row, column], product) in self.places.iter().zip(products) {
            let product = product.chunks_exact(self.channels);
            for ((down, right), part) in taps_of(parity).zip(product) {
                // Tap 1 lies on twice the output's place.
                let row = (row as usize + 1 - down) / 2;
                let column = (column as usize + 1 - right) / 2;
                if row >= self.plane[0] || column >= self.plane[1] {
                    continue;
                }
                let slot = &mut self.slots[row * self.plane[1] + column];
                if *slot == NONE {
                    *slot = self.lit.len() as u32;
                    self.lit.push((row * self.plane[1] + column) as u32);
                    self.sums.extend_from_slice(&self.bias);
                }
                let at = *slot as usize * self.channels;
                let sums = &mut self.sums[at..at + self.channels];
                for (sum, part) in sums.iter_mut().zip(part) {
                    *sum += part;
                }
            }
        }
    }
}

/// Rows and columns of the taps that a cell falls under: an even one under the middle, an odd one under
/// the last of one output and the first of the next.
fn taps_of(parity: usize) -> impl Iterator<Item = (usize, usize)> {
    let along = |odd: bool| {
        if odd {
            [Some(0), Some(2)]
        } else {
            [Some(1), None]
        }
    };
    let (down, right) = (along(parity & 2 != 0), along(parity & 1 != 0));
    let down = down.into_iter().flatten();
    down.flat_map(move |down| right.into_iter().flatten().map(move |right| (down, right)))
}
