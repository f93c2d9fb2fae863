//! `model.toml`: what a model's folder holds and what must come out of it.

use crate::backend::{Artefact, Backend, LoadOptions, StatePair};
use crate::error::EngineError;
use crate::model::{Model, run_once};
use crate::port::{Port, Ports};
use crate::tensor::{DType, Tensor, View};
use drafthorse_onnx::proto;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// A model: its files for each target, what they take and give, and the vectors that prove them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name, that of its folder.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// SPDX expression.
    pub licence: String,
    /// Where it comes from: paper, project, or the command that made it.
    pub origin: String,
    /// What it looks at.
    #[serde(default, skip_serializing_if = "Takes::is_picture")]
    pub takes: Takes,
    /// Its files.
    pub files: Vec<ModelFile>,
    /// Files beside the network that its inputs are made with or its outputs read with.
    #[serde(default)]
    pub assets: Vec<Asset>,
    /// Meaning of the inputs, by name.
    #[serde(default)]
    pub inputs: BTreeMap<String, Meaning>,
    /// Meaning of the outputs, by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, Meaning>,
    /// Values that stay in the backend between runs.
    #[serde(default)]
    pub state: Vec<StatePair>,
    /// Vectors that every backend must reproduce.
    #[serde(default)]
    pub references: Vec<Reference>,
    /// How far an answer may be from a reference's, by precision.
    #[serde(default)]
    pub tolerance: BTreeMap<Precision, Tolerance>,
}

/// What a model looks at in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Takes {
    /// A camera's picture.
    #[default]
    Picture,
    /// A radar's scan, through an encoder among the model's assets.
    RadarScan,
}

impl Takes {
    fn is_picture(&self) -> bool {
        *self == Self::Picture
    }
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Path in the model's folder.
    pub path: PathBuf,
    /// Precision of its weights and activations.
    pub precision: Precision,
    /// Backends that it is meant for; empty for all.
    #[serde(default)]
    pub backends: Vec<String>,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Where it can be fetched from.
    #[serde(default)]
    pub url: Option<String>,
}

/// A file beside the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Path in the model's folder.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Where it can be fetched from.
    #[serde(default)]
    pub url: Option<String>,
}

/// Precision of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 8-bit weights and activations, unsigned activations: for x86 processors.
    Int8U8s8,
    /// 8-bit weights and activations, both signed and symmetric: for TensorRT.
    Int8S8s8,
    /// 4-bit weights in blocks.
    W4,
}

/// What an input or output means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// Order of the axes, for example `NCHW`.
    #[serde(default)]
    pub layout: Option<String>,
    /// In words, with units.
    #[serde(default)]
    pub meaning: Option<String>,
    /// Coordinate frame.
    #[serde(default)]
    pub frame: Option<String>,
    /// Subtracted from each channel; of a picture's values from 0 to 1.
    #[serde(default)]
    pub mean: Vec<f32>,
    /// Divides each channel then.
    #[serde(default)]
    pub std: Vec<f32>,
}

impl Meaning {
    /// Refuses a normalisation that gives no numbers, or one of some channels only.
    fn check(&self) -> Result<(), String> {
        let (mean, std) = (&self.mean, &self.std);
        if mean.len() != std.len() {
            return Err(format!(
                "has {} numbers in mean and {} in std: give one of each for each channel",
                mean.len(),
                std.len()
            ));
        }
        if !mean.iter().all(|mean| mean.is_finite()) || !std.iter().all(|std| *std > 0.0) {
            return Err("has a mean that is no number, or a std that is not above 0".to_owned());
        }
        Ok(())
    }
}

/// A folder with `input_0.pb`, `input_1.pb` and so on, and `output_0.pb` and so on: ONNX tensors, as
/// ONNX's own test data sets are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Folder in the model's folder.
    pub folder: PathBuf,
}

/// How far an answer may be off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// Largest difference of an element.
    pub max_error: f64,
    /// Smallest cosine between the answer and the reference's.
    pub min_cosine: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self {
            max_error: 1e-4,
            min_cosine: 0.999_999,
        }
    }
}

/// How far an answer was off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Largest difference of an element; infinite where shapes or types differ or a NaN is met.
    pub max_error: f64,
    /// Cosine between both.
    pub cosine: f64,
}

