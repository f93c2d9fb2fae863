//! CAN mappings: shipped or read from files, kept in the plan so that a log replays alone.

use crate::plan::CanMapSource;
use anyhow::{Context, Result};
use drafthorse_sensors::SourceUri;
use drafthorse_wire::can::CanMap;
use std::path::Path;

/// The mapping a URI's `map` option names, with its texts where it comes from files.
pub(super) fn load(uri: &SourceUri) -> Result<CanMapSource> {
    let name = uri.option("map").with_context(|| {
        format!("{uri} names no mapping; add ?map=toyota-tracks or a TOML file")
    })?;
    if CanMap::names().any(|known| known == name) {
        return Ok(CanMapSource::Shipped(name.to_owned()));
    }
    let path = Path::new(name);
    let toml = std::fs::read_to_string(path).with_context(|| {
        let shipped: Vec<_> = CanMap::names().collect();
        format!(
            "cannot read the CAN mapping {name}; shipped mappings are {}",
            shipped.join(", ")
        )
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut dbc = String::new();
    CanMap::from_toml(&toml, |file| {
        dbc = std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string())?;
        Ok(dbc.clone())
    })
    .with_context(|| format!("{name} cannot be used as a CAN mapping"))?;
    Ok(CanMapSource::Files { toml, dbc })
}

/// The mapping itself.
pub fn parse(source: &CanMapSource) -> Result<CanMap> {
    match source {
        CanMapSource::Shipped(name) => CanMap::built_in(name),
        CanMapSource::Files { toml, dbc } => CanMap::from_toml(toml, |_| Ok(dbc.clone())),
    }
    .context("the CAN mapping cannot be used")
}
