//! The same in plain loops and double precision, one number after the other: what the fast versions are
//! tested against.

use crate::accumulate::POINT;
use crate::encoder::{Encoder, Gaussians};
use crate::weights::{Arrays, Settings, WeightsError};
use safetensors::SafeTensors;

/// The bird's-eye view `[channels, height, width]` of Gaussians: each cell gathers all that reach it,
/// sorts them by height and blends them front to back.
#[must_use]
pub fn splat(gaussians: &Gaussians, settings: &Settings) -> Vec<f64> {
    let (grid, channels) = (&settings.grid, settings.channels);
    let cell_m = f64::from(grid.cell_m);
    let mut order: Vec<usize> = (0..gaussians.mean_m.len()).collect();
    let height = |index: usize| gaussians.mean_m[index][2] + 0.0;
    order.sort_by(|&a, &b| height(b).total_cmp(&height(a)));
    let mut view = vec![0.0; channels * grid.cells()];
    for row in 0..grid.height {
        for column in 0..grid.width {
            let mut through = 1.0;
            for &index in &order {
                let alpha = alpha(gaussians, settings, index, row, column, cell_m);
                if alpha < f64::from(settings.alpha_min) {
                    continue;
                }
                let after = through * (1.0 - alpha);
                if after < f64::from(settings.stop) {
                    break;
                }
                for channel in 0..channels {
                    let feature = gaussians.features[index * channels + channel];
                    view[(channel * grid.height + row) * grid.width + column] +=
                        f64::from(feature) * alpha * through;
                }
                through = after;
            }
        }
    }
    view
}

fn alpha(
    gaussians: &Gaussians,
    settings: &Settings,
    index: usize,
    row: usize,
    column: usize,
    cell_m: f64,
) -> f64 {
    let grid = &settings.grid;
    let [x, y, _] = gaussians.mean_m[index].map(f64::from);
    let du = column as f64 + 0.5 - (x - f64::from(grid.x_min_m)) / cell_m;
    let dv = row as f64 + 0.5 - (y - f64::from(grid.y_min_m)) / cell_m;
    let [w, x, y, z] = gaussians.quaternion[index].map(f64::from);
    let axes = [
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
        ],
    ];
    let spread = gaussians.scale_m[index].map(|scale| f64::from(scale) / cell_m);
    let dot = |a: [f64; 3], b: [f64; 3]| -> f64 {
        (0..3).map(|k| a[k] * b[k] * spread[k] * spread[k]).sum()
    };
    let blur = f64::from(settings.screen_variance_px2);
    let (uu, uv, vv) = (
        dot(axes[0], axes[0]) + blur,
        dot(axes[0], axes[1]),
        dot(axes[1], axes[1]) + blur,
    );
    let distance2 = (vv * du * du - 2.0 * uv * du * dv + uu * dv * dv) / (uu * vv - uv * uv);
    let covered = f64::from(gaussians.opacity[index]) * (-0.5 * distance2).exp();
    covered.min(f64::from(settings.alpha_max))
}

/// The network's first convolution over a whole view `[channels, height, width]`, with its ReLU.
///
/// # Errors
/// [`WeightsError`] of the weights' file.
pub fn stem(weights: &[u8], settings: &Settings, view: &[f32]) -> Result<Vec<f64>, WeightsError> {
    let file = Arrays(SafeTensors::deserialize(weights)?);
    let (inputs, outputs) = (settings.channels, file.rows("stem.bias")?);
    let weight = file.array("stem.weight", &[outputs, inputs, 3, 3])?;
    let bias = file.array("stem.bias", &[outputs])?;
    let (height, width) = (settings.grid.height, settings.grid.width);
    let at = |input: usize, row: usize, column: usize| {
        // Rows and columns are counted from the padding's.
        let is_inside = (1..=height).contains(&row) && (1..=width).contains(&column);
        match is_inside {
            true => f64::from(view[(input * height + row - 1) * width + column - 1]),
            false => 0.0,
        }
    };
    let mut out = Vec::new();
    for output in 0..outputs {
        for row in 0..height.div_ceil(2) {
            for column in 0..width.div_ceil(2) {
                let mut sum = f64::from(bias[output]);
                for input in 0..inputs {
                    for tap in 0..9 {
                        let (down, right) = (tap / 3, tap % 3);
                        let weight = weight[(output * inputs + input) * 9 + tap];
                        sum += f64::from(weight) * at(input, 2 * row + down, 2 * column + right);
                    }
                }
                out.push(sum.max(0.0));
            }
        }
    }
    Ok(out)
}

