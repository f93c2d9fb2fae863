//! The networks of a configuration or of a log's plan: looked at, tried on this machine's engines, and
//! put into the lanes of the sensors that they look at.

use crate::config::{Config, check_name};
use crate::feed;
use crate::pipeline::ask_picture::PictureAsker;
use crate::pipeline::ask_scan::{self, ScanAsker};
use crate::pipeline::channels::{Channels, gives_points};
use crate::pipeline::network::{Answers, NetworkStage};
use crate::pipeline::picture::picture_size;
use crate::pipeline::radar_network::RadarNetwork;
use crate::plan::{NetworkPlan, Plan, RadarNetworkPlan, SensorPlan};
use anyhow::{Context, Result, bail};
use drafthorse_core::{Class, SensorId};
use drafthorse_engine::{Manifest, ModelFile, Ports, Takes};
use drafthorse_engine_auto::{EngineConfig, Engines, Loaded, Plan as Choice, Verdict, plan_of};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The networks that a configuration names, as a plan holds them.
///
/// # Errors
/// A folder that holds no model, no whole file of it, or one that takes neither pictures nor radar scans; a
/// sensor that it cannot look at, unless only a log can say which sensors there are.
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
        plans.push(NetworkPlan {
            folder: folder.clone(),
            sensors: network.sensors.clone(),
            hz: network.hz,
            manifest,
            radar,
        });
    }
    // As early as it is known: sources are opened, and a log is read, only after engines were tried.
    if let Some(sensors) = feed::known_sensors(config)? {
        check_sensors(&plans, &sensors)?;
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

/// Every sensor that a network names is one that it can look at, and no radar is looked at by two.
///
/// # Errors
/// One that is not, with those that there are.
pub fn check_sensors(networks: &[NetworkPlan], sensors: &[SensorPlan]) -> Result<()> {
    for network in networks {
        let fits = |format| match network.manifest.takes {
            Takes::Picture => drafthorse_core::RawFormat::is_camera(format),
            Takes::RadarScan => gives_points(format),
        };
        let fit = sensors.iter().filter(|sensor| fits(sensor.format));
        let fit: Vec<&str> = fit.map(|sensor| sensor.name.as_str()).collect();
        require_sensors(&network.manifest, &network.sensors, &fit)?;
    }
    for sensor in sensors.iter().filter(|s| gives_points(s.format)) {
        let mut networks = networks.iter();
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
    /// The answers stand in a log too, and are compared: the files that gave them.
    again: Option<Answered>,
}

/// The files of each network of a plan that gave a log's answers.
pub type Answered = Vec<BTreeSet<String>>;

impl Networks {
    /// Tries the networks on the engines, or reads how they did before; says which it tries. With
    /// `again` the files that gave the answers of the log that is replayed are asked once more, to compare.
    ///
    /// # Errors
    /// An engine that the configuration names and that is absent; a folder that cannot be read or
    /// lacks a file that gave answers.
    pub fn choose(
        plans: &[NetworkPlan],
        config: &EngineConfig,
        again: Option<Answered>,
        mut say: impl FnMut(String),
    ) -> Result<Self> {
        if plans.is_empty() {
            return Ok(Self::Recorded);
        }
        let engines = Arc::new(Engines::open(config)?);
        let mut choices = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            say(format!("trying the engines for network {}", plan.name()));
            let (threads, cache) = (config.threads, Some(config.cache.as_path()));
            let choice = plan_of(&engines, &plan.folder, threads, cache)?;
            match &again {
                Some(answered) => check_same_files(&choice, plan, &answered[index])?,
                None => tell(plan.name(), &choice),
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
        asker: impl Fn(Loaded, Place<'_>) -> Result<A>,
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
        asker: impl Fn(Loaded, Place<'_>) -> Result<A>,
    ) -> Result<Answers<A>> {
        let (folder, choice) = &self.choices[network];
        let place = Place {
            folder,
            cache: &self.cache,
        };
        let load = |choice: &Choice| -> Result<A> {
            let loaded = Loaded::open(&self.engines, folder, choice, self.threads)?;
            asker(loaded, place)
        };
        let Some(answered) = &self.again else {
            // Where none runs it, recording goes on without it.
            let loaded = load(choice).map(Box::new);
            return Ok(loaded.map_or_else(|why| nowhere(&why), Answers::Engine));
        };
        let mut askers = BTreeMap::new();
        for file in &answered[network] {
            let mut of_file = choice.clone();
            let trials = &mut of_file.choice.trials;
            trials.retain(|trial| trial.file.to_string_lossy() == file.as_str());
            let asker = load(&of_file).with_context(|| {
                let name = &choice.manifest.name;
                format!(
                    "{file} gave answers of the network {name} in the log and cannot be asked again"
                )
            })?;
            askers.insert(file.clone(), asker);
        }
        Ok(Answers::Again(askers))
    }
}

fn nowhere<A>(why: &anyhow::Error) -> Answers<A> {
    Answers::Nowhere(format!(
        "{why:#}; `drafthorse models verify` tries it on every engine"
    ))
}

/// The files that gave the log's answers are here as the log's plan names them, by their hashes: another
/// file may answer differently.
fn check_same_files(
    choice: &Choice,
    plan: &NetworkPlan,
    answered: &BTreeSet<String>,
) -> Result<()> {
    for path in answered {
        let hash = |manifest: &Manifest| {
            let mut files = manifest.files.iter();
            let found = files.find(|file| file.path.to_string_lossy() == path.as_str())?;
            Some(found.sha256.clone())
        };
        let is_it = hash(&plan.manifest).is_some_and(|it| hash(&choice.manifest) == Some(it));
        if !is_it {
            bail!(
                "{} does not hold the {path} that gave answers of the network {} in the log; name the folder of that version with --models",
                plan.folder.display(),
                plan.name()
            );
        }
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
