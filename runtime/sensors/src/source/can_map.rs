//! The CAN mapping that a URI's `map` option names.

use super::SourceError;
use drafthorse_wire::can::CanMap;
use std::{fs, path::Path};

/// A shipped mapping by its name (`toyota-tracks`), or a TOML file by its path, which ends in
/// `.toml`; the DBC file it names is looked for beside it.
///
/// # Errors
/// [`SourceError::Map`] where there is no such mapping or it is not valid.
pub fn can_map(name: &str) -> Result<CanMap, SourceError> {
    let failed = |why: String| SourceError::Map {
        name: name.to_owned(),
        why,
    };
    if !name.ends_with(".toml") {
        return CanMap::built_in(name).map_err(|e| failed(e.to_string()));
    }
    let path = Path::new(name);
    let text = fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let read_dbc = |dbc: &str| fs::read_to_string(folder.join(dbc)).map_err(|e| e.to_string());
    CanMap::from_toml(&text, read_dbc).map_err(|e| failed(e.to_string()))
}
