//! Blending Gaussians onto the bird's-eye grid, seen from above: orthographic, highest first.
//!
//! Gaussians are taken in order of height, so that each cell meets its own front to back and needs no
//! list of them: on one processor that spares the binning into tiles that rasterisers for graphics
//! cards need. Only cells that a Gaussian touches are computed, written and cleared again.

use crate::encoder::Gaussians;
use crate::grid::Grid;
use crate::softmax::exp;
use crate::weights::Settings;
use multiversion::multiversion;

/// No slot.
const NONE: u32 = u32::MAX;
/// Columns whose alpha is computed together.
const LANES: usize = 16;
/// Cells of a plane in a line of the cache.
const LINE: usize = 64 / size_of::<f32>();
/// Lines of each plane that are drawn together: with all channels they stay in the nearest cache.
const LINES: usize = 4;

/// A view as the cells that Gaussians touch.
#[derive(Clone, Copy, Debug)]
pub struct Blended<'a> {
    /// Row times width plus column, in order, and where the features stand.
    pub cells: &'a [(u32, u32)],
    /// Rows of features.
    pub features: &'a [f32],
    /// How many rows there are.
    pub slots: usize,
}

/// Draws Gaussians into a bird's-eye view that it clears itself.
#[derive(Debug)]
pub struct Splatter {
    rules: Rules,
    channels: usize,
    /// Gaussians, highest first.
    order: Vec<u32>,
    /// Slot of each cell that the current scan touches.
    slots: Vec<u32>,
    /// What each slot still lets through; below 0 where it has ended.
    through: Vec<f32>,
    /// Blended features, a row a slot; more rows than the current scan has slots.
    blended: Vec<f32>,
    /// Cells that are not zero in the view, in order, with the slots they came from.
    lit: Vec<(u32, u32)>,
    /// The same of the view before.
    before: Vec<(u32, u32)>,
    /// Lines of a plane that hold a cell of either view, in order.
    lines: Vec<u32>,
    /// A few lines of each plane.
    strip: Vec<[[f32; LINE]; LINES]>,
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    grid: Grid,
    screen_variance_px2: f32,
    alpha_max: f32,
    alpha_min: f32,
    stop: f32,
}

/// A Gaussian on the grid, in cells.
#[derive(Clone, Copy, Debug)]
struct Ellipse {
    u: f32,
    v: f32,
    /// Elements of the inverse of its covariance: uu, uv, vv.
    inverse: [f32; 3],
    opacity: f32,
    /// Columns and rows in which it may reach the least alpha, end not included.
    columns: [usize; 2],
    rows: [usize; 2],
}

