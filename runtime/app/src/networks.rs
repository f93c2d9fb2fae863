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
use drafthorse_engine::{Manifest, Ports};
use drafthorse_engine_auto::{EngineConfig, Engines, Loaded, Plan as Choice, plan_of};
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
                "two networks are named {:?}; name all cameras of a network in one [[networks]] table",
                manifest.name
            );
        }
        check_files(folder, &manifest)?;
        plans.push(NetworkPlan {
            folder: folder.clone(),
            sensors: network.sensors.clone(),
            hz: network.hz,
            manifest,
        });
    }
    Ok(plans)
}

/// At least one file is whole, and each whole one takes a picture.
fn check_files(folder: &Path, manifest: &Manifest) -> Result<()> {
    let mut damaged = None;
    let mut is_whole = false;
    for file in &manifest.files {
        let bytes = match file.bytes(folder) {
            Ok(bytes) => bytes,
            Err(error) => {
                damaged = Some(error);
                continue;
            }
        };
        is_whole = true;
        let name = file.path.to_string_lossy();
        let model = drafthorse_onnx::parse(&bytes)
            .with_context(|| format!("{name} of the model {}", manifest.name))?;
        let ports = Ports::of(&name, &model, &manifest.options(1))?;
        if picture_size(&ports.inputs).is_none() {
            let inputs: Vec<_> = ports.inputs.iter().map(ToString::to_string).collect();
            bail!(
                "{name} of the model {} takes {}; a network in a camera's lane takes one picture, f32[1, 3, height, width]",
                manifest.name,
                inputs.join(" and ")
            );
        }
    }
    match damaged {
        _ if is_whole => Ok(()),
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

/// Every sensor that a network names is a camera of the plan.
///
/// # Errors
/// One that is not.
pub fn check_sensors(plan: &Plan) -> Result<()> {
    let is_camera = |name: &String| {
        let found = plan.sensors.iter().find(|sensor| sensor.name == *name);
        found.is_some_and(|sensor| sensor.format.is_camera())
    };
    for network in &plan.networks {
        if let Some(name) = network.sensors.iter().find(|name| !is_camera(name)) {
            let cameras = plan.sensors.iter().filter(|s| s.format.is_camera());
            let cameras: Vec<&str> = cameras.map(|s| s.name.as_str()).collect();
            bail!(
                "the network {} looks at {name:?}, which is no camera of this run; its cameras: {}",
                network.name(),
                cameras.join(", ")
            );
        }
    }
    Ok(())
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
            let choice = plan_of(&engines, &plan.folder, threads, cache)?;
            if choice.manifest.files != plan.manifest.files {
                bail!(
                    "{} holds other files of the model {} than the log's plan names",
                    plan.folder.display(),
                    plan.name()
                );
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
            Ok(model) => Ok(Answers::Engine(asker(model)?)),
            Err(error) if self.again => Err(error.into()),
            // Recording goes on without it.
            Err(error) => Ok(Answers::Nowhere(error.to_string())),
        }
    }
}
