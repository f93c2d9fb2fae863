//! What a vision-language model says of keyframes: pictures that the log has, tokens, fewer tokens, words.
//!
//! [`Watch`] follows a log, while it is written or later, and makes a [`View`] of each keyframe: its
//! picture, and what the radar knew then. [`Describer`] turns a view into a description. Both look at
//! nothing but the log, so that a description can be made again from it.

mod chooser;
mod describer;
mod drafting;
mod recent;
mod settings;
mod watch;

#[cfg(test)]
pub(crate) use chooser::Chooser;
pub(crate) use chooser::class_names;
pub(crate) use describer::picture_of;
pub use describer::{Described, Describer};
pub use drafting::Drafted;
pub(crate) use drafting::Drafting;
pub(crate) use recent::Recent;
pub use settings::VisionSettings;
pub use watch::{View, Watch};