impl Agreement {
    /// Between an answer and what it should be.
    #[must_use]
    pub fn between(answer: &Tensor, reference: &Tensor) -> Self {
        let nothing = Self {
            max_error: f64::INFINITY,
            cosine: 0.0,
        };
        if answer.shape() != reference.shape() || answer.dtype() != reference.dtype() {
            return nothing;
        }
        let (Some(a), Some(b)) = (answer.data::<f32>(), reference.data::<f32>()) else {
            let same = answer == reference;
            return if same { Self::exact() } else { nothing };
        };
        let (mut worst, mut dot, mut aa, mut bb) = (0.0f64, 0.0f64, 0.0f64, 0.0f64);
        for (&a, &b) in a.iter().zip(b) {
            let (a, b) = (f64::from(a), f64::from(b));
            if !a.is_finite() || !b.is_finite() {
                // Equal infinities agree; anything else that is not finite does not.
                if a != b {
                    return nothing;
                }
                continue;
            }
            worst = worst.max((a - b).abs());
            dot += a * b;
            aa += a * a;
            bb += b * b;
        }
        let norm = (aa * bb).sqrt();
        let cosine = if worst == 0.0 {
            1.0
        } else if norm > 0.0 {
            dot / norm
        } else {
            0.0
        };
        Self {
            max_error: worst,
            cosine,
        }
    }

    fn exact() -> Self {
        Self {
            max_error: 0.0,
            cosine: 1.0,
        }
    }

    /// The worse of both.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        Self {
            max_error: self.max_error.max(other.max_error),
            cosine: self.cosine.min(other.cosine),
        }
    }

    /// Whether it is good enough.
    #[must_use]
    pub fn is_within(&self, tolerance: &Tolerance) -> bool {
        self.max_error <= tolerance.max_error && self.cosine >= tolerance.min_cosine
    }
}

impl Manifest {
    /// Reads the `model.toml` of a folder.
    ///
    /// # Errors
    /// [`EngineError::Read`] and [`EngineError::Manifest`].
    pub fn read(folder: &Path) -> Result<Self, EngineError> {
        let path = folder.join("model.toml");
        let text = String::from_utf8_lossy(&read(&path)?).into_owned();
        let invalid = |why: String| EngineError::Manifest {
            path: path.clone(),
            why,
        };
        let manifest: Self = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        let files = manifest.all_files();
        for file in &files {
            let hex = file.sha256.len() == 64 && file.sha256.bytes().all(|b| b.is_ascii_hexdigit());
            if !hex {
                return Err(invalid(format!(
                    "the sha256 of {} is not 64 hexadecimal digits",
                    file.path.display()
                )));
            }
        }
        for (name, meaning) in manifest.inputs.iter().chain(&manifest.outputs) {
            meaning
                .check()
                .map_err(|why| invalid(format!("`{name}` {why}")))?;
        }
        // A manifest may be fetched: it names nothing outside its folder, nor itself.
        let files = files.iter().map(|file| &file.path);
        let folders = manifest
            .references
            .iter()
            .map(|reference| &reference.folder);
        for inside in files.chain(folders) {
            let mut parts = inside.components();
            let is_inside = parts.all(|part| matches!(part, Component::Normal(_)));
            if !is_inside || inside.as_os_str().is_empty() || inside == Path::new("model.toml") {
                return Err(invalid(format!(
                    "{} is no place inside the model's folder",
                    inside.display()
                )));
            }
        }
        Ok(manifest)
    }

    /// Writes the `model.toml` of a folder.
    ///
    /// # Errors
    /// [`EngineError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), EngineError> {
        let path = folder.join("model.toml");
        let text = toml::to_string(self).map_err(|error| EngineError::Manifest {
            path: path.clone(),
            why: error.to_string(),
        })?;
        write(&path, text.as_bytes())
    }

    /// The bytes of the asset of that path, checked; none where the model has none.
    ///
    /// # Errors
    /// [`EngineError::Read`] and [`EngineError::Hash`].
    pub fn asset(&self, folder: &Path, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let found = self
            .assets
            .iter()
            .find(|asset| asset.path == Path::new(path));
        found.map(|asset| asset.bytes(folder)).transpose()
    }

    /// Refuses meanings of inputs and outputs that a file does not have.
    ///
    /// # Errors
    /// [`EngineError::Port`].
    pub fn check_names(&self, file: &str, ports: &Ports) -> Result<(), EngineError> {
        let is_of = |ports: &[Port], name: &String| ports.iter().any(|port| port.name == *name);
        let inputs = self
            .inputs
            .keys()
            .filter(|name| !is_of(&ports.inputs, name));
        let outputs = self.outputs.keys();
        let outputs = outputs.filter(|name| !is_of(&ports.outputs, name));
        let state = |name: &&String| {
            let mut pairs = self.state.iter();
            !pairs.any(|pair| pair.input == **name || pair.output == **name)
        };
        match inputs.chain(outputs).find(state) {
            None => Ok(()),
            Some(name) => Err(EngineError::Port {
                model: file.to_owned(),
                port: name.clone(),
                what: "stands in model.toml, and the file has no input or output of that name"
                    .to_owned(),
            }),
        }
    }

    /// Networks and assets alike: all that has to be there.
    #[must_use]
    pub fn all_files(&self) -> Vec<Asset> {
        let networks = self.files.iter().map(|file| Asset {
            path: file.path.clone(),
            sha256: file.sha256.clone(),
            url: file.url.clone(),
        });
        networks.chain(self.assets.iter().cloned()).collect()
    }

    /// How a backend is asked to load the model.
    #[must_use]
    pub fn options(&self, threads: usize) -> LoadOptions {
        LoadOptions {
            threads,
            state: self.state.clone(),
        }
    }

    /// How far an answer in that precision may be off.
    #[must_use]
    pub fn tolerance(&self, precision: Precision) -> Tolerance {
        self.tolerance.get(&precision).copied().unwrap_or_default()
    }
}

