//! One board's profile, and that it fits together.

use crate::bundle::BundleProfile;
use crate::deploy::DeployProfile;
use crate::error::{BoardError, Fault};
use crate::flash::{FlashProfile, JetsonLinux};
use crate::floor::Floor;
use crate::lanes::{LaneProfiles, RecordProfile};
use crate::peripherals::{GpioLine, PowerModes, Sensing, check_gpio};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What disciplines a board's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockDiscipline {
    /// Precision time protocol.
    Ptp,
    /// Network time protocol.
    Ntp,
    /// Nothing.
    None,
}

/// What can run a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// ONNX Runtime with its TensorRT provider.
    Tensorrt,
    /// ONNX Runtime on the processor.
    Onnxruntime,
    /// tract, in Rust, on the processor.
    Tract,
}

/// One board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoardProfile {
    /// The profile's name.
    pub name: String,
    /// One line about the board.
    pub description: String,
    /// Rust's name of the platform it runs.
    pub triple: String,
    /// Processor cores that a run may count on.
    pub cores: usize,
    /// Engines, best first.
    pub engines: Vec<Engine>,
    /// Discipline that the clock should have; a log says when it has not.
    pub clock: ClockDiscipline,
    /// What the device tree's model begins with on such a board; empty where any machine will do.
    #[serde(default)]
    pub device_tree_models: Vec<String>,
    /// Oldest libraries that the program must start on.
    pub floor: Floor,
    /// Deadlines and queues.
    pub lanes: LaneProfiles,
    /// Defaults of the recorder.
    pub record: RecordProfile,
    /// Temperatures and power.
    #[serde(default)]
    pub sensing: Sensing,
    /// Whether a bundle's configuration has the governor on: for boards that slow themselves down.
    #[serde(default)]
    pub governor: bool,
    /// Power modes, where the board has them.
    #[serde(default)]
    pub power_modes: Option<PowerModes>,
    /// NVIDIA's system, where it runs on one.
    #[serde(default)]
    pub jetson_linux: Option<JetsonLinux>,
    /// How it is flashed, where NVIDIA's tools do that.
    #[serde(default)]
    pub flash: Option<FlashProfile>,
    /// What goes into its bundle.
    #[serde(default)]
    pub bundle: BundleProfile,
    /// How releases live on it.
    #[serde(default)]
    pub deploy: DeployProfile,
    /// GPIO lines for triggers.
    #[serde(default)]
    pub gpio: Vec<GpioLine>,
}

impl BoardProfile {
    /// Reads a profile from TOML text.
    ///
    /// # Errors
    /// [`BoardError::Syntax`] for text that is not such a file (unknown keys included),
    /// [`BoardError::Value`] for impossible values.
    pub fn parse(text: &str) -> Result<Self, BoardError> {
        let profile: Self = toml::from_str(text)?;
        profile.check().map_err(|(key, what)| BoardError::Value {
            board: profile.name.clone(),
            key,
            what,
        })?;
        Ok(profile)
    }

    fn check(&self) -> Result<(), Fault> {
        if self.cores == 0 {
            return Err(("cores", "must be at least 1"));
        }
        if self.engines.is_empty() {
            return Err(("engines", "must name at least one engine"));
        }
        if self.triple.split('-').count() < 3 {
            return Err(("triple", "must be a name like aarch64-unknown-linux-gnu"));
        }
        self.lanes.check(self.cores)?;
        self.record.check()?;
        self.bundle.check()?;
        self.deploy.check()?;
        if let Some(flash) = &self.flash {
            flash.check()?;
            if self.jetson_linux.is_none() {
                return Err(("flash", "needs jetson_linux, the release to flash"));
            }
        }
        check_gpio(&self.gpio)
    }

    /// The processor's architecture in [`triple`](Self::triple).
    #[must_use]
    pub fn architecture(&self) -> &str {
        self.triple.split('-').next().unwrap_or_default()
    }
}
