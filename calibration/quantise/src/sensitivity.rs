//! What each layer costs, and which layers to leave float until the loss is small enough.

use crate::error::QuantiseError;
use crate::gate::{Report, answers, compare};
use crate::observe::observe;
use crate::qdq::{Options, lower, plan, rewrite};
use crate::ranges::{Method, Ranges};
use drafthorse_engine::{Agreement, Backend, Tensor, Tolerance};
use drafthorse_onnx::proto::Model;
use serde::Serialize;
use std::collections::BTreeSet;

/// What quantising one layer alone costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerLoss {
    /// The node.
    pub layer: String,
    /// 1 less the worst cosine of all outputs and samples.
    pub cosine_loss: f64,
    /// Largest error of an element of any output, in the outputs' units.
    pub max_error: f64,
}

/// Which layers stay float, and what is reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mixed {
    /// Layers that stay float, in the order in which they were given up.
    pub float: Vec<String>,
    /// What every step reached, from nothing given up on; one more than `float`.
    pub steps: Vec<Agreement>,
    /// The last step against the tolerance. It passes unless every layer had to be given up.
    pub report: Report,
}

/// Samples with what the float model answers, and the ranges that were observed.
pub struct Study<'a> {
    model: Model,
    backend: &'a dyn Backend,
    samples: &'a [Vec<Tensor>],
    expected: Vec<Vec<Tensor>>,
    ranges: Ranges,
    options: Options,
}

impl<'a> Study<'a> {
    /// Observes a float model on samples and keeps its answers.
    ///
    /// # Errors
    /// [`QuantiseError`].
    pub fn new(
        model: &Model,
        backend: &'a dyn Backend,
        samples: &'a [Vec<Tensor>],
        method: Method,
        options: &Options,
    ) -> Result<Self, QuantiseError> {
        let model = lower(model, options.convention)?;
        let plan = plan(&model, options)?;
        let grid = options.convention.grid();
        let ranges = observe(&model, plan.values(), backend, samples, method, grid)?;
        let expected = answers(&drafthorse_onnx::encode(&model), backend, samples)?;
        Ok(Self {
            model,
            backend,
            samples,
            expected,
            ranges,
            options: options.clone(),
        })
    }

    /// The layers that are quantised without further exclusions.
    ///
    /// # Errors
    /// [`QuantiseError`].
    pub fn layers(&self) -> Result<Vec<String>, QuantiseError> {
        Ok(plan(&self.model, &self.options)?.layers().to_vec())
    }

    /// The artefact under other options of the same convention.
    ///
    /// # Errors
    /// [`QuantiseError`]; [`QuantiseError::NoRange`] where the options quantise more than was
    /// observed.
    pub fn artefact(&self, options: &Options) -> Result<Model, QuantiseError> {
        rewrite(&self.model, &plan(&self.model, options)?, &self.ranges)
    }

    /// How far such an artefact is from the float model.
    ///
    /// # Errors
    /// [`QuantiseError`].
    pub fn report(&self, options: &Options, tolerance: Tolerance) -> Result<Report, QuantiseError> {
        let bytes = drafthorse_onnx::encode(&self.artefact(options)?);
        compare(
            &self.expected,
            &bytes,
            self.backend,
            self.samples,
            tolerance,
        )
    }

    /// What each layer costs when it alone is quantised, in the order of the graph.
    ///
    /// # Errors
    /// [`QuantiseError`].
    pub fn losses(&self) -> Result<Vec<LayerLoss>, QuantiseError> {
        let each = self.layers()?.into_iter().map(|layer| {
            let options = Options {
                only: Some(BTreeSet::from([layer.clone()])),
                ..self.options.clone()
            };
            let worst = self.report(&options, ANY)?.worst;
            Ok(LayerLoss {
                layer,
                cosine_loss: 1.0 - worst.cosine,
                max_error: worst.max_error,
            })
        });
        each.collect()
    }

    /// Leaves the worst layers float, one after the other, until the samples are within the
    /// tolerance. A layer that was given up stays given up. Greedy: not the fewest layers that
    /// could do.
    ///
    /// # Errors
    /// [`QuantiseError`].
    pub fn mixed(
        &self,
        losses: &[LayerLoss],
        tolerance: Tolerance,
    ) -> Result<Mixed, QuantiseError> {
        let mut order: Vec<&LayerLoss> = losses.iter().collect();
        order.sort_by(|a, b| {
            let by_cosine = b.cosine_loss.total_cmp(&a.cosine_loss);
            by_cosine.then(b.max_error.total_cmp(&a.max_error))
        });
        let mut order = order.into_iter();
        let mut options = self.options.clone();
        let mut report = self.report(&options, tolerance)?;
        let (mut float, mut steps) = (Vec::new(), vec![report.worst]);
        while !report.passed
            && let Some(worst) = order.next()
        {
            options.exclude.insert(worst.layer.clone());
            float.push(worst.layer.clone());
            report = self.report(&options, tolerance)?;
            steps.push(report.worst);
        }
        Ok(Mixed {
            float,
            steps,
            report,
        })
    }
}

/// Everything passes.
const ANY: Tolerance = Tolerance {
    max_error: f64::INFINITY,
    min_cosine: -1.0,
};
