//! Random weights and scans.

use drafthorse_gaussian::POINT;
use safetensors::tensor::{Dtype, TensorView, serialize};
use std::collections::HashMap;

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Evenly from -1 to 1.
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 40) as f32 / (1u64 << 23) as f32) - 1.0
    }
}

/// A file of weights for a square grid of `cells` columns and rows of 0.4 m, as training writes it.
pub(crate) fn weights(random: &mut Random, channels: usize, cells: usize) -> Vec<u8> {
    let (f, c) = (7, channels);
    let mut arrays: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, shape: &[usize], number: &mut dyn FnMut() -> f32| {
        let count: usize = shape.iter().product();
        let bytes = (0..count).flat_map(|_| number().to_le_bytes()).collect();
        arrays.push((name.to_owned(), shape.to_vec(), bytes));
    };
    add("input.mean", &[f], &mut || 0.5);
    add("input.std", &[f], &mut || 8.0);
    for (name, inputs, outputs) in [
        ("local.linear", f + 3, c),
        ("whole.embed", f, c),
        ("whole.query", c, c),
        ("whole.key", c, c),
        ("whole.value", c, c),
        ("whole.project", c, c),
        ("whole.feed_in", c, 2 * c),
        ("whole.feed_out", 2 * c, c),
        ("head", 3 + f + 2 * c, 11 + c),
    ] {
        let spread = 1.7 / (inputs as f32).sqrt();
        add(&format!("{name}.weight"), &[outputs, inputs], &mut || {
            random.next() * spread
        });
        add(&format!("{name}.bias"), &[outputs], &mut || {
            random.next() * 0.3
        });
    }
    for name in ["whole.norm_attention", "whole.norm_feed"] {
        add(&format!("{name}.weight"), &[c], &mut || {
            1.0 + 0.3 * random.next()
        });
        add(&format!("{name}.bias"), &[c], &mut || 0.3 * random.next());
    }
    let side_m = cells as f32 * 0.4;
    let metadata = [
        ("format", "drafthorse-radar-gaussian-1".to_owned()),
        ("name", "random".to_owned()),
        (
            "features",
            "x_m,y_m,z_m,rcs_dbsm,v_r_mps,v_r_comp_mps,time_s".to_owned(),
        ),
        (
            "grid",
            format!(
                "{{\"x_min_m\": 0, \"x_max_m\": {side_m}, \"y_min_m\": {}, \"y_max_m\": {}, \"z_min_m\": -4, \"z_max_m\": 6, \"cell_m\": 0.4, \"width\": {cells}, \"height\": {cells}}}",
                -side_m / 2.0,
                side_m / 2.0
            ),
        ),
        ("scans", "3".to_owned()),
        ("channels", channels.to_string()),
        ("neighbour_radius_m", "1.5".to_owned()),
        ("max_scale_m", "1".to_owned()),
        ("max_offset_m", "0.0".to_owned()),
        ("learned_opacity", "false".to_owned()),
        ("screen_variance_px2", "0.3".to_owned()),
        ("range_scale_m", side_m.to_string()),
        ("alpha_max", "0.99".to_owned()),
        ("alpha_min", (1.0f32 / 255.0).to_string()),
        ("stop", "0.0001".to_owned()),
    ];
    let metadata: HashMap<String, String> = metadata
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect();
    let views: Vec<(String, TensorView<'_>)> = arrays
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
            (name.clone(), view)
        })
        .collect();
    serialize(views, Some(metadata)).unwrap()
}

/// A scan of `count` points, some of them close together.
pub(crate) fn scan(random: &mut Random, count: usize) -> Vec<[f32; POINT]> {
    let mut at = [0.0; 3];
    let point = |index| {
        if index % 4 == 0 {
            at = [
                9.0 + 8.0 * random.next(),
                8.0 * random.next(),
                random.next(),
            ];
        }
        let [x, y, z] = at.map(|v| v + 0.4 * random.next());
        let mut spread = |most: f32| most * random.next();
        [x, y, z, spread(10.0), spread(8.0), spread(3.0), 0.0]
    };
    (0..count).map(point).collect()
}
