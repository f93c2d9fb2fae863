//! Which vision tokens a language model gets to see.
//!
//! An encoder gives a token for each patch of a picture; a budget says how many of them go on. Each
//! method is a [`Prune`]: it adds tokens to those that are kept already, so that methods work side by
//! side ([`Pruning`] holds them with their shares of the budget). Methods that go by importance share
//! the cues of [`Importance`]. Kept tokens stay at their own positions. Nothing here runs a network,
//! and everything is a function of its inputs.

mod attention;
mod camera;
mod change;
mod choose;
mod corridor;
mod diverse;
mod fastv;
mod features;
mod importance;
mod navigation;
mod pruning;
mod pyramid;
mod radar;
mod random;
mod ranked;
mod saliency;
mod tokens;
mod uniform;
mod words;

pub use attention::Attention;
pub use camera::Camera;
pub use change::{dissimilarity, revisits};
pub use choose::Kept;
pub use corridor::Corridor;
pub use diverse::Diverse;
pub use fastv::FastV;
pub use features::Features;
pub use importance::Importance;
pub use navigation::Navigation;
pub use pruning::{Method, Part, Pruning};
pub use pyramid::{Pyramid, budgets};
pub use radar::{RadarPrior, Return};
pub use random::Random;
pub use ranked::Ranked;
pub use saliency::{by_norm, by_similarity};
pub use tokens::{PruneError, Tokens};
pub use uniform::Uniform;
pub use words::is_content;

/// A way to choose tokens.
pub trait Prune {
    /// Adds exactly `count` tokens to `kept`, or all that are left where there are fewer.
    ///
    /// The same inputs give the same tokens. Values that are not finite count as the least.
    ///
    /// # Errors
    /// [`PruneError::Missing`] where the method needs what `tokens` does not have.
    fn add(&self, tokens: &Tokens<'_>, count: usize, kept: &mut Kept) -> Result<(), PruneError>;
}

/// Places of a picture that is one tile.
#[cfg(test)]
fn grid(rows: usize, columns: usize) -> Vec<crate::Place> {
    let layout = crate::Layout::single(rows, columns, crate::Window::WHOLE);
    layout.places().collect()
}
