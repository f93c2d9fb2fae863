//! How much of a picture's meaning is in each token, without a question.
//!
//! Pyramid token pruning takes the attention of an encoder's class token. Encoders without one have these.

use super::Features;
use super::features::dot;

/// The length of each token's features.
#[must_use]
pub fn by_norm(features: Features<'_>) -> Vec<f32> {
    features.rows().map(|row| dot(row, row).sqrt()).collect()
}

/// The most that each patch is like any of `to`: `b_j = max_i p_j . t_i`, for unit vectors; `None` where their
/// widths differ.
///
/// With `to` the names of classes it says where something of any class is; with the picture's own vector
/// it says which patches speak for the whole, as a class token's attention does.
#[must_use]
pub fn by_similarity(patches: Features<'_>, to: Features<'_>) -> Option<Vec<f32>> {
    let most = |patch| {
        to.rows()
            .map(|t| dot(patch, t))
            .fold(f32::NEG_INFINITY, f32::max)
    };
    (patches.width() == to.width()).then(|| patches.rows().map(most).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_fits_best_counts() {
        let (patches, names) = ([1.0, 0.0, 0.6, 0.8, -1.0, 0.0], [0.0, 1.0, 1.0, 0.0]);
        let (patches, names) = (
            Features::new(&patches, 2).unwrap(),
            Features::new(&names, 2).unwrap(),
        );
        assert_eq!(by_similarity(patches, names).unwrap(), [1.0, 0.8, 0.0]);
        assert!(by_similarity(patches, Features::new(&[1.0; 3], 3).unwrap()).is_none());
        assert_eq!(by_norm(Features::new(&[3.0, 4.0], 2).unwrap()), [5.0]);
    }
}