impl Splatter {
    /// For a model of those settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            rules: Rules {
                grid: settings.grid,
                screen_variance_px2: settings.screen_variance_px2,
                alpha_max: settings.alpha_max,
                alpha_min: settings.alpha_min,
                stop: settings.stop,
            },
            channels: settings.channels,
            order: Vec::new(),
            slots: vec![NONE; settings.grid.cells()],
            through: Vec::new(),
            blended: Vec::new(),
            lit: Vec::new(),
            before: Vec::new(),
            lines: Vec::new(),
            strip: Vec::new(),
        }
    }

    /// Elements of a view: `channels` planes of `height` rows of `width`.
    #[must_use]
    pub fn view_len(&self) -> usize {
        self.channels * self.rules.grid.cells()
    }

    /// Forgets what the last view held; the next one must be all zeros.
    pub fn forget(&mut self) {
        self.lit.clear();
    }

    /// Cells that the last view holds something in: row times width plus column, in order.
    pub fn lit(&self) -> impl Iterator<Item = u32> {
        self.lit.iter().map(|&(cell, _)| cell)
    }

    /// Draws Gaussians into `view` `[channels, height, width]`, which must hold what the last call left
    /// there, or zeros before the first and after [`Splatter::forget`].
    ///
    /// # Panics
    /// Where the view has not [`Splatter::view_len`] elements.
    pub fn draw(&mut self, gaussians: &Gaussians, view: &mut [f32]) {
        assert_eq!(view.len(), self.view_len(), "elements of the view");
        self.blend(gaussians);
        // Cells before the first whole line of the cache; the same in every plane where planes are whole lines.
        let lead = view.as_ptr().align_offset(LINE * size_of::<f32>()) % LINE;
        let line_of = |&(cell, _): &(u32, u32)| ((cell as usize + LINE - lead) / LINE) as u32;
        self.lines.clear();
        merge(
            self.lit.iter().map(line_of),
            self.before.iter().map(line_of),
            &mut self.lines,
        );
        let mut lit = self.lit.as_slice();
        for lines in self.lines.chunks(LINES) {
            let last = lines[lines.len() - 1];
            let end = lit.iter().position(|cell| line_of(cell) > last);
            let (drawn, rest) = lit.split_at(end.unwrap_or(lit.len()));
            lit = rest;
            self.strip.clear();
            self.strip.resize(self.channels, [[0.0; LINE]; LINES]);
            let mut place = 0;
            for cell in drawn {
                while lines[place] != line_of(cell) {
                    place += 1;
                }
                let column = (cell.0 as usize + LINE - lead) % LINE;
                let features = &self.blended[cell.1 as usize * self.channels..];
                for (row, feature) in self.strip.iter_mut().zip(features) {
                    row[place][column] = *feature;
                }
            }
            write(&self.strip, lines, lead, view);
        }
    }

    /// Blends Gaussians, without drawing them.
    pub fn blend(&mut self, gaussians: &Gaussians) -> Blended<'_> {
        self.order.clear();
        self.order.extend(0..gaussians.mean_m.len() as u32);
        // Both zeros are one height.
        let height = |index: &u32| gaussians.mean_m[*index as usize][2] + 0.0;
        self.order
            .sort_unstable_by(|a, b| height(b).total_cmp(&height(a)).then(a.cmp(b)));
        self.through.clear();
        for place in 0..self.order.len() {
            let index = self.order[place] as usize;
            let ellipse = self.rules.ellipse(gaussians, index);
            let at = index * self.channels;
            let features = &gaussians.features[at..at + self.channels];
            let target = Target {
                slots: &mut self.slots,
                through: &mut self.through,
                blended: &mut self.blended,
            };
            blend(&self.rules, &ellipse, features, target);
        }
        std::mem::swap(&mut self.lit, &mut self.before);
        self.lit.clear();
        for (cell, slot) in (0u32..).zip(&mut self.slots) {
            if *slot != NONE {
                self.lit.push((cell, *slot));
                *slot = NONE;
            }
        }
        Blended {
            cells: &self.lit,
            features: &self.blended[..self.through.len() * self.channels],
            slots: self.through.len(),
        }
    }
}

impl Rules {
    fn ellipse(&self, gaussians: &Gaussians, index: usize) -> Ellipse {
        let grid = &self.grid;
        let [x, y, _] = gaussians.mean_m[index];
        let u = (x - grid.x_min_m) / grid.cell_m - 0.5;
        let v = (y - grid.y_min_m) / grid.cell_m - 0.5;
        let [uu, uv, vv] = covariance(
            gaussians.scale_m[index].map(|scale| scale / grid.cell_m),
            gaussians.quaternion[index],
        );
        let (uu, vv) = (uu + self.screen_variance_px2, vv + self.screen_variance_px2);
        let determinant = uu * vv - uv * uv;
        let opacity = gaussians.opacity[index];
        // Where alpha falls to its least.
        let ratio = opacity / self.alpha_min;
        let reach = match ratio > 1.0 {
            true => (2.0 * libm::logf(ratio)).sqrt(),
            false => 0.0,
        };
        let range = |centre: f32, variance: f32, cells: usize| {
            let far = reach * variance.sqrt() + 1e-3;
            // Casting saturates: what lies outside is cut off.
            let low = (centre - far).ceil() as usize;
            let high = (centre + far).floor();
            let end = if high < 0.0 {
                0
            } else {
                (high as usize).saturating_add(1)
            };
            [low.min(cells), end.min(cells)]
        };
        Ellipse {
            u,
            v,
            inverse: [vv / determinant, -uv / determinant, uu / determinant],
            opacity,
            columns: range(u, uu, grid.width),
            rows: range(v, vv, grid.height),
        }
    }
}

