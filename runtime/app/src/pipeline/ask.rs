//! Asking a network about what a lane has seen, on whatever engine runs it.

use anyhow::Result;
use drafthorse_engine::{Agreement, DType, Tensor};
use drafthorse_engine_auto::{Handover, Loaded};
use drafthorse_record::messages::drafthorse::{NetworkAnswer, NetworkTensor};

/// A loaded network with the way into it and out of it.
pub trait Ask: Send {
    /// What it is asked about.
    type Seen: ?Sized;

    /// Asks, and writes into `answer` what was answered and what gave it.
    ///
    /// # Errors
    /// Where no engine could run it, or what it gave means nothing.
    fn ask(&mut self, seen: &Self::Seen, answer: &mut NetworkAnswer) -> Result<()>;

    /// How far two answers to the same question are apart.
    fn agreement(&self, fresh: &NetworkAnswer, recorded: &NetworkAnswer) -> Agreement {
        of_tensors(fresh, recorded)
    }

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

/// Of answers that cannot be compared.
const NOTHING_ALIKE: Agreement = Agreement {
    max_error: f64::INFINITY,
    cosine: 0.0,
};

/// Between two answers: the worst of their outputs.
fn of_tensors(fresh: &NetworkAnswer, recorded: &NetworkAnswer) -> Agreement {
    if fresh.outputs.len() != recorded.outputs.len() {
        return NOTHING_ALIKE;
    }
    let pairs = fresh.outputs.iter().zip(&recorded.outputs);
    let each = pairs.map(|(fresh, recorded)| {
        let both = tensor(fresh).zip(tensor(recorded));
        both.map_or(NOTHING_ALIKE, |(fresh, recorded)| {
            Agreement::between(&fresh, &recorded)
        })
    });
    each.reduce(Agreement::worse).unwrap_or(NOTHING_ALIKE)
}

fn tensor(logged: &NetworkTensor) -> Option<Tensor> {
    let axes = logged.shape.iter().map(|&axis| usize::try_from(axis).ok());
    let shape: Vec<usize> = axes.collect::<Option<_>>()?;
    Tensor::from_le(DType::from_name(&logged.dtype)?, &shape, &logged.data)
}