impl Asset {
    /// One of those bytes.
    #[must_use]
    pub fn of(path: &str, bytes: &[u8]) -> Self {
        Self {
            path: PathBuf::from(path),
            sha256: hex(&Sha256::digest(bytes)),
            url: None,
        }
    }

    /// Reads the file and checks its hash.
    ///
    /// # Errors
    /// [`EngineError::Read`] and [`EngineError::Hash`].
    pub fn bytes(&self, folder: &Path) -> Result<Vec<u8>, EngineError> {
        checked(folder.join(&self.path), &self.sha256)
    }
}

/// Reads a file and checks its hash.
fn checked(path: PathBuf, sha256: &str) -> Result<Vec<u8>, EngineError> {
    let bytes = read(&path)?;
    let found = hex(&Sha256::digest(&bytes));
    match found.eq_ignore_ascii_case(sha256) {
        true => Ok(bytes),
        false => Err(EngineError::Hash {
            path,
            declared: sha256.to_owned(),
            found,
        }),
    }
}

impl ModelFile {
    /// A file of those bytes, for all backends.
    #[must_use]
    pub fn of(path: &str, precision: Precision, bytes: &[u8]) -> Self {
        Self {
            path: PathBuf::from(path),
            precision,
            backends: Vec::new(),
            sha256: hex(&Sha256::digest(bytes)),
            url: None,
        }
    }

    /// Whether it is meant for a backend.
    #[must_use]
    pub fn is_for(&self, backend: &str) -> bool {
        self.backends.is_empty() || self.backends.iter().any(|name| name == backend)
    }

    /// Reads the file and checks its hash.
    ///
    /// # Errors
    /// [`EngineError::Read`] and [`EngineError::Hash`].
    pub fn bytes(&self, folder: &Path) -> Result<Vec<u8>, EngineError> {
        checked(folder.join(&self.path), &self.sha256)
    }

    /// Reads, checks and loads the file.
    ///
    /// # Errors
    /// As [`Self::bytes`] and [`Backend::load`].
    pub fn load(
        &self,
        folder: &Path,
        backend: &dyn Backend,
        options: &LoadOptions,
    ) -> Result<Box<dyn Model>, EngineError> {
        let bytes = self.bytes(folder)?;
        let name = self.path.to_string_lossy();
        let artefact = Artefact {
            name: &name,
            bytes: &bytes,
        };
        backend.load(artefact, options)
    }
}

impl Reference {
    /// Runs the reference's inputs and compares all outputs with the reference's.
    ///
    /// # Errors
    /// [`EngineError::Reference`] and [`EngineError::Manifest`] for its files, and those of the run.
    pub fn check(&self, folder: &Path, model: &mut dyn Model) -> Result<Agreement, EngineError> {
        let folder = folder.join(&self.folder);
        let read = |what, count| read_tensors(&folder, what, count).map_err(of_reference);
        let inputs = read("input", model.inputs().len())?;
        let expected = read("output", model.outputs().len())?;
        model.reset()?;
        let answers = run_once(model, &inputs)?;
        let pairs = answers.iter().zip(&expected);
        let each = pairs.map(|(answer, expected)| Agreement::between(answer, expected));
        Ok(each.fold(Agreement::exact(), Agreement::worse))
    }
}

