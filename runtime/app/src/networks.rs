//! The networks of a configuration or of a log's plan: looked at, tried on this machine's engines, and
//! put into the lanes of the sensors that they look at.

use crate::config::{Config, check_name};
use crate::pipeline::ask_picture::PictureAsker;
use crate::pipeline::ask_scan::{self, ScanAsker};
use crate::pipeline::channels::{Channels, gives_points};
use crate::pipeline::network::{Answers, NetworkStage};
use crate::pipeline::picture::picture_size;
use crate::pipeline::radar_network::RadarNetwork;
use crate::plan::{NetworkPlan, Plan, RadarNetworkPlan};
use anyhow::{Context, Result, bail};
use drafthorse_core::{Class, SensorId};
use drafthorse_engine::{Manifest, ModelFile, Ports, Takes};
use drafthorse_engine_auto::{EngineConfig, Engines, Loaded, Plan as Choice, Verdict, plan_of};
use drafthorse_sensors::SourceKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The networks that a configuration names, as a plan holds them.
///
/// # Errors
/// A folder that holds no model, no whole file of it, or one that takes neither pictures nor radar scans.
pub fn plans(config: &Config) -> Result<Vec<NetworkPlan>> {
    let mut plans: Vec<NetworkPlan> = Vec::new();
    for network in &config.networks {
        let folder = &network.model;
        let manifest = Manifest::read(folder)
            .with_context(|| format!("[[networks]] names the model {}", folder.display()))?;
        check_name("model", &manifest.name)?;
        if plans.iter().any(|plan| plan.name() == manifest.name) {
            bail!(
                "two networks are named {:?}: give one of them another name in its model.toml, or name all sensors of one in one [[networks]] table",
                manifest.name
            );
        }
        if !manifest.state.is_empty() {
            bail!(
                "the model {} keeps state from run to run, which no log would hold: a network in a lane answers each picture or scan by itself",
                manifest.name
            );
        }
        let radar = match manifest.takes {
            Takes::Picture => None,
            Takes::RadarScan if network.hz.is_some() => bail!(
                "the network {} looks at radar scans and is asked about each: leave hz out",
                manifest.name
            ),
            Takes::RadarScan => Some(radar_plan(folder, &manifest)?),
        };
        check_backends(&manifest)?;
        check_files(folder, &manifest)?;
        check_names(config, &manifest, &network.sensors)?;
        plans.push(NetworkPlan {
            folder: folder.clone(),
            sensors: network.sensors.clone(),
            hz: network.hz,
            manifest,
            radar,
        });
    }
    Ok(plans)
}

/// How the answers of a network that looks at radar scans are read.
fn radar_plan(folder: &Path, manifest: &Manifest) -> Result<RadarNetworkPlan> {
    let parts = ask_scan::parts(folder, manifest)?;
    let (settings, head) = (parts.settings(), parts.head());
    let class = |name: &str| {
        let found = Class::from_name(name).filter(|class| *class != Class::Unknown);
        found.with_context(|| {
            format!(
                "the model {} finds the class {name:?}; a run knows car, truck, cyclist and pedestrian",
                manifest.name
            )
        })
    };
    let classes = head.classes.iter().map(|head| class(&head.name));
    let least = head.classes.iter().map(|head| f64::from(head.score_run));
    let grid = settings.grid;
    Ok(RadarNetworkPlan {
        scans: settings.scans,
        classes: classes.collect::<Result<_>>()?,
        least_scores: least.collect(),
        x_m: [grid.x_min_m, grid.x_max_m].map(f64::from),
        y_m: [grid.y_min_m, grid.y_max_m].map(f64::from),
    })
}

/// Every sensor that a network names may be one that it can look at, as far as is known before sources
/// are opened: a log or a synthetic drive brings sensors of its own.
fn check_names(config: &Config, manifest: &Manifest, sensors: &[String]) -> Result<()> {
    let kinds = || config.sensors.iter().map(|sensor| sensor.source.kind());
    if kinds().any(|kind| matches!(kind, SourceKind::Log | SourceKind::Synthetic)) {
        return Ok(());
    }
    let kind = match manifest.takes {
        Takes::Picture => SourceKind::Camera,
        Takes::RadarScan => SourceKind::Radar,
    };
    let fit = config.sensors.iter();
    let fit = fit.filter(|sensor| sensor.source.kind() == kind);
    let fit: Vec<&str> = fit.map(|sensor| sensor.name.as_str()).collect();
    require_sensors(manifest, sensors, &fit)
}

