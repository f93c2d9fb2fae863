//! A picture with a depth buffer, and how a convex polygon gets onto it.

/// A colour, 0 to 255 a channel.
pub(crate) type Colour = [f32; 3];

/// A vertex on the picture: pixel coordinates and one over the depth.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vertex {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) inverse_depth: f32,
}

/// What a polygon does to the pixels it covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ink {
    /// Covers what is farther.
    Solid,
    /// Lies on the ground: covers whatever was drawn before it and hides nothing.
    Ground,
    /// Darkens ground once, however many shadows overlap.
    Shadow,
}

/// Depth mark of ground that lies in shadow; every solid is nearer than it.
const SHADED: f32 = 1e-9;
/// What is left of the light in a shadow.
const SHADOW: f32 = 0.58;

/// A lamp in the lens: a disc of light that fades outwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glow {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) inverse_depth: f32,
    /// Distance at which nothing is left of it, px.
    pub(crate) radius: f32,
    pub(crate) colour: Colour,
}

/// A picture, 8-bit RGB, with one over the depth of each pixel.
#[derive(Clone)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
    depth: Vec<f32>,
    /// Lamps to be drawn over the rest.
    pub(crate) glows: Vec<Glow>,
    /// What is drawn on: first column and row, end column and row; the rest stays as it is.
    pub(crate) clip: [usize; 4],
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            rgb: vec![0; width * height * 3],
            depth: vec![0.0; width * height],
            glows: Vec::new(),
            clip: [0, 0, width, height],
        }
    }

    /// Starts a picture on a background of the same size.
    pub(crate) fn begin(&mut self, background: &[u8]) {
        self.rgb.copy_from_slice(background);
        self.depth.fill(0.0);
        self.glows.clear();
    }

    /// Goes back to an earlier state of the same size within the clip. Outside it only the depth
    /// counts, which hides lamps whose light reaches into the clip: it becomes that of `around`.
    pub(crate) fn restore(&mut self, earlier: &Self, around: &Self) {
        self.depth.copy_from_slice(&around.depth);
        let [left, top, right, bottom] = self.clip;
        for row in top..bottom {
            let span = row * self.width + left..row * self.width + right;
            let bytes = 3 * span.start..3 * span.end;
            self.rgb[bytes.clone()].copy_from_slice(&earlier.rgb[bytes]);
            self.depth[span.clone()].copy_from_slice(&earlier.depth[span]);
        }
        self.glows.clone_from(&earlier.glows);
    }

    /// Draws the lamps that nothing hides.
    pub(crate) fn draw_glows(&mut self) {
        for glow in std::mem::take(&mut self.glows) {
            let (column, row) = (glow.x.floor(), glow.y.floor());
            let inside = (0.0..self.width as f32).contains(&column)
                && (0.0..self.height as f32).contains(&row);
            let hidden = inside
                && self.depth[row as usize * self.width + column as usize]
                    > glow.inverse_depth * 1.06;
            if !hidden {
                self.add_disc(&glow);
            }
        }
    }

    /// Adds light around a place of the picture.
    pub(crate) fn add_disc(&mut self, glow: &Glow) {
        let radius = glow.radius.max(1.5);
        let [left, top, right, bottom] = self.clip;
        let ends = |middle: f32, first: usize, end: usize| {
            let from = (middle - radius).max(0.0) as usize;
            from.max(first)..((middle + radius + 1.0).max(0.0) as usize).min(end)
        };
        for row in ends(glow.y, top, bottom) {
            for column in ends(glow.x, left, right) {
                let (dx, dy) = (column as f32 + 0.5 - glow.x, row as f32 + 0.5 - glow.y);
                let left = (1.0 - dx.hypot(dy) / radius).max(0.0).powi(2);
                let at = 3 * (row * self.width + column);
                for (to, from) in self.rgb[at..at + 3].iter_mut().zip(glow.colour) {
                    *to = (f32::from(*to) + left * from).min(255.0) as u8;
                }
            }
        }
    }

    /// Fills a convex polygon of one colour, pixel centres at half pixels.
    pub(crate) fn fill(&mut self, polygon: &[Vertex], colour: Colour, ink: Ink) {
        let top = polygon.iter().fold(f32::INFINITY, |m, v| m.min(v.y));
        let bottom = polygon.iter().fold(f32::NEG_INFINITY, |m, v| m.max(v.y));
        let first = ((top - 0.5).ceil().max(0.0) as usize).max(self.clip[1]);
        let end = ((bottom - 0.5).ceil().max(0.0) as usize).min(self.clip[3]);
        let paint = colour.map(|c| c.clamp(0.0, 255.0) as u8);
        for row in first..end {
            if let Some((left, right)) = span(polygon, row as f32 + 0.5) {
                self.fill_row(row, left, right, paint, ink);
            }
        }
    }

    fn fill_row(&mut self, row: usize, left: Vertex, right: Vertex, paint: [u8; 3], ink: Ink) {
        let from = ((left.x - 0.5).ceil().max(0.0) as usize).max(self.clip[0]);
        let to = ((right.x - 0.5).ceil().max(0.0) as usize).min(self.clip[2]);
        if from >= to {
            return;
        }
        let slope = (right.inverse_depth - left.inverse_depth) / (right.x - left.x).max(1e-6);
        let start = left.inverse_depth + slope * (from as f32 + 0.5 - left.x);
        let (a, b) = (row * self.width + from, row * self.width + to);
        let (pixels, _) = self.rgb[3 * a..3 * b].as_chunks_mut::<3>();
        let depth = &mut self.depth[a..b];
        match ink {
            Ink::Ground => pixels.fill(paint),
            Ink::Solid => {
                for (i, (pixel, depth)) in pixels.iter_mut().zip(depth).enumerate() {
                    let here = start + slope * i as f32;
                    if here > *depth {
                        (*depth, *pixel) = (here, paint);
                    }
                }
            }
            Ink::Shadow => {
                for (pixel, depth) in pixels.iter_mut().zip(depth) {
                    if *depth == 0.0 {
                        *depth = SHADED;
                        *pixel = pixel.map(|c| (f32::from(c) * SHADOW) as u8);
                    }
                }
            }
        }
    }
}

