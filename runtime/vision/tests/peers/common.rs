//! Fixtures: models, the peers' results, pictures by a formula that the peers have too.

use drafthorse_core::Image;
use drafthorse_engine::Backend;
use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig};
use drafthorse_engine_tract::Tract;
use drafthorse_vision::{PictureTokens, Preparation, Settings, Vlm, VlmOptions};
use safetensors::{Dtype, SafeTensors};
use std::path::PathBuf;

pub(crate) const QUESTION: &str = "What is on the road?";
/// Largest difference of features and logits, whose largest values are of the order of ten.
const NEAR: f32 = 1e-4;

pub(crate) fn folder(model: &str) -> PathBuf {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    data.join(model)
}

pub(crate) fn preparation(model: &str) -> Preparation {
    let files = drafthorse_vision::ModelFolder::find(&folder(model), None).unwrap();
    Settings::read(&files).unwrap().preparation
}

/// Every engine that is here.
#[allow(clippy::print_stdout)]
pub(crate) fn backends() -> Vec<Box<dyn Backend>> {
    let mut backends: Vec<Box<dyn Backend>> = vec![Box::new(Tract)];
    let named = std::env::var_os("DRAFTHORSE_ONNXRUNTIME").map(PathBuf::from);
    let must = named.is_some();
    let config = OnnxRuntimeConfig {
        library: named,
        ..OnnxRuntimeConfig::default()
    };
    match OnnxRuntime::open(&config) {
        Ok(backend) => backends.push(Box::new(backend)),
        Err(error) if must => panic!("{error}"),
        Err(error) => println!("ONNX Runtime is left out: {error}"),
    }
    backends
}

/// The model on every engine that is here.
pub(crate) fn models(model: &str) -> Vec<(&'static str, Vlm)> {
    let open = |backend: Box<dyn Backend>| {
        let vlm = Vlm::open(&folder(model), backend.as_ref(), &VlmOptions::default());
        (backend.name(), vlm.unwrap())
    };
    backends().into_iter().map(open).collect()
}

pub(crate) fn picture(width: u32, height: u32) -> Image {
    let value = |x: u32, y: u32, c: u32| (x * (3 + c) + y * (5 - c) + x * y / 16) as u8;
    let rgb =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| value(x, y, c))));
    Image {
        width,
        height,
        rgb: rgb.collect(),
        ..Image::default()
    }
}

/// What the peer's own code gave.
pub(crate) struct Reference(Vec<u8>);

impl Reference {
    pub(crate) fn of(model: &str) -> Self {
        Self(std::fs::read(folder(model).join("reference.safetensors")).unwrap())
    }

    fn bytes<const N: usize>(&self, name: &str, dtype: Dtype) -> Vec<[u8; N]> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), dtype, "{name}");
        tensor.data().as_chunks().0.to_vec()
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name, Dtype::F32);
        bytes.into_iter().map(f32::from_le_bytes).collect()
    }

    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        let bytes = self.bytes(name, Dtype::I64);
        bytes.into_iter().map(i64::from_le_bytes).collect()
    }

    pub(crate) fn indices(&self, name: &str) -> Vec<usize> {
        let integers = self.integers(name).into_iter();
        integers.map(|n| usize::try_from(n).unwrap()).collect()
    }

    pub(crate) fn ids(&self, name: &str) -> Vec<u32> {
        let integers = self.integers(name).into_iter();
        integers.map(|n| u32::try_from(n).unwrap()).collect()
    }

    pub(crate) fn levels(&self, name: &str) -> Vec<u8> {
        let bytes = self.bytes(name, Dtype::U8);
        bytes.into_iter().map(|[byte]| byte).collect()
    }
}

#[track_caller]
pub(crate) fn near(what: &str, ours: &[f32], theirs: &[f32], most: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let pairs = ours.iter().zip(theirs);
    let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off <= most, "{what}: off by {off}");
}

/// Prefill and greedy answer about a picture against the peer's `PREFIXlogits` (every fourth row from the
/// last one on) and `PREFIXsaid`, which has the token that ends.
#[track_caller]
pub(crate) fn says(
    engine: &str,
    vlm: &mut Vlm,
    tokens: &PictureTokens,
    reference: &Reference,
    prefix: &str,
) {
    let prompt = vlm.prompt(&[tokens], Some(QUESTION)).unwrap();
    vlm.begin(&prompt, &[tokens]).unwrap();
    let rows = (0..prompt.ids.len()).rev().step_by(4);
    let logits: Vec<f32> = rows
        .flat_map(|row| vlm.logits(row).unwrap().to_vec())
        .collect();
    let theirs = reference.floats(&format!("{prefix}logits"));
    near(
        &format!("{engine}, logits of {prefix}"),
        &logits,
        &theirs,
        NEAR,
    );
    let answer = vlm.answer(&[tokens], Some(QUESTION)).unwrap();
    let theirs = reference.ids(&format!("{prefix}said"));
    let last = theirs.len() - 1;
    if vlm.settings().end_tokens.contains(&theirs[last]) {
        assert!(answer.ended, "{engine}, {prefix}");
        assert_eq!(answer.ids, theirs[..last], "{engine}, {prefix}");
    } else {
        // The peer stopped at a length, which the model's files name or not.
        assert_eq!(answer.ids[..=last], theirs, "{engine}, {prefix}");
    }
    assert!(answer.log_probabilities.iter().all(|&log| log < 0.0));
}

/// Features of a picture against the peer's.
#[track_caller]
pub(crate) fn sees(engine: &str, tokens: &PictureTokens, reference: &Reference, name: &str) {
    let theirs = reference.floats(&format!("{name}.features"));
    near(
        &format!("{engine}, features of {name}"),
        &tokens.features,
        &theirs,
        NEAR,
    );
}
