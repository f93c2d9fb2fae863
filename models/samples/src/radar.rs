//! The point encoder of a Gaussian radar detector, and scans for it.

use crate::random::Random;
use safetensors::tensor::{Dtype, TensorView, serialize};
use std::collections::HashMap;

/// Numbers of a point: x, y, z (m), RCS (dBsm), range rate and the same less the own motion (m/s), age (s).
pub const POINT: usize = 7;

/// An encoder with drawn weights in the form that training exports.
#[derive(Clone, Debug)]
pub struct RadarEncoder {
    /// Features of a Gaussian.
    pub channels: usize,
    /// Rows of the bird's-eye grid, and as many columns.
    pub cells: usize,
    /// Side of a cell, m.
    pub cell_m: f32,
    /// How far neighbours are, m.
    pub neighbour_radius_m: f32,
}

impl RadarEncoder {
    /// The size of View-of-Delft's: 64 channels over 320 x 320 cells of 0.16 m.
    #[must_use]
    pub fn view_of_delft() -> Self {
        Self {
            channels: 64,
            cells: 320,
            cell_m: 0.16,
            neighbour_radius_m: 0.32,
        }
    }

    /// Side of the grid, which begins at the radar and lies evenly to its left and right, m.
    fn side_m(&self) -> f32 {
        self.cells as f32 * self.cell_m
    }

    /// Channels of the stem, the network's first convolution.
    #[must_use]
    pub fn stem_channels(&self) -> usize {
        self.channels - 3
    }

    /// `encoder.safetensors`. Gaussians are about 0.25 m wide, as trained ones are.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut random = Random::new("radar encoder", self.channels as u64);
        let (f, c) = (POINT, self.channels);
        let mut arrays: Vec<(String, Vec<usize>, Vec<f32>)> = vec![
            ("input.mean".to_owned(), vec![f], vec![0.5; f]),
            ("input.std".to_owned(), vec![f], vec![8.0; f]),
        ];
        let linear = [
            ("local.linear", f + 3, c),
            ("whole.embed", f, c),
            ("whole.query", c, c),
            ("whole.key", c, c),
            ("whole.value", c, c),
            ("whole.project", c, c),
            ("whole.feed_in", c, 2 * c),
            ("whole.feed_out", 2 * c, c),
            ("head", 3 + f + 2 * c, 11 + c),
        ];
        for (name, inputs, outputs) in linear {
            let spread = 1.0 / (inputs as f32).sqrt();
            let mut weight = random.normals(inputs * outputs, spread);
            let mut bias = random.normals(outputs, 0.3 * spread);
            if name == "head" {
                let scales = &mut weight[3 * inputs..6 * inputs];
                scales.iter_mut().for_each(|weight| *weight *= 0.15);
                bias[3..6].fill(-1.1);
            }
            arrays.push((format!("{name}.weight"), vec![outputs, inputs], weight));
            arrays.push((format!("{name}.bias"), vec![outputs], bias));
        }
        let stem = self.stem_channels();
        let spread = 1.0 / (9.0 * c as f32).sqrt();
        let weight = random.normals(stem * c * 9, spread);
        arrays.push(("stem.weight".to_owned(), vec![stem, c, 3, 3], weight));
        arrays.push((
            "stem.bias".to_owned(),
            vec![stem],
            random.normals(stem, 0.1),
        ));
        for name in ["whole.norm_attention", "whole.norm_feed"] {
            let gain = random.normals(c, 0.2).into_iter().map(|gain| 1.0 + gain);
            arrays.push((format!("{name}.weight"), vec![c], gain.collect()));
            arrays.push((format!("{name}.bias"), vec![c], random.normals(c, 0.2)));
        }
        let bytes: Vec<Vec<u8>> = arrays.iter().map(|(.., numbers)| le(numbers)).collect();
        let views = arrays
            .iter()
            .zip(&bytes)
            .filter_map(|((name, shape, _), bytes)| {
                let view = TensorView::new(Dtype::F32, shape.clone(), bytes).ok()?;
                Some((name.as_str(), view))
            });
        let file = serialize(views, Some(self.metadata()));
        // Only views that do not fit their bytes could fail.
        file.unwrap_or_default()
    }

    fn metadata(&self) -> HashMap<String, String> {
        let side_m = self.side_m();
        let (cells, cell_m) = (self.cells, self.cell_m);
        let (right_m, left_m) = (-side_m / 2.0, side_m / 2.0);
        let grid = format!(
            "{{\"x_min_m\": 0, \"x_max_m\": {side_m}, \"y_min_m\": {right_m}, \"y_max_m\": {left_m}, \"z_min_m\": -4, \"z_max_m\": 6, \"cell_m\": {cell_m}, \"width\": {cells}, \"height\": {cells}}}"
        );
        let features = "x_m,y_m,z_m,rcs_dbsm,v_r_mps,v_r_comp_mps,time_s";
        let words = [
            ("format", "drafthorse-radar-gaussian-1".to_owned()),
            ("name", "random".to_owned()),
            ("features", features.to_owned()),
            ("grid", grid),
            ("scans", "3".to_owned()),
            ("channels", self.channels.to_string()),
            ("neighbour_radius_m", self.neighbour_radius_m.to_string()),
            ("max_scale_m", "1".to_owned()),
            ("max_offset_m", "0.0".to_owned()),
            ("learned_opacity", "false".to_owned()),
            ("screen_variance_px2", "0.3".to_owned()),
            ("range_scale_m", side_m.to_string()),
            ("alpha_max", "0.99".to_owned()),
            ("alpha_min", (1.0f32 / 255.0).to_string()),
            ("stop", "0.0001".to_owned()),
        ];
        let words = words.into_iter().map(|(key, word)| (key.to_owned(), word));
        words.collect()
    }

    /// A scan of `count` points on the grid, half of them in groups of eight as objects give them.
    #[must_use]
    pub fn scan(&self, count: usize) -> Vec<[f32; POINT]> {
        let mut random = Random::new("radar scan", count as u64);
        let side_m = self.side_m();
        let mut middle = [0.0; 3];
        let point = |index: usize| {
            if index.is_multiple_of(8) || index >= count / 2 {
                middle = [
                    random.range(0.5, side_m - 0.5),
                    random.range(0.5 - side_m / 2.0, side_m / 2.0 - 0.5),
                    random.range(-1.0, 1.5),
                ];
            }
            let mut near = |middle: f32, spread: f32| middle + spread * random.normal();
            let x = near(middle[0], 0.8).clamp(0.01, side_m - 0.01);
            let y = near(middle[1], 0.5).clamp(0.01 - side_m / 2.0, side_m / 2.0 - 0.01);
            let z = near(middle[2], 0.3);
            [
                x,
                y,
                z,
                near(-12.0, 10.0),
                near(-3.0, 4.0),
                near(0.0, 3.0),
                0.0,
            ]
        };
        (0..count).map(point).collect()
    }
}

fn le(numbers: &[f32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}
