//! What lies near each point: the mean over its neighbours, itself among them.

/// Buffers of the search.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    /// Points in order of x.
    order: Vec<u32>,
    counts: Vec<f32>,
}

impl Neighbours {
    /// For each point the mean of its neighbours' features and of the way to them, `[features + 3]`:
    /// of all points at most `radius_m` away. `features` has `width` numbers a point.
    pub(crate) fn means(
        &mut self,
        positions_m: &[[f32; 3]],
        features: &[f32],
        width: usize,
        radius_m: f32,
        out: &mut Vec<f32>,
    ) {
        let count = positions_m.len();
        let row = width + 3;
        out.clear();
        out.resize(count * row, 0.0);
        self.counts.clear();
        self.counts.resize(count, 1.0);
        for (out, own) in out.chunks_exact_mut(row).zip(features.chunks_exact(width)) {
            out[..width].copy_from_slice(own);
        }
        self.order.clear();
        self.order.extend(0..count as u32);
        let x = |index: &u32| positions_m[*index as usize][0];
        self.order
            .sort_unstable_by(|a, b| x(a).total_cmp(&x(b)).then(a.cmp(b)));
        for (place, &i) in self.order.iter().enumerate() {
            let i = i as usize;
            for &j in &self.order[place + 1..] {
                let j = j as usize;
                let way: [f32; 3] = std::array::from_fn(|k| positions_m[j][k] - positions_m[i][k]);
                if way[0] > radius_m {
                    break;
                }
                let distance2 = way[0] * way[0] + way[1] * way[1] + way[2] * way[2];
                if distance2 > radius_m * radius_m {
                    continue;
                }
                for (at, other, sign) in [(i, j, 1.0), (j, i, -1.0)] {
                    self.counts[at] += 1.0;
                    let out = &mut out[at * row..(at + 1) * row];
                    let features = &features[other * width..(other + 1) * width];
                    let (mean, step) = out.split_at_mut(width);
                    mean.iter_mut().zip(features).for_each(|(m, f)| *m += f);
                    step.iter_mut().zip(way).for_each(|(s, w)| *s += sign * w);
                }
            }
        }
        for (out, count) in out.chunks_exact_mut(row).zip(&self.counts) {
            out.iter_mut().for_each(|sum| *sum /= count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_over_what_is_near() {
        let positions = [
            [0.0, 0.0, 0.0],
            [5.0, 0.0, 0.0],
            [0.6, 0.0, 0.8],
            [0.0, 0.9, 0.0],
        ];
        let features = [1.0, 10.0, 3.0, 5.0];
        let mut out = Vec::new();
        Neighbours::default().means(&positions, &features, 1, 1.0, &mut out);
        // The first has the third (exactly 1 m away) and the fourth; the second has none.
        let right = [
            [3.0, 0.2, 0.3, 0.8 / 3.0],
            [10.0, 0.0, 0.0, 0.0],
            [2.0, -0.3, 0.0, -0.4],
            [3.0, 0.0, -0.45, 0.0],
        ];
        for (value, right) in out.iter().zip(right.as_flattened()) {
            assert!((value - right).abs() < 1e-6, "{out:?}");
        }
        Neighbours::default().means(&[], &[], 1, 1.0, &mut out);
        assert!(out.is_empty());
    }
}
