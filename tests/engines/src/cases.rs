//! What a case is.

use drafthorse_engine::{Agreement, Artefact, Backend, EngineError, LoadOptions, Tensor, run_once};
use drafthorse_onnx::{encode, proto};

/// A graph with inputs and what must come out.
pub struct Case {
    /// Name, unique.
    pub name: &'static str,
    /// The graph.
    pub model: proto::Model,
    /// One after the other on one loaded model.
    pub runs: Vec<Run>,
    /// Largest difference of an element that is no error.
    pub max_error: f64,
}

/// One run of a case.
pub struct Run {
    /// What is given.
    pub inputs: Vec<Tensor>,
    /// What must come out.
    pub check: Check,
}

/// What must come out of a run.
pub enum Check {
    /// These, computed beside the engines in double precision or written by hand.
    Equals(Vec<Tensor>),
    /// The same on all engines.
    Agrees,
}

impl Case {
    /// A case of one run.
    pub(crate) fn one(
        name: &'static str,
        model: proto::Model,
        inputs: Vec<Tensor>,
        expected: Vec<Tensor>,
    ) -> Self {
        Self {
            name,
            model,
            runs: vec![Run {
                inputs,
                check: Check::Equals(expected),
            }],
            max_error: 1e-5,
        }
    }

    /// All answers of a backend.
    ///
    /// # Errors
    /// Of loading or running.
    pub fn answers(&self, backend: &dyn Backend) -> Result<Vec<Vec<Tensor>>, EngineError> {
        let bytes = encode(&self.model);
        let artefact = Artefact {
            name: self.name,
            bytes: &bytes,
        };
        let mut model = backend.load(artefact, &LoadOptions::default())?;
        let runs = self.runs.iter();
        runs.map(|run| run_once(model.as_mut(), &run.inputs))
            .collect()
    }

    /// Whether every answer has something to be compared with, where no other backend has answered.
    #[must_use]
    pub fn stands_alone(&self) -> bool {
        let mut checks = self.runs.iter().map(|run| &run.check);
        checks.all(|check| matches!(check, Check::Equals(_)))
    }

    /// What is wrong with a backend's answers, where `others` are those of another backend.
    ///
    /// # Errors
    /// In words.
    pub fn judge(
        &self,
        answers: &[Vec<Tensor>],
        others: Option<&[Vec<Tensor>]>,
    ) -> Result<(), String> {
        for (number, (run, answer)) in self.runs.iter().zip(answers).enumerate() {
            let expected = match (&run.check, others) {
                (Check::Equals(expected), _) => expected,
                (Check::Agrees, Some(others)) => &others[number],
                (Check::Agrees, None) => continue,
            };
            if answer.len() != expected.len() {
                return Err(format!("{} outputs came of run {number}", answer.len()));
            }
            for (index, (answer, expected)) in answer.iter().zip(expected).enumerate() {
                let agreement = Agreement::between(answer, expected);
                if agreement.max_error.is_nan() || agreement.max_error > self.max_error {
                    return Err(format!(
                        "output {index} of run {number} is {:?}, off by {:.3e} from {:?}",
                        brief(answer),
                        agreement.max_error,
                        brief(expected)
                    ));
                }
            }
        }
        Ok(())
    }
}

/// A tensor's shape and beginning, for messages.
fn brief(tensor: &Tensor) -> String {
    let data = format!("{:?}", tensor.view());
    let end = data
        .char_indices()
        .nth(160)
        .map_or(data.len(), |(at, _)| at);
    format!("{}{:?} {}", tensor.dtype(), tensor.shape(), &data[..end])
}
