//! What is new in a picture since those before it.

use super::Features;
use super::features::cosine;

/// What a token without a predecessor is given: more than any other, so that a first picture goes ahead.
const FIRST: f32 = 2.0;

/// How much each token differs from the same one of the picture before: `d_t = 1 - cos(e_t, e_{t-1})`,
/// 0 to 2; [`FIRST`] for all tokens of a first picture.
///
/// After Efficient Video Sampling (EVS; Bagrov et al., "Efficient Video Sampling: Pruning Temporally Redundant
/// Tokens for Faster VLM Inference", 2025), which drops the least different patches of a video and none of its first
/// frame. The paper compares pixels, engines that have taken it up compare embeddings, as here. There the threshold
/// is one of the whole video; here each picture has its own budget.
#[must_use]
pub fn dissimilarity(features: Features<'_>, before: Option<Features<'_>>) -> Vec<f32> {
    match before {
        Some(before) => {
            let pairs = features.rows().zip(before.rows());
            pairs.map(|(now, then)| 1.0 - cosine(now, then)).collect()
        }
        None => vec![FIRST; features.len()],
    }
}

/// How much each token was seen before: `r_t = max_k max(0, cos(e_t, e_{t-k}))` over the pictures `before`,
/// 0 to 1.
///
/// After NAP's preference for views not visited yet, with a similar view of the same direction in place of
/// a visited node of its graph (reconstruction).
#[must_use]
pub fn revisits(features: Features<'_>, before: &[Features<'_>]) -> Vec<f32> {
    let mut seen = vec![0.0_f32; features.len()];
    for then in before {
        let pairs = features.rows().zip(then.rows());
        for (seen, (now, then)) in seen.iter_mut().zip(pairs) {
            *seen = seen.max(cosine(now, then));
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_the_same_has_not_changed() {
        let (now, then) = ([1.0, 0.0, 0.0, 2.0], [3.0, 0.0, 1.0, 0.0]);
        let now = Features::new(&now, 2).unwrap();
        let then = Features::new(&then, 2).unwrap();
        assert_eq!(dissimilarity(now, Some(then)), [0.0, 1.0]);
        assert_eq!(revisits(now, &[then]), [1.0, 0.0]);
        assert_eq!(revisits(now, &[then, now]), [1.0, 1.0]);
    }

    #[test]
    fn a_first_picture_is_new_everywhere() {
        let now = [1.0, 0.0, f32::NAN, 2.0];
        let now = Features::new(&now, 2).unwrap();
        assert_eq!(dissimilarity(now, None), [2.0, 2.0]);
        assert_eq!(revisits(now, &[]), [0.0, 0.0]);
    }
}
