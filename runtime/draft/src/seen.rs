//! What of a picture drafter and target see.

use crate::error::DraftError;
use drafthorse_vision::PictureTokens;

/// The image tokens of a picture that were not pruned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen<'a> {
    /// A row of values a token.
    features: &'a [f32],
    /// Which of the whole picture's tokens they are, ascending: their positions.
    places: &'a [usize],
    /// Tokens of the whole picture; the text begins at this position.
    whole: usize,
}

impl<'a> Seen<'a> {
    /// Of rows of equal width.
    ///
    /// # Errors
    /// [`DraftError::Seen`] where there are none, places do not ascend within the picture, or rows and places
    /// differ in number.
    pub fn new(features: &'a [f32], places: &'a [usize], whole: usize) -> Result<Self, DraftError> {
        let ascends = places.is_sorted_by(|a, b| a < b);
        let within = places.last().is_some_and(|&last| last < whole);
        if !ascends
            || !within
            || !features.len().is_multiple_of(places.len())
            || features.is_empty()
        {
            return Err(DraftError::Seen(format!(
                "{} values stand for {} of {whole} tokens, whose places have to ascend below {whole}; at least one has to stay",
                features.len(),
                places.len()
            )));
        }
        Ok(Self {
            features,
            places,
            whole,
        })
    }

    /// Of a picture that was encoded here.
    ///
    /// # Errors
    /// [`DraftError::Seen`] where no token is there.
    pub fn of(picture: &'a PictureTokens) -> Result<Self, DraftError> {
        Self::new(&picture.features, &picture.kept, picture.layout.tokens())
    }

    /// A row of values a token.
    #[must_use]
    pub fn features(&self) -> &'a [f32] {
        self.features
    }

    /// Positions of the tokens.
    #[must_use]
    pub fn places(&self) -> &'a [usize] {
        self.places
    }

    /// Tokens of the whole picture: where the text begins.
    #[must_use]
    pub fn whole(&self) -> usize {
        self.whole
    }

    /// Values a token.
    #[must_use]
    pub fn width(&self) -> usize {
        self.features.len() / self.places.len()
    }

    /// Refuses tokens of another width than a graph takes.
    pub(crate) fn require(&self, width: usize) -> Result<(), DraftError> {
        match self.width() == width {
            true => Ok(()),
            false => Err(DraftError::Seen(format!(
                "they have {} values each, and the model takes {width}",
                self.width()
            ))),
        }
    }
}
