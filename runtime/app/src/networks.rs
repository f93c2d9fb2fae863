//! The networks of a configuration or of a log's plan: looked at, tried on this machine's engines, and
//! put into the cameras' lanes.

use crate::config::{Config, check_name};
use crate::pipeline::ask::Asker;
use crate::pipeline::channels::Channels;
use crate::pipeline::network::{Answers, NetworkStage};
use crate::pipeline::picture::picture_size;
use crate::plan::{NetworkPlan, Plan};
use anyhow::{Context, Result, bail};
use drafthorse_core::SensorId;
use drafthorse_engine::{Manifest, ModelFile, Ports};
use drafthorse_engine_auto::{EngineConfig, Engines, Loaded, Plan as Choice, plan_of};
use drafthorse_sensors::SourceKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The networks that a configuration names, as a plan holds them.
///
/// # Errors
/// A folder that holds no model, no whole file of it, or one that takes anything but a picture.
pub fn plans(config: &Config) -> Result<Vec<NetworkPlan>> {
    let mut plans: Vec<NetworkPlan> = Vec::new();
    for network in &config.networks {
        let folder = &network.model;
        let manifest = Manifest::read(folder)
            .with_context(|| format!("[[networks]] names the model {}", folder.display()))?;
        check_name("model", &manifest.name)?;
        if plans.iter().any(|plan| plan.name() == manifest.name) {
            bail!(
                "two networks are named {:?}: give one of them another name in its model.toml, or name all cameras of one in one [[networks]] table",
                manifest.name
            );
        }
        if !manifest.state.is_empty() {
            bail!(
                "the model {} keeps state from run to run, which no log would hold: a network in a camera's lane answers each picture by itself",
                manifest.name
            );
        }
        check_backends(&manifest)?;
        check_files(folder, &manifest)?;
        check_names(config, &manifest.name, &network.sensors)?;
        plans.push(NetworkPlan {
            folder: folder.clone(),
            sensors: network.sensors.clone(),
            hz: network.hz,
            manifest,
        });
    }
    Ok(plans)
}

/// Every sensor that a network names may be a camera, as far as is known before sources are opened: a
/// log or a synthetic drive brings sensors of its own.
fn check_names(config: &Config, network: &str, sensors: &[String]) -> Result<()> {
    let kinds = || config.sensors.iter().map(|sensor| sensor.source.kind());
    if kinds().any(|kind| matches!(kind, SourceKind::Log | SourceKind::Synthetic)) {
        return Ok(());
    }
    let cameras = config.sensors.iter();
    let cameras = cameras.filter(|sensor| sensor.source.kind() == SourceKind::Camera);
    let cameras: Vec<&str> = cameras.map(|sensor| sensor.name.as_str()).collect();
    require_cameras(network, sensors, &cameras)
}

/// Refuses a network that would look at something else, or at nothing.
fn require_cameras(network: &str, sensors: &[String], cameras: &[&str]) -> Result<()> {
    if let Some(name) = sensors
        .iter()
        .find(|name| !cameras.contains(&name.as_str()))
    {
        bail!(
            "the network {network} looks at {name:?}, which is no camera of this run; its cameras: {}",
            cameras.join(", ")
        );
    }
    if cameras.is_empty() {
        bail!("the network {network} looks at pictures, and this run has no camera");
    }
    Ok(())
}

/// Engines that a file may be meant for.
const BACKENDS: [&str; 6] = [
    "tract",
    "onnxruntime",
    "onnxruntime-cuda",
    "onnxruntime-tensorrt",
    "tensorrt",
    "tensorrt-stand-in",
];

/// Refuses files that are meant for engines that do not exist.
///
/// # Errors
/// Which.
pub(crate) fn check_backends(manifest: &Manifest) -> Result<()> {
    for file in &manifest.files {
        let unknown = |name: &&String| !BACKENDS.contains(&name.as_str());
        if let Some(name) = file.backends.iter().find(unknown) {
            bail!(
                "{} of the model {} is meant for the engine {name:?}; engines are {}",
                file.path.display(),
                manifest.name,
                BACKENDS[..5].join(", ")
            );
        }
    }
    Ok(())
}

/// At least one file is whole, and each whole one takes a picture. The others are told: what runs
/// instead may be of another precision.
fn check_files(folder: &Path, manifest: &Manifest) -> Result<()> {
    let mut damaged = Vec::new();
    for file in &manifest.files {
        if let Err(error) = check_file(folder, manifest, file)? {
            damaged.push(error);
        }
    }
    if damaged.len() < manifest.files.len() {
        for error in &damaged {
            eprintln!(
                "drafthorse: {error:#}; the model {} goes on with its other files",
                manifest.name
            );
        }
        return Ok(());
    }
    match damaged.pop() {
        Some(error) => Err(error).with_context(|| {
            format!(
                "no file of the model {} is whole; `drafthorse models pull --dir {}` fetches what has a URL",
                manifest.name,
                folder.display()
            )
        }),
        None => bail!("the model {} names no file", manifest.name),
    }
}