/// Refuses a network that would look at something else than those that fit it, or at nothing.
fn require_sensors(manifest: &Manifest, sensors: &[String], fit: &[&str]) -> Result<()> {
    let network = &manifest.name;
    let (sees, kind) = match manifest.takes {
        Takes::Picture => ("pictures", "camera"),
        Takes::RadarScan => ("radar scans", "radar with detections"),
    };
    if let Some(name) = sensors.iter().find(|name| !fit.contains(&name.as_str())) {
        bail!(
            "the network {network} looks at {sees} and names {name:?}, which is no {kind} of this run; there is: {}",
            match fit {
                [] => "none".to_owned(),
                _ => fit.join(", "),
            }
        );
    }
    if fit.is_empty() {
        bail!("the network {network} looks at {sees}, and this run has no {kind}");
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

/// At least one file is whole, and each whole one takes what the model says it takes. The others are told: what runs
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

/// Whether a file is whole; one that is and cannot look at what its model says is refused.
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
    if manifest.takes == Takes::RadarScan {
        let parts = ask_scan::parts(folder, manifest)?;
        let checked = parts.check(&ports.inputs, &ports.outputs);
        checked.with_context(|| format!("{name} of the model {}", manifest.name))?;
        return Ok(Ok(()));
    }
    if picture_size(&ports.inputs).is_none() {
        let inputs: Vec<_> = ports.inputs.iter().map(ToString::to_string).collect();
        bail!(
            "{name} of the model {} takes {}; a network in a camera's lane takes one picture, f32[1, 3, height, width], height and width fixed numbers; the model.toml of a radar detector says takes = \"radar_scan\"",
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

/// Every sensor that a network names is one of the plan that it can look at, and no radar is looked at by
/// two.
///
/// # Errors
/// One that is not.
pub fn check_sensors(plan: &Plan) -> Result<()> {
    for network in &plan.networks {
        let fits = |format| match network.manifest.takes {
            Takes::Picture => drafthorse_core::RawFormat::is_camera(format),
            Takes::RadarScan => gives_points(format),
        };
        let fit = plan.sensors.iter().filter(|sensor| fits(sensor.format));
        let fit: Vec<&str> = fit.map(|sensor| sensor.name.as_str()).collect();
        require_sensors(&network.manifest, &network.sensors, &fit)?;
    }
    for sensor in plan.sensors.iter().filter(|s| gives_points(s.format)) {
        let mut networks = plan.networks.iter();
        let looks = |n: &&NetworkPlan| n.radar.is_some() && n.looks_at(&sensor.name);
        if let (Some(first), Some(second)) = (networks.find(looks), networks.find(looks)) {
            bail!(
                "the networks {} and {} both look at the radar {}: name the sensors of each, or leave one out",
                first.name(),
                second.name(),
                sensor.name
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
    /// Where what is made for this machine is kept.
    cache: PathBuf,
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
            cache: config.cache.clone(),
            again,
        }))
    }

    /// The stages of a camera.
    ///
    /// # Errors
    /// A network that takes no pictures; in a comparison also one that no engine here runs.
    pub fn of_camera(
        &self,
        plan: &Plan,
        channels: &Channels,
        sensor: SensorId,
    ) -> Result<Vec<NetworkStage<PictureAsker>>> {
        let of_sensor = channels.networks().iter().filter(|n| n.sensor == sensor);
        of_sensor
            .map(|found| {
                let network = &plan.networks[found.network];
                let asker = |model, _: Place<'_>| PictureAsker::new(model, network);
                let answers = self.answers(found.network, asker)?;
                Ok(NetworkStage::new(network, found.channel, answers))
            })
            .collect()
    }

    /// The networks of all radars.
    ///
    /// # Errors
    /// In a comparison, a network that no engine here runs or whose assets are absent.
    pub fn of_radars(&self, plan: &Plan, channels: &Channels) -> Result<Vec<RadarNetwork>> {
        let networks = channels.networks().iter();
        let of_radars = networks.filter(|found| plan.networks[found.network].radar.is_some());
        of_radars
            .map(|found| {
                let network = &plan.networks[found.network];
                let asker =
                    |model, at: Place<'_>| ScanAsker::new(model, network, at.folder, at.cache);
                let answers = self.answers(found.network, asker)?;
                let mount = plan.sensors[usize::from(found.sensor.0)].mount;
                RadarNetwork::new(network, *found, mount, answers)
            })
            .collect()
    }

    /// Where the answers of the plan's network of that number come from.
    fn answers<A>(
        &self,
        network: usize,
        asker: impl FnOnce(Loaded, Place<'_>) -> Result<A>,
    ) -> Result<Answers<A>> {
        match self {
            Self::Recorded => Ok(Answers::Log),
            Self::Asked(chosen) => chosen.answers(network, asker),
        }
    }
}

/// Folders of a network.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// The model's.
    folder: &'a Path,
    /// Where what is made for this machine is kept.
    cache: &'a Path,
}

impl Chosen {
    fn answers<A>(
        &self,
        network: usize,
        asker: impl FnOnce(Loaded, Place<'_>) -> Result<A>,
    ) -> Result<Answers<A>> {
        let (folder, choice) = &self.choices[network];
        let loaded = Loaded::open(&self.engines, folder, choice, self.threads);
        let place = Place {
            folder,
            cache: &self.cache,
        };
        let asker = |model| asker(model, place).map(Box::new);
        match loaded {
            Ok(model) if self.again => Ok(Answers::Again(asker(model)?)),
            Err(error) if self.again => Err(error.into()),
            // Recording goes on without it.
            Ok(model) => Ok(asker(model).map_or_else(|why| nowhere(&why), Answers::Engine)),
            Err(error) => Ok(nowhere(&error.into())),
        }
    }
}

fn nowhere<A>(why: &anyhow::Error) -> Answers<A> {
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
    for trial in &choice.choice.trials {
        if let Verdict::Differs { agreement } = &trial.verdict {
            eprintln!(
                "network {network}: {} is not used on {}: its answers are off by {:.1e}, more than model.toml allows",
                trial.file.display(),
                trial.backend,
                agreement.max_error
            );
        }
    }
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
