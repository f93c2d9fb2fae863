//! Scores of streams made comparable and added, after Q-Gate.

/// How many streams there are.
pub const STREAMS: usize = 3;
/// Their names: road users that are there, the scene as a whole, the log's text.
pub const STREAM_NAMES: [&str; STREAMS] = ["grounding", "global", "context"];

/// Temperature of the softmax over moments, as published.
const TEMPERATURE: f32 = 0.5;

/// Raw scores of a stream moved to 0 to 1, those that are not above 0 left out: what a stream does not see
/// has no place in its range. Where all are alike they are 1.
#[must_use]
pub fn min_max(raw: &[f32]) -> Vec<Option<f32>> {
    let seen = || raw.iter().copied().filter(|value| *value > 0.0);
    let least = seen().fold(f32::INFINITY, f32::min);
    let span = seen().fold(f32::NEG_INFINITY, f32::max) - least;
    let place = |value: f32| {
        if span > 0.0 {
            (value - least) / span
        } else {
            1.0
        }
    };
    raw.iter()
        .map(|value| (*value > 0.0).then(|| place(*value)))
        .collect()
}

/// Softmax over the moments that a stream sees (temperature 0.5); 0 for the others. The sum is 1, or 0 where
/// it sees none.
#[must_use]
pub fn masked_softmax(scaled: &[Option<f32>]) -> Vec<f32> {
    let raised: Vec<f32> = scaled
        .iter()
        .map(|value| value.map_or(0.0, |value| (value / TEMPERATURE).exp()))
        .collect();
    let sum: f32 = raised.iter().sum();
    match sum > 0.0 {
        true => raised.iter().map(|value| value / sum).collect(),
        false => raised,
    }
}

/// The sum of streams, and what each brought to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fused {
    /// Of each moment.
    pub total: Vec<f32>,
    /// Of each stream and moment; adds up to `total`.
    pub parts: [Vec<f32>; STREAMS],
}

/// Adds the streams' raw scores, one value a moment, after min-max and softmax, with these weights. A
/// stream of another length than the first counts for as many moments as it has.
#[must_use]
pub fn fuse(raw: [&[f32]; STREAMS], weights: [f32; STREAMS]) -> Fused {
    let mut fused = Fused {
        total: vec![0.0; raw[0].len()],
        ..Fused::default()
    };
    for (stream, weight) in weights.into_iter().enumerate() {
        let mut part = masked_softmax(&min_max(raw[stream]));
        part.resize(fused.total.len(), 0.0);
        part.iter_mut().for_each(|value| *value *= weight);
        for (total, value) in fused.total.iter_mut().zip(&part) {
            *total += value;
        }
        fused.parts[stream] = part;
    }
    fused
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scores() -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(
            prop_oneof![Just(0.0_f32), -1.0_f32..1.0, 0.0_f32..50.0],
            1..40,
        )
    }

    proptest! {
        #[test]
        fn a_stream_sums_to_one_keeps_its_order_and_sees_nothing_it_did_not(raw in scores()) {
            let soft = masked_softmax(&min_max(&raw));
            let sees = raw.iter().any(|value| *value > 0.0);
            let sum: f32 = soft.iter().sum();
            prop_assert!((sum - f32::from(u8::from(sees))).abs() < 1e-4, "{}", sum);
            for (a, x) in raw.iter().zip(&soft) {
                prop_assert_eq!(*x > 0.0, *a > 0.0);
                for (b, y) in raw.iter().zip(&soft) {
                    prop_assert!(a <= b || x >= y);
                }
            }
        }

        #[test]
        fn scale_and_shift_of_what_is_seen_change_nothing(raw in prop::collection::vec(0.5_f32..9.0, 2..30)) {
            let other: Vec<f32> = raw.iter().map(|value| 4.0 * value + 3.0).collect();
            for (x, y) in masked_softmax(&min_max(&raw)).iter().zip(masked_softmax(&min_max(&other))) {
                prop_assert!((x - y).abs() < 1e-4);
            }
        }

        #[test]
        fn parts_add_up_and_a_stream_without_weight_changes_nothing(a in scores(), weight in 0.1_f32..1.0) {
            let other: Vec<f32> = a.iter().rev().copied().collect();
            let none = vec![0.0; a.len()];
            let fused = fuse([&a, &other, &none], [weight, 1.0 - weight, 0.0]);
            let sums = (0..a.len()).map(|i| fused.parts.iter().map(|part| part[i]).sum::<f32>());
            for (sum, total) in sums.zip(&fused.total) {
                prop_assert!((sum - total).abs() < 1e-6);
            }
            let alone = fuse([&a, &other, &other], [1.0, 0.0, 0.0]);
            prop_assert_eq!(&alone.total, &masked_softmax(&min_max(&a)));
        }
    }
}