/// Whether a file is whole; one that is and cannot look at pictures is refused.
fn check_file(folder: &Path, manifest: &Manifest, file: &ModelFile) -> Result<Result<()>> {
    let name = file.path.to_string_lossy();
    let bytes = match file.bytes(folder) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Err(error.into())),
    };
    let model = match drafthorse_onnx::parse(&bytes) {
        Ok(model) => model,
        Err(error) => return Ok(Err(error).with_context(|| name.into_owned())),
    };
    let ports = Ports::of(&name, &model, &manifest.options(1))?;
    manifest.check_names(&name, &ports)?;
    if picture_size(&ports.inputs).is_none() {
        let inputs: Vec<_> = ports.inputs.iter().map(ToString::to_string).collect();
        bail!(
            "{name} of the model {} takes {}; a network in a camera's lane takes one picture, f32[1, 3, height, width], height and width fixed numbers",
            manifest.name,
            inputs.join(" and ")
        );
    }
    let layout = manifest.inputs.get(&ports.inputs[0].name);
    if let Some(layout) = layout.and_then(|meaning| meaning.layout.as_deref())
        && layout != "NCHW"
    {
        bail!(
            "model.toml of {} says that pictures are laid out {layout}; they are given as NCHW",
            manifest.name
        );
    }
    Ok(Ok(()))
}

/// Every sensor that a network names is a camera of the plan.
///
/// # Errors
/// One that is not.
pub fn check_sensors(plan: &Plan) -> Result<()> {
    let cameras = plan.sensors.iter().filter(|s| s.format.is_camera());
    let cameras: Vec<&str> = cameras.map(|s| s.name.as_str()).collect();
    let mut networks = plan.networks.iter();
    networks.try_for_each(|network| require_cameras(network.name(), &network.sensors, &cameras))
}

/// Where the answers of a plan's networks come from.
pub enum Networks {
    /// The log that is replayed.
    Recorded,
    /// Engines.
    Asked(Chosen),
}

/// Networks with the engines chosen for them.
pub struct Chosen {
    engines: Arc<Engines>,
    /// Folder and choice of each.
    choices: Vec<(PathBuf, Choice)>,
    threads: usize,
    /// The answers stand in a log too, and are compared.
    again: bool,
}

impl Networks {
    /// Tries the networks on the engines, or reads how they did before; says which it tries. With
    /// `again` their answers are compared with those of the log that is replayed.
    ///
    /// # Errors
    /// An engine that the configuration names and that is absent; a folder that cannot be read or
    /// holds another version of the model.
    pub fn choose(
        plans: &[NetworkPlan],
        config: &EngineConfig,
        again: bool,
        mut say: impl FnMut(String),
    ) -> Result<Self> {
        if plans.is_empty() {
            return Ok(Self::Recorded);
        }
        let engines = Arc::new(Engines::open(config)?);
        let mut choices = Vec::new();
        for plan in plans {
            say(format!("trying the engines for network {}", plan.name()));
            let (threads, cache) = (config.threads, Some(config.cache.as_path()));
            let mut choice = plan_of(&engines, &plan.folder, threads, cache)?;
            if again {
                keep_same_files(&mut choice, plan)?;
            } else {
                tell(plan.name(), &choice);
            }
            choices.push((plan.folder.clone(), choice));
        }
        Ok(Self::Asked(Chosen {
            engines,
            choices,
            threads: config.threads,
            again,
        }))
    }

    /// The stages of a camera.
    ///
    /// # Errors
    /// A network that takes no pictures; in a comparison also one that no engine here runs.
    pub fn stages(
        &self,
        plan: &Plan,
        channels: &Channels,
        sensor: SensorId,
    ) -> Result<Vec<NetworkStage>> {
        let of_sensor = channels.networks().iter().filter(|n| n.sensor == sensor);
        of_sensor
            .map(|found| {
                let network = &plan.networks[found.network];
                let answers = match self {
                    Self::Recorded => Answers::Log,
                    Self::Asked(chosen) => chosen.answers(found.network, network)?,
                };
                Ok(NetworkStage::new(network, found.channel, answers))
            })
            .collect()
    }
}

impl Chosen {
    fn answers(&self, index: usize, network: &NetworkPlan) -> Result<Answers> {
        let (folder, choice) = &self.choices[index];
        let loaded = Loaded::open(&self.engines, folder, choice, self.threads);
        let asker = |model| Asker::new(model, network).map(Box::new);
        match loaded {
            Ok(model) if self.again => Ok(Answers::Again(asker(model)?)),
            Err(error) if self.again => Err(error.into()),
            // Recording goes on without it.
            Ok(model) => Ok(asker(model).map_or_else(|why| nowhere(&why), Answers::Engine)),
            Err(error) => Ok(nowhere(&error.into())),
        }
    }
}

fn nowhere(why: &anyhow::Error) -> Answers {
    Answers::Nowhere(format!(
        "{why:#}; `drafthorse models verify` tries it on every engine"
    ))
}

/// Of the model's files those that the log's plan names, by their hashes: another file may answer
/// differently.
fn keep_same_files(choice: &mut Choice, plan: &NetworkPlan) -> Result<()> {
    let named = |path: &Path, sha256: &str| {
        let mut files = plan.manifest.files.iter();
        files.any(|file| file.path == path && file.sha256 == sha256)
    };
    let files = &mut choice.manifest.files;
    files.retain(|file| named(&file.path, &file.sha256));
    choice
        .choice
        .trials
        .retain(|trial| files.iter().any(|file| file.path == trial.file));
    if files.is_empty() {
        bail!(
            "{} holds none of the files of the model {} that the log's plan names; name the folder of that version with --models",
            plan.folder.display(),
            plan.name()
        );
    }
    Ok(())
}

/// Says what runs a network: a slow engine shall not surprise anybody after the drive.
fn tell(network: &str, choice: &Choice) {
    match choice.choice.usable().next() {
        Some(trial) => eprintln!(
            "network {network}: {} {} with {}",
            trial.backend,
            trial.version,
            trial.file.display()
        ),
        None => eprintln!(
            "network {network}: no engine here runs it; the drive is recorded without it (`drafthorse engine list` says why)"
        ),
    }
}
