//! Products of matrices, in an order of sums that does not depend on the instruction set.

use multiversion::multiversion;

/// Columns that are worked on together.
pub(crate) const LANES: usize = 16;
/// Rows that are worked on together.
const ROWS: usize = 4;

/// Length rounded up to whole lanes.
pub(crate) fn padded(length: usize) -> usize {
    length.next_multiple_of(LANES)
}

/// A matrix in row-major order whose rows lie `stride` apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) stride: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(data: &'a [f32], stride: usize) -> Self {
        Self { data, stride }
    }
}

/// The right side of a product, in panels of [`LANES`] columns: of each panel all its rows, one after
/// the other. The last panel is filled up with zeros.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panels {
    rows: usize,
    lanes: Vec<[f32; LANES]>,
}

impl Panels {
    /// Makes room for a matrix, all zeros.
    pub(crate) fn clear(&mut self, rows: usize, columns: usize) {
        self.rows = rows;
        self.lanes.clear();
        self.lanes
            .resize(columns.div_ceil(LANES) * rows, [0.0; LANES]);
    }

    /// Sets an element.
    pub(crate) fn set(&mut self, row: usize, column: usize, value: f32) {
        self.lanes[column / LANES * self.rows + row][column % LANES] = value;
    }

    fn get(&self, row: usize, column: usize) -> f32 {
        self.lanes[column / LANES * self.rows + row][column % LANES]
    }

    /// Columns with those that fill up the last panel.
    fn width(&self) -> usize {
        self.lanes.len() / self.rows.max(1) * LANES
    }
}

/// A dense layer: `out = x W + b`.
#[derive(Clone, Debug)]
pub(crate) struct Dense {
    /// Inputs.
    pub(crate) inputs: usize,
    /// Outputs, and the same in whole lanes: rows of results lie that far apart.
    pub(crate) outputs: usize,
    pub(crate) stride: usize,
    weight: Panels,
    /// `[stride]`.
    bias: Vec<f32>,
}

impl Dense {
    /// Of `weight` `[outputs, inputs]` and `bias` `[outputs]`.
    pub(crate) fn new(weight: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        let inputs = weight.len() / outputs.max(1);
        let mut panels = Panels::default();
        panels.clear(inputs, outputs);
        for (output, row) in weight.chunks_exact(inputs.max(1)).enumerate() {
            for (input, &value) in row.iter().enumerate() {
                panels.set(input, output, value);
            }
        }
        let mut padded_bias = bias.to_vec();
        padded_bias.resize(padded(outputs), 0.0);
        Self {
            inputs,
            outputs,
            stride: padded(outputs),
            weight: panels,
            bias: padded_bias,
        }
    }

    /// Applies the layer to one row, in double precision and without haste.
    pub(crate) fn plain(&self, x: &[f64]) -> Vec<f64> {
        let output = |output: usize| {
            let weight = |input: usize| f64::from(self.weight.get(input, output));
            let sum: f64 = x
                .iter()
                .enumerate()
                .map(|(input, x)| x * weight(input))
                .sum();
            sum + f64::from(self.bias[output])
        };
        (0..self.outputs).map(output).collect()
    }

    /// Applies the layer to `rows` rows of `x`; the results' rows lie [`Dense::stride`] apart.
    pub(crate) fn apply(&self, x: Rows<'_>, rows: usize, out: &mut Vec<f32>) {
        out.resize(rows * self.stride, 0.0);
        multiply(x, rows, &self.weight, Some(&self.bias), out);
    }
}

/// `out = x w (+ bias)` of `rows` rows of `x`; rows of `out` are whole lanes long. Each element is summed
/// over the inner index in order, one product after the other.
pub(crate) fn multiply(
    x: Rows<'_>,
    rows: usize,
    w: &Panels,
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    let width = w.width();
    if width == 0 {
        return;
    }
    for (block, out) in out.chunks_mut(ROWS * width).enumerate() {
        let first = block * ROWS;
        if first >= rows {
            return;
        }
        // Past the last row the last one is repeated and not kept.
        let x = std::array::from_fn(|r| {
            let at = (first + r).min(rows - 1) * x.stride;
            &x.data[at..at + w.rows]
        });
        block_of_rows(x, w, bias, out);
    }
}

#[multiversion(targets(
    "x86_64+avx+avx2+avx512f+avx512bw+avx512dq+avx512vl",
    "x86_64+avx+avx2",
    "aarch64+neon"
))]
fn block_of_rows(x: [&[f32]; ROWS], w: &Panels, bias: Option<&[f32]>, out: &mut [f32]) {
    let (width, inner) = (w.width(), w.rows);
    let [x0, x1, x2, x3] = x.map(|row| &row[..inner]);
    for (block, panel) in w.lanes.chunks_exact(inner).enumerate() {
        let column = block * LANES;
        let mut sums = [[0.0f32; LANES]; ROWS];
        if let Some(bias) = bias {
            let bias = &bias[column..column + LANES];
            sums.iter_mut().for_each(|sum| sum.copy_from_slice(bias));
        }
        for k in 0..inner {
            let w = &panel[k];
            for lane in 0..LANES {
                sums[0][lane] += x0[k] * w[lane];
                sums[1][lane] += x1[k] * w[lane];
                sums[2][lane] += x2[k] * w[lane];
                sums[3][lane] += x3[k] * w[lane];
            }
        }
        for (out, sum) in out.chunks_exact_mut(width).zip(&sums) {
            out[column..column + LANES].copy_from_slice(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_the_sum_over_its_inputs() {
        let (inputs, outputs, rows) = (7, 19, 6);
        let number = |i: usize| ((i * 37 % 23) as f32 - 11.0) / 8.0;
        let weight: Vec<f32> = (0..inputs * outputs).map(number).collect();
        let bias: Vec<f32> = (0..outputs).map(|i| number(i + 5)).collect();
        let x: Vec<f32> = (0..rows * inputs).map(|i| number(i * 3 + 1)).collect();
        let layer = Dense::new(&weight, &bias);
        let mut out = Vec::new();
        let rows_of_x = Rows::new(&x, inputs);
        layer.apply(rows_of_x, rows, &mut out);
        assert_eq!(out.len(), rows * 32);
        for r in 0..rows {
            for o in 0..outputs {
                let mut sum = bias[o];
                for i in 0..inputs {
                    sum += x[r * inputs + i] * weight[o * inputs + i];
                }
                assert_eq!(out[r * layer.stride + o].to_bits(), sum.to_bits());
            }
        }
        layer.apply(rows_of_x, 0, &mut out);
        assert!(out.is_empty());
    }
}
