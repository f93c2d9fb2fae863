//! What a board can be asked and told beside its processor: temperatures, power, GPIO lines.

use crate::error::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Where the board's temperatures and power are read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sensing {
    /// Types of the thermal zones (`/sys/class/thermal/thermal_zone*/type`).
    pub thermal_zones: Vec<String>,
    /// Labels of the power rails (`in*_label` of an INA3221 under `/sys/class/hwmon`).
    pub rails: Vec<String>,
    /// Degrees Celsius at which the board slows itself down, where its zones have no trip point that says so.
    pub limit_c: Option<f64>,
}

/// Where the board's own power modes stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerModes {
    /// The definition of the modes (`nvpmodel`'s configuration).
    pub config: PathBuf,
    /// The mode that is set (`pmode:0002`).
    pub status: PathBuf,
}

/// What a GPIO line is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum GpioUse {
    /// Tells cameras to expose.
    CameraTrigger,
    /// Tells radars to begin a scan.
    RadarTrigger,
    /// Takes one pulse a second from a receiver of satellites.
    PpsIn,
}

/// A GPIO line of the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GpioLine {
    /// What it is for.
    #[serde(rename = "use")]
    pub purpose: GpioUse,
    /// Label of its chip, as `gpiodetect` has it.
    pub chip: String,
    /// Name of the line, as `gpioinfo` has it.
    pub line: String,
    /// Pin of the 40-pin header.
    pub pin: u8,
}

/// Each use once, each line once, on pins that there are.
pub(crate) fn check_gpio(lines: &[GpioLine]) -> Result<(), Fault> {
    let mut uses = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for line in lines {
        if !(1..=40).contains(&line.pin) {
            return Err(("gpio.pin", "must be a pin of the 40-pin header"));
        }
        if !uses.insert(line.purpose) {
            return Err(("gpio.use", "must give each use one line"));
        }
        if !taken.insert((&line.chip, &line.line)) {
            return Err(("gpio.line", "must give each line one use"));
        }
    }
    Ok(())
}