/// `[uu, uv, vv]` of `R S S R^T`: the shadow on the ground of a Gaussian with the standard deviations
/// `spread` along its own axes and the rotation `w x y z`.
fn covariance(spread: [f32; 3], [w, x, y, z]: [f32; 4]) -> [f32; 3] {
    let row_u = [
        1.0 - 2.0 * (y * y + z * z),
        2.0 * (x * y - w * z),
        2.0 * (x * z + w * y),
    ];
    let row_v = [
        2.0 * (x * y + w * z),
        1.0 - 2.0 * (x * x + z * z),
        2.0 * (y * z - w * x),
    ];
    let a: [f32; 3] = std::array::from_fn(|k| row_u[k] * spread[k]);
    let b: [f32; 3] = std::array::from_fn(|k| row_v[k] * spread[k]);
    let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    [dot(a, a), dot(a, b), dot(b, b)]
}

/// Writes lines of all planes whole and once, which asks the memory for far less than cell by cell: of each
/// plane (as many cells as `view` has for one row of `strip`) the cells behind `lead` are in whole lines.
#[multiversion(targets(
    "x86_64+avx+avx2+avx512f+avx512bw+avx512dq+avx512vl",
    "x86_64+avx+avx2",
    "aarch64+neon"
))]
fn write(strip: &[[[f32; LINE]; LINES]], lines: &[u32], lead: usize, view: &mut [f32]) {
    let cells = view.len() / strip.len();
    for (plane, row) in view.chunks_exact_mut(cells).zip(strip) {
        for (line, row) in lines.iter().zip(row) {
            let end = *line as usize * LINE + lead;
            match plane.get_mut(end.wrapping_sub(LINE)..end) {
                Some(to) => to.copy_from_slice(row),
                // The first or the last line, cut off.
                None => {
                    let begin = end.saturating_sub(LINE);
                    let to = &mut plane[begin..end.min(cells)];
                    let skipped = LINE.saturating_sub(end);
                    to.copy_from_slice(&row[skipped..skipped + to.len()]);
                }
            }
        }
    }
}

/// Both of two sorted sequences in order, each number once.
fn merge(a: impl Iterator<Item = u32>, b: impl Iterator<Item = u32>, into: &mut Vec<u32>) {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if y < x => b.next(),
            (None, _) => b.next(),
            _ => a.next(),
        };
        let Some(next) = next else {
            return;
        };
        if into.last() != Some(&next) {
            into.push(next);
        }
    }
}

/// Cells that are being blended.
struct Target<'a> {
    slots: &'a mut [u32],
    through: &'a mut Vec<f32>,
    blended: &'a mut Vec<f32>,
}

