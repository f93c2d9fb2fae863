//! The gate of a query asked of a language model: how much each stream counts and which words it is given, over
//! any endpoint that speaks OpenAI's chat completions. Nothing but the query's words leaves the machine. What
//! does not answer in time, or not exactly in the form that is asked for, is an error: the caller has a gate
//! of its own to fall back on.

mod address;
mod answer;
mod ask;
mod key;

pub use ask::{AskError, Endpoint, EndpointError};
pub use key::{Key, KeyError};
