//! Weights and biases as whole numbers.

use super::operators::Layer;
use crate::affine::scale_of;
use drafthorse_onnx::proto::Tensor;

/// A quantised weight: signed, symmetric, with one scale or one for each index of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weight {
    /// In the order of the float weight.
    pub(super) data: Vec<i8>,
    /// One, or one for each channel.
    pub(super) scales: Vec<f32>,
}

/// Greatest magnitude of a weight of 8 and of 7 bits.
pub(super) fn highest(reduce_range: bool) -> f32 {
    if reduce_range { 63.0 } else { 127.0 }
}

/// Which scale each element of a tensor has: elements of one index of `axis` come `inner` in a row.
fn channel(shape: &[usize], axis: Option<usize>) -> impl Fn(usize) -> usize + use<> {
    let (inner, count) = match axis {
        Some(axis) => (shape[axis + 1..].iter().product::<usize>(), shape[axis]),
        None => (1, 1),
    };
    move |index| index / inner.max(1) % count.max(1)
}

/// Number of scales.
fn channels(shape: &[usize], axis: Option<usize>) -> usize {
    axis.map_or(1, |axis| shape[axis])
}

/// The scales of a weight: each the greatest magnitude of its channel over the highest number.
/// `least` are bounds that they must not fall below, so that biases fit; empty for none.
pub(super) fn scales(tensor: &Tensor, layer: &Layer, highest: f32, least: &[f32]) -> Vec<f32> {
    let shape = tensor.shape();
    let of = channel(&shape, layer.channel_axis);
    let mut magnitudes = vec![0.0f32; channels(&shape, layer.channel_axis)];
    for (index, value) in tensor.data::<f32>().unwrap_or_default().iter().enumerate() {
        let magnitude = &mut magnitudes[of(index)];
        *magnitude = magnitude.max(value.abs());
    }
    let scale = |(channel, magnitude): (usize, &f32)| {
        let scale = scale_of(f64::from(*magnitude) / f64::from(highest));
        scale.max(least.get(channel).copied().unwrap_or(0.0))
    };
    magnitudes.iter().enumerate().map(scale).collect()
}

/// Rounds a weight to those scales.
pub(super) fn quantise(tensor: &Tensor, layer: &Layer, scales: Vec<f32>, highest: f32) -> Weight {
    let of = channel(&tensor.shape(), layer.channel_axis);
    let values = tensor.data::<f32>().unwrap_or_default();
    let round = |(index, value): (usize, &f32)| {
        let whole = (value / scales[of(index)]).round_ties_even();
        whole.clamp(-highest, highest) as i8
    };
    Weight {
        data: values.iter().enumerate().map(round).collect(),
        scales,
    }
}

/// Scales that a weight must have at least so that its bias fits into 30 bits.
pub(super) fn least_scales(bias: &[f32], input_scale: f32) -> Vec<f32> {
    let fits = f64::from(1u32 << 30) * f64::from(input_scale);
    let least = |value: &f32| (f64::from(value.abs()) / fits) as f32;
    bias.iter().map(least).collect()
}

/// A bias in steps of the input's scale times the weight's, with those steps.
pub(super) fn bias(bias: &[f32], input_scale: f32, scales: &[f32]) -> (Vec<i32>, Vec<f32>) {
    let step = |channel: usize| input_scale * scales[channel.min(scales.len() - 1)];
    let steps: Vec<f32> = match scales.len() {
        1 => vec![step(0)],
        _ => (0..bias.len()).map(step).collect(),
    };
    let whole = bias.iter().enumerate().map(|(channel, value)| {
        let whole = f64::from(*value) / f64::from(step(channel));
        // A step that underflowed leaves no bias to speak of.
        if whole.is_finite() {
            whole.round_ties_even() as i32
        } else {
            0
        }
    });
    (whole.collect(), steps)
}

#[cfg(test)]
mod tests {
    use super::super::operators::Kind;
    use super::*;

    fn layer(channel_axis: Option<usize>) -> Layer {
        Layer {
            channel_axis,
            kind: Kind::Conv,
        }
    }

    #[test]
    fn each_channel_has_its_own_scale_on_any_axis() {
        let tensor = Tensor::new("w", &[2, 2], &[1.0f32, 10.0, 2.0, -20.0]);
        let rows = scales(&tensor, &layer(Some(0)), 127.0, &[]);
        assert_eq!(rows, [10.0 / 127.0, 20.0 / 127.0]);
        let columns = scales(&tensor, &layer(Some(1)), 127.0, &[]);
        assert_eq!(columns, [2.0 / 127.0, 20.0 / 127.0]);
        let weight = quantise(&tensor, &layer(Some(1)), columns, 127.0);
        assert_eq!(weight.data, [64, 64, 127, -127]);
    }

    #[test]
    fn a_large_bias_on_a_small_channel_fits() {
        let tensor = Tensor::new("w", &[2, 1], &[1e-12f32, 0.0]);
        let values = [5.0, -7.0];
        let least = least_scales(&values, 1e-3);
        let scales = scales(&tensor, &layer(Some(0)), 127.0, &least);
        let (whole, steps) = bias(&values, 1e-3, &scales);
        for ((whole, step), value) in whole.iter().zip(&steps).zip(values) {
            let back = *whole as f32 * step;
            assert!((back - value).abs() < 1e-2, "{back} {value}");
        }
    }
}
