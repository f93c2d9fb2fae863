//! What lies over the whole picture: streaks of rain, noise of the image sensor.

use crate::atmosphere::Atmosphere;
use crate::canvas::Canvas;
use crate::rng::Rng;

/// Falling drops in front of the lens, blurred by the exposure.
pub(crate) fn streaks(canvas: &mut Canvas, rng: &mut Rng, air: &Atmosphere) {
    let light = air.haze.map(|c| c.max(70.0));
    for _ in 0..air.streaks {
        let (x, y) = (
            rng.range(0.0, canvas.width as f64),
            rng.range(0.0, canvas.height as f64),
        );
        let (length, lean) = (rng.range(6.0, 26.0), rng.range(-0.12, 0.12));
        let strength = rng.range(0.12, 0.4) as f32;
        for step in 0..length as usize {
            let (column, row) = ((x + lean * step as f64) as usize, y as usize + step);
            if column >= canvas.width || row >= canvas.height {
                break;
            }
            let at = 3 * (row * canvas.width + column);
            for (to, from) in canvas.rgb[at..at + 3].iter_mut().zip(light) {
                let here = f32::from(*to);
                *to = (here + strength * (from - here)).clamp(0.0, 255.0) as u8;
            }
        }
    }
}

/// Noise of about `std` steps: the sum of two even draws, four values from each number.
pub(crate) fn noise(canvas: &mut Canvas, rng: &mut Rng, std: f32) {
    if std <= 0.0 {
        return;
    }
    // Two bytes less their mean have a standard deviation of 104.5.
    let scale = std / 104.5;
    for values in canvas.rgb.chunks_mut(4) {
        let bits = rng.bits();
        for (i, value) in values.iter_mut().enumerate() {
            let pair = (bits >> (16 * i)) as u16;
            let sum = f32::from(pair & 0xFF) + f32::from(pair >> 8) - 255.0;
            *value = (f32::from(*value) + scale * sum).clamp(0.0, 255.0) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_spread_that_is_asked_for() {
        let mut canvas = Canvas::new(200, 100);
        canvas.rgb.fill(128);
        noise(&mut canvas, &mut Rng::new(1, 1), 5.0);
        let off = canvas.rgb.iter().map(|v| (f32::from(*v) - 127.5).powi(2));
        let std = (off.sum::<f32>() / canvas.rgb.len() as f32).sqrt();
        assert!((4.5..5.5).contains(&std), "{std}");
    }
}