#[multiversion(targets(
    "x86_64+avx+avx2+avx512f+avx512bw+avx512dq+avx512vl",
    "x86_64+avx+avx2",
    "aarch64+neon"
))]
fn blend(rules: &Rules, ellipse: &Ellipse, features: &[f32], target: Target<'_>) {
    let Target {
        slots,
        through,
        blended,
    } = target;
    let [first, end] = ellipse.columns;
    let [uu, uv, vv] = ellipse.inverse;
    for row in ellipse.rows[0]..ellipse.rows[1] {
        let dv = row as f32 - ellipse.v;
        let slots = &mut slots[row * rules.grid.width..];
        for start in (first..end).step_by(LANES) {
            let mut alphas = [0.0f32; LANES];
            for (lane, alpha) in alphas.iter_mut().enumerate() {
                let du = (start + lane) as f32 - ellipse.u;
                let power = -0.5 * (uu * du * du + vv * dv * dv) - uv * du * dv;
                let covered = ellipse.opacity * exp(power);
                *alpha = if covered > rules.alpha_max {
                    rules.alpha_max
                } else {
                    covered
                };
            }
            for (lane, &alpha) in alphas.iter().take(end - start).enumerate() {
                // Also not where it is no number.
                if alpha < rules.alpha_min || alpha.is_nan() {
                    continue;
                }
                let slot = &mut slots[start + lane];
                if *slot == NONE {
                    *slot = through.len() as u32;
                    through.push(1.0);
                    let end = through.len() * features.len();
                    if blended.len() < end {
                        blended.resize(2 * end, 0.0);
                    }
                    blended[end - features.len()..end].fill(0.0);
                }
                let slot = *slot as usize;
                let before = through[slot];
                let after = before * (1.0 - alpha);
                if after < rules.stop {
                    // Below 0 once and for all.
                    through[slot] = -1.0;
                    continue;
                }
                through[slot] = after;
                let weight = alpha * before;
                let at = slot * features.len();
                let blended = &mut blended[at..at + features.len()];
                for (sum, feature) in blended.iter_mut().zip(features) {
                    *sum += feature * weight;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Gaussians, Grid, Rules, Splatter, covariance};

    /// Grids of whole and of broken lines, views that begin anywhere in a line of the cache, cells that the next
    /// view no longer has.
    #[test]
    fn a_drawn_view_holds_what_was_blended_and_nothing_of_the_last_one() {
        let channels = 3;
        for (width, height) in [(32, 8), (7, 5), (19, 3)] {
            let mut splatter = Splatter {
                rules: Rules {
                    grid: Grid {
                        x_min_m: 0.0,
                        x_max_m: width as f32,
                        y_min_m: 0.0,
                        y_max_m: height as f32,
                        z_min_m: -1.0,
                        z_max_m: 9.0,
                        cell_m: 1.0,
                        width,
                        height,
                    },
                    screen_variance_px2: 0.3,
                    alpha_max: 0.99,
                    alpha_min: 1.0 / 255.0,
                    stop: 1e-4,
                },
                channels,
                order: Vec::new(),
                slots: vec![super::NONE; width * height],
                through: Vec::new(),
                blended: Vec::new(),
                lit: Vec::new(),
                before: Vec::new(),
                lines: Vec::new(),
                strip: Vec::new(),
            };
            let mut room = vec![0.0f32; splatter.view_len() + 16];
            for lead in 0..16 {
                splatter.forget();
                room.fill(0.0);
                let view = lead..lead + splatter.view_len();
                for step in 0..4 {
                    let at = |k: usize| ((step * 5 + k * 11 + lead) % width) as f32;
                    let gaussians = Gaussians {
                        point: vec![0, 1, 2],
                        mean_m: (0..3)
                            .map(|k| [at(k), (k * 3 % height) as f32, k as f32])
                            .collect(),
                        scale_m: vec![[0.4, 0.9, 0.4]; 3],
                        quaternion: vec![[1.0, 0.0, 0.0, 0.0]; 3],
                        opacity: vec![1.0; 3],
                        features: (1..=9).map(|k| k as f32).collect(),
                    };
                    let mut wanted = vec![0.0f32; splatter.view_len()];
                    let blended = splatter.blend(&gaussians);
                    assert!(!blended.cells.is_empty());
                    for &(cell, slot) in blended.cells {
                        for channel in 0..channels {
                            wanted[channel * width * height + cell as usize] =
                                blended.features[slot as usize * channels + channel];
                        }
                    }
                    // Blending it moved the view before on: back to what is drawn.
                    std::mem::swap(&mut splatter.lit, &mut splatter.before);
                    splatter.draw(&gaussians, &mut room[view.clone()]);
                    assert!(room[view.clone()] == wanted, "{width} x {height}, {lead}");
                }
                let is_outside = |at: &usize| !view.contains(at);
                assert!((0..room.len()).filter(is_outside).all(|at| room[at] == 0.0));
            }
        }
    }

    #[test]
    fn the_shadow_of_a_turned_gaussian() {
        assert_eq!(
            covariance([1.0, 2.0, 3.0], [1.0, 0.0, 0.0, 0.0]),
            [1.0, 0.0, 4.0]
        );
        // Half a right angle about z: the long axis lies along u = v.
        let (w, z) = (22.5f32.to_radians().cos(), 22.5f32.to_radians().sin());
        let [uu, uv, vv] = covariance([2.0, 0.0, 0.0], [w, 0.0, 0.0, z]);
        for value in [uu, uv, vv] {
            assert!((value - 2.0).abs() < 1e-6);
        }
        // A right angle about y stands z on end: its shadow is that of z along u.
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let [uu, uv, vv] = covariance([1.0, 2.0, 3.0], [half, 0.0, half, 0.0]);
        assert!((uu - 9.0).abs() < 1e-5 && uv.abs() < 1e-6 && (vv - 4.0).abs() < 1e-6);
    }
}
