//! YUV pictures to RGB: BT.601, limited range, as cameras on Linux deliver them. In integers, so
//! that every machine gives the same pixels.

use super::{CameraError, shape};
use drafthorse_core::Image;

/// Width and height, then the pixels.
fn split(bytes: &[u8]) -> Result<(u32, u32, &[u8]), CameraError> {
    let [w0, w1, w2, w3, h0, h1, h2, h3, pixels @ ..] = bytes else {
        return Err(CameraError::Length {
            expected: 8,
            found: bytes.len(),
        });
    };
    let width = u32::from_le_bytes([*w0, *w1, *w2, *w3]);
    let height = u32::from_le_bytes([*h0, *h1, *h2, *h3]);
    Ok((width, height, pixels))
}

fn check_length(pixels: &[u8], expected: usize) -> Result<(), CameraError> {
    let found = pixels.len();
    if found == expected {
        return Ok(());
    }
    Err(CameraError::Length { expected, found })
}

/// Decodes packed `Y0 U Y1 V`; the width must be even.
pub(super) fn decode_yuyv(bytes: &[u8], image: &mut Image) -> Result<(), CameraError> {
    let (width, height, pixels) = split(bytes)?;
    if !width.is_multiple_of(2) {
        return Err(CameraError::Size { width, height });
    }
    shape(image, width, height)?;
    check_length(pixels, width as usize * height as usize * 2)?;
    let (pairs, _) = pixels.as_chunks::<4>();
    let (rgb, _) = image.rgb.as_chunks_mut::<6>();
    for ([y0, u, y1, v], out) in pairs.iter().zip(rgb) {
        let chroma = Chroma::new(*u, *v);
        let (a, b) = (chroma.rgb(*y0), chroma.rgb(*y1));
        *out = [a[0], a[1], a[2], b[0], b[1], b[2]];
    }
    Ok(())
}

/// Decodes a luma plane followed by interleaved half-resolution chroma; both sides must be even.
pub(super) fn decode_nv12(bytes: &[u8], image: &mut Image) -> Result<(), CameraError> {
    let (width, height, pixels) = split(bytes)?;
    if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        return Err(CameraError::Size { width, height });
    }
    shape(image, width, height)?;
    let (row, rows) = (width as usize, height as usize);
    check_length(pixels, row * rows * 3 / 2)?;
    let (luma, chroma) = pixels.split_at(row * rows);
    for (y, out) in image.rgb.chunks_exact_mut(row * 3).enumerate() {
        let luma = &luma[y * row..][..row];
        let chroma = &chroma[y / 2 * row..][..row];
        let (luma, _) = luma.as_chunks::<2>();
        let (chroma, _) = chroma.as_chunks::<2>();
        let (out, _) = out.as_chunks_mut::<6>();
        for ((out, [y0, y1]), [u, v]) in out.iter_mut().zip(luma).zip(chroma) {
            let chroma = Chroma::new(*u, *v);
            let (a, b) = (chroma.rgb(*y0), chroma.rgb(*y1));
            *out = [a[0], a[1], a[2], b[0], b[1], b[2]];
        }
    }
    Ok(())
}

/// Writes planes of luma and half-resolution chroma, with their strides; both sides must be even,
/// as they are in every 4:2:0 stream.
pub(super) fn write_i420(
    (width, height): (u32, u32),
    planes: [&[u8]; 3],
    strides: [usize; 3],
    image: &mut Image,
) -> Result<(), CameraError> {
    if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        return Err(CameraError::Size { width, height });
    }
    shape(image, width, height)?;
    let row = width as usize;
    for (y, out) in image.rgb.chunks_exact_mut(row * 3).enumerate() {
        let line = |plane: usize, line: usize| {
            let start = line * strides[plane];
            planes[plane].get(start..).unwrap_or_default()
        };
        let (luma, _) = line(0, y).as_chunks::<2>();
        let (out, _) = out.as_chunks_mut::<6>();
        let chroma = line(1, y / 2).iter().zip(line(2, y / 2));
        for ((out, [y0, y1]), (u, v)) in out.iter_mut().zip(luma).zip(chroma) {
            let chroma = Chroma::new(*u, *v);
            let (a, b) = (chroma.rgb(*y0), chroma.rgb(*y1));
            *out = [a[0], a[1], a[2], b[0], b[1], b[2]];
        }
    }
    Ok(())
}

/// The share of two chroma samples in red, green and blue, in 1/65536.
struct Chroma {
    red: i32,
    green: i32,
    blue: i32,
}

impl Chroma {
    /// ITU-R BT.601: 1.402, 0.344136, 0.714136 and 1.772, each times 255/224.
    fn new(u: u8, v: u8) -> Self {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        Self {
            red: 104_597 * v,
            green: -25_675 * u - 53_279 * v,
            blue: 132_201 * u,
        }
    }

    fn rgb(&self, y: u8) -> [u8; 3] {
        // 255/219 in 1/65536, and one half to round.
        let luma = (i32::from(y) - 16) * 76_309 + 32_768;
        let level = |c: i32| ((luma + c) >> 16).clamp(0, 255) as u8;
        [level(self.red), level(self.green), level(self.blue)]
    }
}