impl Reference {
    /// The bytes of its files, in order of their names.
    ///
    /// # Errors
    /// [`EngineError::Reference`].
    pub fn bytes(&self, folder: &Path) -> Result<Vec<Vec<u8>>, EngineError> {
        let folder = folder.join(&self.folder);
        let failed = |error| EngineError::Reference {
            path: folder.clone(),
            error,
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|end| end == "pb") {
                paths.push(path);
            }
        }
        paths.sort();
        let bytes = paths.iter().map(|path| read(path).map_err(of_reference));
        bytes.collect()
    }

    /// Writes inputs with the outputs that belong to them.
    ///
    /// # Errors
    /// [`EngineError::Write`].
    pub fn write(
        &self,
        folder: &Path,
        inputs: &[Tensor],
        outputs: &[Tensor],
    ) -> Result<(), EngineError> {
        let folder = folder.join(&self.folder);
        std::fs::create_dir_all(&folder).map_err(|error| EngineError::Write {
            path: folder.clone(),
            error,
        })?;
        for (what, tensors) in [("input", inputs), ("output", outputs)] {
            for (index, tensor) in tensors.iter().enumerate() {
                let path = folder.join(format!("{what}_{index}.pb"));
                write(&path, &proto_of(tensor).encode_to_vec())?;
            }
        }
        Ok(())
    }
}

/// Says of a file that cannot be read that it is a reference's.
fn of_reference(error: EngineError) -> EngineError {
    match error {
        EngineError::Read { path, error } => EngineError::Reference { path, error },
        other => other,
    }
}

/// The tensors `WHAT_0.pb`, `WHAT_1.pb` and so on of a folder.
///
/// # Errors
/// [`EngineError::Read`], and [`EngineError::Manifest`] for files that hold something else.
pub fn read_tensors(folder: &Path, what: &str, count: usize) -> Result<Vec<Tensor>, EngineError> {
    (0..count)
        .map(|i| tensor(&folder.join(format!("{what}_{i}.pb"))))
        .collect()
}

fn proto_of(tensor: &Tensor) -> proto::Tensor {
    let shape = tensor.shape();
    match tensor.view() {
        View::F32(_, data) => proto::Tensor::new("", shape, data),
        View::I64(_, data) => proto::Tensor::new("", shape, data),
        View::I32(_, data) => proto::Tensor::new("", shape, data),
        View::U8(_, data) => proto::Tensor::new("", shape, data),
        View::I8(_, data) => proto::Tensor::new("", shape, data),
        View::Bool(_, data) => {
            let bytes: Vec<u8> = data.iter().map(|&v| u8::from(v)).collect();
            let data_type = drafthorse_onnx::DataType::Bool as i32;
            let tensor = proto::Tensor::new("", shape, &bytes);
            proto::Tensor {
                data_type,
                ..tensor
            }
        }
    }
}

fn tensor(path: &Path) -> Result<Tensor, EngineError> {
    let invalid = |why: String| EngineError::Manifest {
        path: path.to_owned(),
        why,
    };
    let bytes = read(path)?;
    let proto = proto::Tensor::decode(&*bytes).map_err(|error| invalid(error.to_string()))?;
    let shape = proto.shape();
    let tensor = match DType::from_onnx(proto.data_type()) {
        Some(DType::F32) => proto.data::<f32>().map(|data| fits(&shape, data)),
        Some(DType::I64) => proto.data::<i64>().map(|data| fits(&shape, data)),
        Some(DType::I32) => proto.data::<i32>().map(|data| fits(&shape, data)),
        Some(DType::U8) => proto.data::<u8>().map(|data| fits(&shape, data)),
        Some(DType::I8) => proto.data::<i8>().map(|data| fits(&shape, data)),
        Some(DType::Bool) => {
            let data = proto.raw_data.iter().map(|&v| v != 0).collect();
            Some(fits(&shape, data))
        }
        None => None,
    };
    tensor
        .flatten()
        .ok_or_else(|| invalid("it is no tensor of a type that is used here".to_owned()))
}

fn fits<T: crate::tensor::Element>(shape: &[usize], data: Vec<T>) -> Option<Tensor> {
    let count = shape
        .iter()
        .try_fold(1usize, |count, &n| count.checked_mul(n));
    (count == Some(data.len())).then(|| Tensor::new(shape, data))
}

fn read(path: &Path) -> Result<Vec<u8>, EngineError> {
    std::fs::read(path).map_err(|error| EngineError::Read {
        path: path.to_owned(),
        error,
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), EngineError> {
    std::fs::write(path, bytes).map_err(|error| EngineError::Write {
        path: path.to_owned(),
        error,
    })
}

/// SHA-256 and other bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