/// The left and right ends of a convex polygon on the line `y`.
fn span(polygon: &[Vertex], y: f32) -> Option<(Vertex, Vertex)> {
    let mut ends: Option<(Vertex, Vertex)> = None;
    let mut a = *polygon.last()?;
    for &b in polygon {
        if (a.y <= y) != (b.y <= y) {
            let t = (y - a.y) / (b.y - a.y);
            let at = Vertex {
                x: a.x + t * (b.x - a.x),
                y,
                inverse_depth: a.inverse_depth + t * (b.inverse_depth - a.inverse_depth),
            };
            ends = Some(match ends {
                None => (at, at),
                Some((l, r)) => (
                    if at.x < l.x { at } else { l },
                    if at.x > r.x { at } else { r },
                ),
            });
        }
        a = b;
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f32, size: f32, inverse_depth: f32) -> [Vertex; 4] {
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(u, v)| Vertex {
            x: x + u * size,
            y: v * size,
            inverse_depth,
        })
    }

    #[test]
    fn the_nearer_polygon_wins_in_any_order() {
        for near_first in [true, false] {
            let mut canvas = Canvas::new(8, 4);
            let mut draws = [
                (square(0.0, 4.0, 1.0), 200.0),
                (square(2.0, 4.0, 0.5), 90.0),
            ];
            if !near_first {
                draws.reverse();
            }
            for (polygon, grey) in draws {
                canvas.fill(&polygon, [grey; 3], Ink::Solid);
            }
            let row: Vec<u8> = canvas.rgb.iter().step_by(3).take(8).copied().collect();
            assert_eq!(row, [200, 200, 200, 200, 90, 90, 0, 0]);
        }
    }

    #[test]
    fn shadows_do_not_add_up() {
        let mut canvas = Canvas::new(4, 4);
        canvas.begin(&[100; 48]);
        for _ in 0..3 {
            canvas.fill(&square(0.0, 4.0, 0.5), [0.0; 3], Ink::Shadow);
        }
        assert_eq!(canvas.rgb[0], 58);
    }
}
