//! `drafthorse config`.

use crate::cli::ConfigCommand;
use crate::config::Config;
use crate::feed;
use crate::networks;
use anyhow::{Context as _, Result};
use drafthorse_engine::Takes;
use drafthorse_offload::client::ConnectError;
use std::io::Write as _;
use std::path::Path;

pub(super) fn config(command: &ConfigCommand) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match command {
        ConfigCommand::Schema => {
            let schema = schemars::schema_for!(Config);
            writeln!(out, "{}", serde_json::to_string_pretty(&schema)?)?;
        }
        ConfigCommand::Check { file, json: true } => {
            let config = read(file)?;
            writeln!(out, "{}", serde_json::to_string(&config)?)?;
        }
        ConfigCommand::Check { file, json: false } => {
            let config = read(file)?;
            writeln!(out, "{} is valid: run {:?}", file.display(), config.name)?;
            for sensor in &config.sensors {
                let mount = if sensor.mount.is_some() {
                    "mounted"
                } else {
                    "no mount: at the vehicle's origin"
                };
                writeln!(out, "  {:<20} {}  ({mount})", sensor.name, sensor.source)?;
            }
            for network in networks::plans(&config)? {
                let (all, each) = match network.manifest.takes {
                    Takes::Picture => ("every camera", "every picture"),
                    Takes::RadarScan => ("every radar with detections", "every scan"),
                };
                let sensors = match network.sensors.is_empty() {
                    true => all.to_owned(),
                    false => network.sensors.join(", "),
                };
                let hz = network.hz;
                let hz = hz.map_or_else(|| each.to_owned(), |hz| format!("{hz} Hz"));
                writeln!(out, "  network {:<12} {sensors}, {hz}", network.name())?;
            }
            if let Some(vision) = &config.vision {
                let model = vision.drafter.as_ref().unwrap_or(&vision.model);
                writeln!(out, "  descriptions by {}", model.display())?;
            }
            if let Some(offload) = &config.offload {
                writeln!(out, "  rejected drafts to {}", offload.target.address)?;
            }
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<Config> {
    let config = Config::read(file)?;
    feed::check(&config)?;
    let plans = networks::plans(&config)?;
    if let Some(vision) = &config.vision {
        vision.check_folders()?;
    }
    if let Some(offload) = &config.offload {
        match offload.target.check() {
            // The vehicle may have it.
            Err(why @ ConnectError::File { .. }) => {
                eprintln!("drafthorse: offload.target was not checked: {why}");
            }
            checked => checked.context("offload.target cannot be used")?,
        }
    }
    match feed::sensors(&config) {
        Ok(sensors) => {
            networks::check_sensors(&plans, &sensors)?;
            feed::keyframes_of(&config, &sensors)?;
        }
        // Another machine may have the log.
        Err(why) => eprintln!("drafthorse: the sensors were not checked: {why:#}"),
    }
    if let Some(unused) = config.unused() {
        eprintln!("drafthorse: {unused}");
    }
    Ok(config)
}
