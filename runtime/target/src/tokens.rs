//! Coded image tokens to features.

use crate::error::TargetError;
use drafthorse_engine::{Artefact, Backend, EngineError, LoadOptions, Model};
use drafthorse_protocol::{Code, Frame, Scene, TargetShape};
use std::path::Path;

/// The graph of the narrow code: levels u8 [1, N, D] to features f32 [1, N, W].
pub(crate) struct FsqDecoder(Box<dyn Model>);

impl FsqDecoder {
    pub(crate) fn load(
        path: &Path,
        backend: &dyn Backend,
        options: &LoadOptions,
    ) -> Result<Self, TargetError> {
        let bytes = std::fs::read(path).map_err(|error| TargetError::File {
            path: path.to_owned(),
            why: error.to_string(),
        })?;
        let artefact = Artefact {
            name: "fsq_decode.onnx",
            bytes: &bytes,
        };
        Ok(Self(backend.load(artefact, options)?))
    }

    fn features(&mut self, levels: &[u8], dimensions: usize) -> Result<Vec<f32>, TargetError> {
        let shape = [1, levels.len() / dimensions, dimensions];
        let model = &mut self.0;
        model.resize(0, &shape)?;
        let wrong = |port: String, given: &str| EngineError::Shape {
            port,
            given: given.to_owned(),
        };
        let levels = drafthorse_engine::Tensor::new(&shape, levels.to_vec());
        if !model.input_mut(0).copy_from(levels.view()) {
            return Err(wrong(model.inputs()[0].to_string(), "u8[1, N, D]").into());
        }
        model.run()?;
        match model.output(0).data::<f32>() {
            Some(features) => Ok(features.to_vec()),
            None => Err(wrong(model.outputs()[0].to_string(), "f32[1, N, W]").into()),
        }
    }
}

/// Features f32 [n, W] of a frame's kept tokens, row-major.
pub(crate) fn features(
    scene: &Scene,
    frame: &Frame,
    shape: &TargetShape,
    fsq: Option<&mut FsqDecoder>,
) -> Result<Vec<f32>, TargetError> {
    match (scene.code, fsq, shape.fsq()) {
        (Code::Fsq, Some(decoder), Some(code)) => {
            let levels = scene.indices(frame, shape)?;
            Ok(decoder.features(&levels, code.dimensions())?)
        }
        (Code::Fsq, ..) => Err(drafthorse_protocol::ContractError::NoFsq.into()),
        _ => Ok(scene.features(frame, shape)?),
    }
}
