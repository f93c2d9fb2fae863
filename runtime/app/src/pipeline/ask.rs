//! Asking a network about what a lane has seen, on whatever engine runs it.

use anyhow::Result;
use drafthorse_engine_auto::{Handover, Loaded};
use drafthorse_record::messages::drafthorse::NetworkAnswer;

/// A loaded network with the way into it and out of it.
pub trait Ask: Send {
    /// What it is asked about.
    type Seen: ?Sized;

    /// Asks, and writes into `answer` what was answered and what gave it.
    ///
    /// # Errors
    /// Where no engine could run it, or what it gave means nothing.
    fn ask(&mut self, seen: &Self::Seen, answer: &mut NetworkAnswer) -> Result<()>;

    /// What has failed and what stepped in since the last call.
    fn take_handovers(&mut self) -> Vec<Handover>;
}

/// Writes into an answer what gave it.
pub(super) fn note_engine(model: &Loaded, answer: &mut NetworkAnswer) {
    let trial = model.trial();
    trial.backend.clone_into(&mut answer.engine);
    trial.version.clone_into(&mut answer.engine_version);
    answer.file.clear();
    answer.file.push_str(&trial.file.to_string_lossy());
}