/// What the encoder makes of points, in double precision: `[offset 3, scale 3, quaternion 4, opacity 1,
/// features]` before any activation, a row for each point that lies in the grid's volume.
#[must_use]
pub fn head(encoder: &Encoder, points: &[[f32; POINT]]) -> Vec<Vec<f64>> {
    let (settings, weights) = (encoder.settings(), encoder.weights());
    let width = settings.features.len();
    let points: Vec<Vec<f64>> = points
        .iter()
        .filter(|p| settings.is_in_grid(p) && settings.is_whole(p))
        .map(|p| p.iter().copied().map(f64::from).collect())
        .collect();
    let normal = |p: &Vec<f64>| -> Vec<f64> {
        let moments = weights.mean.iter().zip(&weights.std);
        let normal = settings.features.iter().map(|&place| p[place]).zip(moments);
        normal
            .map(|(v, (mean, std))| (v - f64::from(*mean)) / f64::from(*std))
            .collect()
    };
    let features: Vec<Vec<f64>> = points.iter().map(normal).collect();

    let radius2 = f64::from(settings.neighbour_radius_m).powi(2);
    let local = |i: usize| {
        let way = |j: usize| -> [f64; 3] { std::array::from_fn(|k| points[j][k] - points[i][k]) };
        let is_near = |j: &usize| way(*j).iter().map(|d| d * d).sum::<f64>() <= radius2;
        let near: Vec<usize> = (0..points.len()).filter(is_near).collect();
        let mean = |value: &dyn Fn(usize) -> f64| {
            near.iter().map(|&j| value(j)).sum::<f64>() / near.len() as f64
        };
        let mut row: Vec<f64> = (0..width).map(|k| mean(&|j| features[j][k])).collect();
        row.extend((0..3).map(|k| mean(&|j| way(j)[k])));
        weights.local.plain(&row)
    };

    let embedded: Vec<Vec<f64>> = features.iter().map(|f| weights.embed.plain(f)).collect();
    let normed: Vec<Vec<f64>> = embedded
        .iter()
        .map(|x| norm(x, &weights.norm_attention))
        .collect();
    let keys: Vec<Vec<f64>> = normed.iter().map(|n| weights.key.plain(n)).collect();
    let values: Vec<Vec<f64>> = normed.iter().map(|n| weights.value.plain(n)).collect();
    let whole = |i: usize| {
        let query = weights.query.plain(&normed[i]);
        let score = |key: &Vec<f64>| {
            let product: f64 = query.iter().zip(key).map(|(q, k)| q * k).sum();
            product / (settings.channels as f64).sqrt()
        };
        let scores: Vec<f64> = keys.iter().map(score).collect();
        let most = scores.iter().copied().fold(f64::MIN, f64::max);
        let shares: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
        let all: f64 = shares.iter().sum();
        let mixed: Vec<f64> = (0..settings.channels)
            .map(|c| {
                shares
                    .iter()
                    .zip(&values)
                    .map(|(s, v)| s * v[c])
                    .sum::<f64>()
                    / all
            })
            .collect();
        let x = sum(&embedded[i], &weights.project.plain(&mixed));
        let mut hidden = weights.feed_in.plain(&norm(&x, &weights.norm_feed));
        for h in &mut hidden {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (*h + 0.044_715 * h.powi(3));
            *h *= 0.5 * (1.0 + inner.tanh());
        }
        sum(&x, &weights.feed_out.plain(&hidden))
    };

    let row = |i: usize| {
        let (x, y, z) = (points[i][0], points[i][1], points[i][2]);
        let range_m = (x * x + y * y + z * z).sqrt().max(1e-6);
        let mut row = vec![
            range_m / f64::from(settings.range_scale_m),
            y.atan2(x),
            (z / range_m).acos(),
        ];
        row.extend(&features[i]);
        row.extend(local(i));
        row.extend(whole(i));
        weights.head.plain(&row)
    };
    (0..points.len()).map(row).collect()
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn norm(x: &[f64], (gain, shift): &(Vec<f32>, Vec<f32>)) -> Vec<f64> {
    let share = 1.0 / x.len() as f64;
    let mean = x.iter().sum::<f64>() * share;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() * share;
    let scale = 1.0 / (variance + 1e-5).sqrt();
    let parts = x.iter().zip(gain).zip(shift);
    parts
        .map(|((x, gain), shift)| (x - mean) * scale * f64::from(*gain) + f64::from(*shift))
        .collect()
}
