//! Query-gated selection over a recorded drive, after Q-Gate: words are turned into what is asked of three
//! streams (what is there, the scene as a whole, the log's own text), a gate shares them out and weighs the streams,
//! and the moments of the highest sum are chosen. Formulas of the gate and of the adaptive baseline are
//! reconstructions; their authors' code is not public. Nothing here reads a log, a picture or a model: scores
//! come in as slices, one value a moment.

mod adaptive;
mod anchor;
mod caption;
mod choose;
mod fusion;
mod gate;
mod parse;
mod road_user;
mod sense;
mod text_index;
mod things;
mod vocabulary;
mod words;

pub use adaptive::adaptive;
pub use anchor::anchor;
pub use choose::{highest_apart, most_different, uniform};
pub use fusion::{Fused, STREAM_NAMES, STREAMS, fuse, masked_softmax, min_max};
pub use gate::Gating;
pub use parse::{Query, QueryError, Said};
pub use sense::{Distance, Light, Motion, Sense, Side, Signal, Traffic, Weather};
pub use text_index::TextIndex;
pub use things::Things;
