//! Which moments are chosen, by score or without one.

use crate::sketch::Sketch;

/// The `count` moments of the highest scores, no two nearer than `gap_ns`, the best first; of equal ones the
/// earlier. Moments without a score above 0 are not chosen. `times_ns` and `scores` go together.
#[must_use]
pub fn highest_apart(times_ns: &[u64], scores: &[f32], count: usize, gap_ns: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..times_ns.len().min(scores.len()))
        .filter(|i| scores[*i] > 0.0)
        .collect();
    order.sort_by(|a, b| {
        scores[*b]
            .total_cmp(&scores[*a])
            .then(times_ns[*a].cmp(&times_ns[*b]))
    });
    let mut chosen: Vec<usize> = Vec::new();
    for i in order {
        if chosen.len() == count {
            break;
        }
        let apart = |j: &usize| times_ns[*j].abs_diff(times_ns[i]) >= gap_ns;
        if chosen.iter().all(apart) {
            chosen.push(i);
        }
    }
    chosen
}

/// `count` places spread evenly over `moments`.
#[must_use]
pub fn uniform(moments: usize, count: usize) -> Vec<usize> {
    let at = |i: usize| (2 * i + 1) * moments / (2 * count.max(1));
    let mut places: Vec<usize> = (0..count)
        .map(at)
        .filter(|place| *place < moments)
        .collect();
    places.dedup();
    places
}

/// The `count` moments whose sketch differs most from the one before, those that differ most first.
#[must_use]
pub fn most_different(sketches: &[Option<Sketch>], count: usize) -> Vec<usize> {
    let mut differences: Vec<(f32, usize)> = Vec::new();
    let mut before: Option<&Sketch> = None;
    for (i, sketch) in sketches.iter().enumerate() {
        let Some(sketch) = sketch else { continue };
        if let Some(before) = before {
            differences.push((sketch.distance(before), i));
        }
        before = Some(sketch);
    }
    differences.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    differences
        .into_iter()
        .take(count)
        .map(|(_, i)| i)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_chosen_is_apart_and_what_is_not_has_a_better_one_nearby(
            scores in prop::collection::vec(-0.2_f32..1.0, 1..60), count in 1_usize..9, gap_ns in 0_u64..8,
        ) {
            let times_ns: Vec<u64> = (0..scores.len() as u64).collect();
            let chosen = highest_apart(&times_ns, &scores, count, gap_ns);
            prop_assert!(chosen.len() <= count);
            for (n, i) in chosen.iter().enumerate() {
                prop_assert!(scores[*i] > 0.0);
                prop_assert!(chosen[..n].iter().all(|j| i.abs_diff(*j) as u64 >= gap_ns && scores[*j] >= scores[*i]));
            }
            for i in (0..scores.len()).filter(|i| !chosen.contains(i) && scores[*i] > 0.0) {
                let better = |j: &&usize| scores[**j] >= scores[i];
                let near = |j: &usize| (i.abs_diff(*j) as u64) < gap_ns;
                prop_assert!(chosen.iter().filter(better).any(near) || chosen.len() == count);
                prop_assert!(chosen.len() < count || chosen.iter().any(near) || chosen.iter().all(|j| scores[*j] >= scores[i]));
            }
        }

        #[test]
        fn uniform_places_are_in_order_and_leave_no_gap_twice_as_wide(moments in 1_usize..500, count in 1_usize..20) {
            let places = uniform(moments, count);
            prop_assert_eq!(places.len(), count.min(moments));
            prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(places.windows(2).all(|pair| pair[1] - pair[0] <= moments.div_ceil(count.min(moments))));
        }
    }

    #[test]
    fn the_picture_that_differs_is_chosen() {
        let picture = |level: u8| {
            let rgb: Vec<u8> = (0..64 * 36 * 3)
                .map(|i| if i % 192 < 96 { level } else { 255 - level })
                .collect();
            Some(Sketch::of_rgb(64, 36, &rgb))
        };
        let sketches = [picture(10), None, picture(10), picture(200), picture(200)];
        assert_eq!(most_different(&sketches, 1), [3]);
        assert_eq!(most_different(&sketches, 9).len(), 3);
    }
}
