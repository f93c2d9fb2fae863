//! Every artefact against its float model on held-out samples.

use crate::error::QuantiseError;
use crate::observe::{load, run};
use drafthorse_engine::{Agreement, Backend, Tensor, Tolerance};
use serde::Serialize;

/// How far an artefact is from its float model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Samples that were compared.
    pub samples: usize,
    /// What was asked for.
    pub tolerance: Tolerance,
    /// Each output, in the file's order.
    pub outputs: Vec<OutputReport>,
    /// The worst of all outputs and samples.
    pub worst: Agreement,
    /// Whether the worst is within the tolerance. An artefact for which it is not must not be used.
    pub passed: bool,
}

/// How far one output is off.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputReport {
    /// Its name.
    pub output: String,
    /// The worst of all samples.
    pub worst: Agreement,
    /// Cosine between all samples' answers, taken as one vector each.
    pub cosine: f64,
}

/// Runs both files on every sample, and compares all outputs.
///
/// # Errors
/// [`QuantiseError`]: no samples, samples that do not fit, files with different outputs, and what the
/// engine says.
pub fn gate(
    reference: &[u8],
    artefact: &[u8],
    backend: &dyn Backend,
    samples: &[Vec<Tensor>],
    tolerance: Tolerance,
) -> Result<Report, QuantiseError> {
    let expected = answers(reference, backend, samples)?;
    compare(&expected, artefact, backend, samples, tolerance)
}

/// All outputs of all samples.
pub(crate) fn answers(
    reference: &[u8],
    backend: &dyn Backend,
    samples: &[Vec<Tensor>],
) -> Result<Vec<Vec<Tensor>>, QuantiseError> {
    let mut engine = load("the float model", reference, backend)?;
    let mut all = Vec::with_capacity(samples.len());
    for (number, sample) in samples.iter().enumerate() {
        run(engine.as_mut(), number, sample)?;
        let outputs = 0..engine.outputs().len();
        all.push(outputs.map(|i| engine.output(i).to_tensor()).collect());
    }
    Ok(all)
}

/// As [`gate`], with the reference's answers at hand.
pub(crate) fn compare(
    expected: &[Vec<Tensor>],
    artefact: &[u8],
    backend: &dyn Backend,
    samples: &[Vec<Tensor>],
    tolerance: Tolerance,
) -> Result<Report, QuantiseError> {
    let mut engine = load("the quantised model", artefact, backend)?;
    let needed = expected.first().ok_or(QuantiseError::NoSamples)?.len();
    let found = engine.outputs().len();
    if found != needed {
        return Err(QuantiseError::Outputs { found, needed });
    }
    let exact = Agreement {
        max_error: 0.0,
        cosine: 1.0,
    };
    let mut worst = vec![exact; found];
    let mut whole = vec![Whole::default(); found];
    for (number, (sample, expected)) in samples.iter().zip(expected).enumerate() {
        run(engine.as_mut(), number, sample)?;
        for (index, expected) in expected.iter().enumerate() {
            let answer = engine.output(index).to_tensor();
            worst[index] = worst[index].worse(Agreement::between(&answer, expected));
            whole[index].add(&answer, expected);
        }
    }
    let ports = engine.outputs().iter().zip(&worst).zip(&whole);
    let outputs = ports.map(|((port, worst), whole)| OutputReport {
        output: port.name.clone(),
        worst: *worst,
        cosine: whole.cosine().unwrap_or(worst.cosine),
    });
    let all = worst.iter().copied().fold(exact, Agreement::worse);
    Ok(Report {
        samples: samples.len(),
        tolerance,
        outputs: outputs.collect(),
        worst: all,
        passed: all.is_within(&tolerance),
    })
}

/// Sums of a cosine over several tensors.
#[derive(Clone, Copy, Default)]
struct Whole {
    dot: f64,
    answer: f64,
    expected: f64,
}

impl Whole {
    fn add(&mut self, answer: &Tensor, expected: &Tensor) {
        let (Some(a), Some(b)) = (answer.data::<f32>(), expected.data::<f32>()) else {
            return;
        };
        for (&a, &b) in a.iter().zip(b) {
            let (a, b) = (f64::from(a), f64::from(b));
            self.dot += a * b;
            self.answer += a * a;
            self.expected += b * b;
        }
    }

    /// None where a side is all zeros or there was nothing to add.
    fn cosine(&self) -> Option<f64> {
        let norm = (self.answer * self.expected).sqrt();
        (norm > 0.0).then(|| self.dot / norm)
    }
}
