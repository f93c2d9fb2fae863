//! What is known of a picture's tokens when some of them are to be dropped.

use super::{Attention, Features};
use crate::Place;

/// N tokens of one picture. What is `None` is not known; each list has a value for every token.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// Where they lie.
    pub places: &'a [Place],
    /// Their features as the language model gets them, [N, D].
    pub features: Features<'a>,
    /// Attention of the text's tokens to them in the second decoder layer.
    pub attention: Option<Attention<'a>>,
    /// Cosine between each patch and the question, where a model matches the two.
    pub question: Option<&'a [f32]>,
    /// How much of the picture's meaning is in each, as the encoder sees it, see [`super::by_similarity`].
    pub saliency: Option<&'a [f32]>,
    /// Which of them the vehicle's way leads through, see [`super::Corridor`].
    pub way: Option<&'a [bool]>,
    /// What radar has in each, 0 to 1, see [`super::RadarPrior`].
    pub radar: Option<&'a [f32]>,
    /// How often something is where they are, 0 to 1, whatever the picture: shares over many pictures of this camera.
    pub expected: Option<&'a [f32]>,
    /// All features of the same camera's pictures before this one, newest first, each [N, D].
    pub before: &'a [Features<'a>],
    /// What random choices follow from, together with a method's own seed: the picture's number.
    pub seed: u64,
}

impl<'a> Tokens<'a> {
    /// Tokens of which nothing but places and features is known.
    #[must_use]
    pub fn new(places: &'a [Place], features: Features<'a>) -> Self {
        Self {
            places,
            features,
            attention: None,
            question: None,
            saliency: None,
            way: None,
            radar: None,
            expected: None,
            before: &[],
            seed: 0,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether every list has a value for each token.
    pub(super) fn check(&self) -> Result<(), PruneError> {
        let tokens = self.len();
        let length = |what, is: Option<usize>| match is {
            Some(is) if is != tokens => Err(PruneError::Length { what, is, tokens }),
            _ => Ok(()),
        };
        length("features", Some(self.features.len()))?;
        length("attention", self.attention.map(|a| a.tokens()))?;
        length("question", self.question.map(<[f32]>::len))?;
        length("saliency", self.saliency.map(<[f32]>::len))?;
        length("way", self.way.map(<[bool]>::len))?;
        length("radar", self.radar.map(<[f32]>::len))?;
        length("expected", self.expected.map(<[f32]>::len))?;
        for before in self.before {
            length("before", Some(before.len()))?;
            if before.width() != self.features.width() {
                return Err(PruneError::Width {
                    is: before.width(),
                    width: self.features.width(),
                });
            }
        }
        Ok(())
    }
}

/// Why tokens could not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PruneError {
    /// A list is of another length than the tokens are.
    #[error("{what} has {is} values for {tokens} tokens")]
    Length {
        /// The list.
        what: &'static str,
        /// Its length.
        is: usize,
        /// How many tokens there are.
        tokens: usize,
    },
    /// Features of an earlier picture are of another width.
    #[error("features of an earlier picture are {is} wide, this one's {width}")]
    Width {
        /// Their width.
        is: usize,
        /// This picture's.
        width: usize,
    },
    /// A setting cannot be.
    #[error(
        "{name} = {value} is no setting for pruning; weights are 0 or more, shares above 0, regions 1 or more"
    )]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it was.
        value: f32,
    },
    /// A method was asked for that needs what is not known.
    #[error("{method} pruning needs {what}; choose a method that does without")]
    Missing {
        /// The method.
        method: &'static str,
        /// What it needs.
        what: &'static str,
    },
}
