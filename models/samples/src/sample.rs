//! A network with all that is needed to run it.

use crate::bev::BevCnn;
use crate::decoder::Decoder;
use crate::vit::Vit;
use drafthorse_engine::{DType, LoadOptions, StatePair, Tensor};
use drafthorse_onnx::proto::Model;

/// How large a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Size {
    /// Up to about a hundred thousand weights: for tests.
    Tiny,
    /// Millions of weights, as networks on a vehicle have: for benches.
    Bench,
}

/// Which network it is, for its inputs.
#[derive(Clone, Debug)]
pub(crate) enum Network {
    BevCnn(BevCnn),
    Vit(Vit),
    Decoder(Decoder),
}

/// A network with seeded weights, and inputs for it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Name: `bev_cnn`, `vit`, `decoder`.
    pub name: &'static str,
    /// The network.
    pub model: Model,
    /// Values that stay in the backend between runs; none but the decoder's.
    pub state: Vec<StatePair>,
    pub(crate) network: Network,
}

impl Sample {
    /// The ONNX file: the same bytes each time and everywhere.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        drafthorse_onnx::encode(&self.model)
    }

    /// How it is loaded, on that many threads.
    #[must_use]
    pub fn options(&self, threads: usize) -> LoadOptions {
        LoadOptions {
            threads,
            state: self.state.clone(),
        }
    }

    /// What has to be filled before a run, in the file's order without the state. Another index is
    /// another drive's data, of the same shapes.
    #[must_use]
    pub fn inputs(&self, index: u64) -> Vec<Tensor> {
        vec![match &self.network {
            Network::BevCnn(network) => network.input(index),
            Network::Vit(network) => network.input(index),
            Network::Decoder(network) => network.ids(index, network.prompt),
        }]
    }

    /// The state before the first run, for engines that keep none: in the file these inputs follow
    /// those of [`Sample::inputs`], in this order.
    #[must_use]
    pub fn initial_state(&self) -> Vec<Tensor> {
        let empty = |pair: &StatePair| Tensor::zeros(DType::F32, &pair.initial);
        self.state.iter().map(empty).collect()
    }
}
