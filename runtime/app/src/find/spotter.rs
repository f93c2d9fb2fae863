//! A detector of pictures that the user adds: things by their names, boxes with scores.

use crate::pipeline::picture::{PictureInput, picture_size};
use anyhow::{Context as _, Result, bail, ensure};
use drafthorse_core::Image;
use drafthorse_engine::{DType, Dim, Manifest, Model as _, Tensor, View, ViewMut, read_tensors};
use drafthorse_engine_auto::{EngineConfig, Engines, Loaded, plan_of};
use drafthorse_keyframes::query::Things;
use drafthorse_vision::{BoxAxes, BoxPlace, BoxReader, BoxUnit, FoundBox};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// What the network's output means, beside its model.toml.
const TABLE: &str = "detector.toml";
/// Inputs after the picture, as `texts_0.pb` and so on.
const TEXTS: &str = "texts";

/// `detector.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Classes in the order of their scores.
    classes: Vec<Thing>,
    /// The output that holds the boxes; the network's first where absent.
    output: Option<String>,
    axes: Option<BoxAxes>,
    #[serde(default)]
    place: BoxPlace,
    #[serde(default)]
    unit: BoxUnit,
    #[serde(default = "least_score")]
    least_score: f32,
    #[serde(default = "overlap")]
    overlap: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    name: String,
    /// Further words that ask for it.
    #[serde(default)]
    words: Vec<String>,
}

fn least_score() -> f32 {
    0.05
}

fn overlap() -> f32 {
    0.5
}

/// A detector, loaded.
pub(crate) struct Spotter {
    name: String,
    model: Loaded,
    input: PictureInput,
    output: usize,
    reader: BoxReader,
    classes: Vec<Thing>,
}

impl Spotter {
    /// Loads the model of a folder on the fastest engine here that is right.
    ///
    /// # Errors
    /// A folder without model.toml and detector.toml, a network that takes or gives something else, and what
    /// the engines say where none runs it.
    pub(crate) fn open(folder: &Path, config: &EngineConfig) -> Result<Self> {
        Self::load(folder, config)
            .with_context(|| format!("the detector {} cannot be used", folder.display()))
    }

    fn load(folder: &Path, config: &EngineConfig) -> Result<Self> {
        let engines = Arc::new(Engines::open(config)?);
        let plan = plan_of(&engines, folder, config.threads, Some(&config.cache))?;
        let table = Table::read(folder, &plan.manifest)?;
        let mut model = Loaded::open(&engines, folder, &plan, config.threads)?;
        let size = picture_size(&model.inputs()[..1.min(model.inputs().len())]);
        let Some(size) = size else {
            let inputs: Vec<_> = model.inputs().iter().map(ToString::to_string).collect();
            bail!(
                "it takes {}; its first input must be a picture, f32[1, 3, height, width], height and width fixed numbers",
                inputs.join(" and ")
            );
        };
        let meaning = plan.manifest.inputs.get(&model.inputs()[0].name);
        let (mean, std) = meaning.map_or((&[][..], &[][..]), |m| (&m.mean, &m.std));
        let input = PictureInput::new(size, mean, std)?;
        model.resize(0, &[1, 3, size[0], size[1]])?;
        let texts = read_tensors(folder, TEXTS, model.inputs().len() - 1).context(
            "its inputs after the picture are given as texts_0.pb and so on, ONNX tensors",
        )?;
        for (index, tensor) in texts.iter().enumerate() {
            give(&mut model, index + 1, tensor)?;
        }
        let (output, reader) = table.reader(&model, size)?;
        Ok(Self {
            name: plan.manifest.name,
            model,
            input,
            output,
            reader,
            classes: table.classes,
        })
    }

    /// What it finds, by the words that ask for it.
    pub(crate) fn things(&self) -> Things {
        let words = |thing: &Thing| -> Vec<String> {
            let name = std::iter::once(&thing.name);
            name.chain(&thing.words).cloned().collect()
        };
        Things::new(&self.classes.iter().map(words).collect::<Vec<_>>())
    }

    /// Name of a class.
    pub(crate) fn name_of(&self, class: usize) -> &str {
        self.classes.get(class).map_or("thing", |thing| &thing.name)
    }

    /// What is in a picture, the best first.
    ///
    /// # Errors
    /// A picture without pixels, an engine that fails, or outputs that are no boxes.
    pub(crate) fn look(&mut self, image: &Image) -> Result<Vec<FoundBox>> {
        if let ViewMut::F32(_, elements) = self.model.input_mut(0) {
            self.input.fill(image, elements)?;
        }
        self.model.run()?;
        let View::F32(shape, values) = self.model.output(self.output) else {
            bail!("the detector {} gives no f32 boxes", self.name);
        };
        let found = self.reader.read(shape, values);
        found.with_context(|| format!("the detector {}", self.name))
    }
}

/// Gives an input its value, which stays.
fn give(model: &mut Loaded, input: usize, tensor: &Tensor) -> Result<()> {
    model.resize(input, tensor.shape())?;
    let port = model.inputs()[input].to_string();
    ensure!(
        model.input_mut(input).copy_from(tensor.view()),
        "{TEXTS}_{}.pb is {}{:?}, its input {port}",
        input - 1,
        tensor.dtype(),
        tensor.shape()
    );
    Ok(())
}

impl Table {
    fn read(folder: &Path, manifest: &Manifest) -> Result<Self> {
        let bytes = manifest.asset(folder, TABLE)?;
        let bytes = bytes.with_context(|| {
            format!("its model.toml lists no {TABLE} among its [[assets]]; docs/find.md has one")
        })?;
        let text = String::from_utf8_lossy(&bytes);
        let table: Self = toml::from_str(&text).with_context(|| format!("{TABLE} is wrong"))?;
        ensure!(!table.classes.is_empty(), "{TABLE} names no [[classes]]");
        let shares = [table.least_score, table.overlap];
        ensure!(
            shares.iter().all(|share| (0.0..=1.0).contains(share)),
            "least_score and overlap of {TABLE} are 0 to 1"
        );
        Ok(table)
    }

    /// The output that holds the boxes, and how it is read.
    fn reader(&self, model: &Loaded, [height, width]: [usize; 2]) -> Result<(usize, BoxReader)> {
        let ports = model.outputs();
        let output = match &self.output {
            None => 0,
            Some(name) => {
                let found = ports.iter().position(|port| port.name == *name);
                let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
                found.with_context(|| {
                    format!("it has no output {name:?}, but {}", names.join(", "))
                })?
            }
        };
        let port = ports.get(output).context("it has no output")?;
        let reader = BoxReader {
            axes: self.axes,
            place: self.place,
            unit: self.unit,
            classes: self.classes.len(),
            input_px: [width, height],
            least_score: self.least_score,
            overlap: self.overlap,
        };
        ensure!(
            port.dtype == DType::F32,
            "its output {port} must be f32 boxes"
        );
        let fixed = port.dims.iter().map(|dim| match dim {
            Dim::Fixed(length) => Some(*length),
            Dim::Dynamic(_) => None,
        });
        // What is not known yet is checked with the first picture.
        if let Some(shape) = fixed.collect::<Option<Vec<usize>>>() {
            ensure!(
                reader.axes_of(&shape).is_some(),
                "its output {port} holds no boxes of the {} classes of {TABLE}: {} values each are expected, place and scores",
                self.classes.len(),
                4 + self.classes.len()
            );
        }
        Ok((output, reader))
    }
}
