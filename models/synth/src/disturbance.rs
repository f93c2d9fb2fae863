//! Long stretches in which the sensors are noisy and nothing happens: a rough road that shakes the
//! camera under flickering light, and other radars that interfere.

use crate::rng::Rng;

/// Stretches of a drive, s since its beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disturbances {
    stretches: Vec<[f64; 2]>,
}

impl Disturbances {
    /// About two fifths of `length_s` seconds, in stretches of 12 to 28 s.
    pub(crate) fn new(rng: &mut Rng, length_s: f64) -> Self {
        let (mut stretches, mut t) = (Vec::new(), rng.range(5.0, 25.0));
        while t < length_s {
            let end = t + rng.range(12.0, 28.0);
            stretches.push([t, end.min(length_s)]);
            t = end + rng.range(18.0, 40.0);
        }
        Self { stretches }
    }

    /// Whether the sensors are disturbed at `t`.
    pub(crate) fn at(&self, t: f64) -> bool {
        self.stretches
            .iter()
            .any(|[from, to]| (*from..*to).contains(&t))
    }
}

/// How one picture is disturbed.
pub(crate) struct Shake {
    /// Shift to the right and down, px.
    pub(crate) shift: [i32; 2],
    pub(crate) gain: f32,
}

impl Shake {
    /// One picture's shake; the camera is `width` pixels wide.
    pub(crate) fn new(rng: &mut Rng, width: usize) -> Self {
        let spread = width as f64 / 200.0;
        Self {
            shift: [
                (0.5 * spread * rng.normal()) as i32,
                (spread * rng.normal()) as i32,
            ],
            gain: (1.0 + 0.1 * rng.normal()).clamp(0.7, 1.3) as f32,
        }
    }

    /// Shifts and brightens a picture of `width` pixels a row in place; edges repeat.
    pub(crate) fn apply(&self, rgb: &mut [u8], width: usize, scratch: &mut Vec<u8>) {
        scratch.clear();
        scratch.extend_from_slice(rgb);
        let height = rgb.len() / (3 * width.max(1));
        let bright: [u8; 256] = std::array::from_fn(|v| (v as f32 * self.gain).min(255.0) as u8);
        for (row, line) in rgb.chunks_exact_mut(3 * width).enumerate() {
            let from = (row as i32 - self.shift[1]).clamp(0, height as i32 - 1) as usize * width;
            for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
                let x = (column as i32 - self.shift[0]).clamp(0, width as i32 - 1) as usize;
                let at = 3 * (from + x);
                for (to, value) in pixel.iter_mut().zip(&scratch[at..at + 3]) {
                    *to = bright[usize::from(*value)];
                }
            }
        }
    }
}
