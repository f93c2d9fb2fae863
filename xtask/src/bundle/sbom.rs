//! The bill of materials of a bundle: CycloneDX 1.5 in JSON, from what cargo resolves for the program
//! on the board's platform. No date and no random serial number: it follows from the lock file.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, ensure};
use drafthorse_boards::BoardProfile;
use serde_json::{Value, json};

use crate::workspace;

/// The text of the bill.
pub(super) fn make(profile: &BoardProfile) -> anyhow::Result<Vec<u8>> {
    let mut command = Command::new(workspace::cargo());
    // What tests need is no part of the program.
    command
        .args(["tree", "-p", "drafthorse", "--edges", "normal,build"])
        .args(["--prefix", "none", "--format", "{p}|{l}", "--locked"])
        .args(["--no-default-features", "--target", &profile.triple])
        .current_dir(workspace::root());
    if !profile.bundle.features.is_empty() {
        command.args(["--features", &profile.bundle.features.join(",")]);
    }
    let ended = command
        .output()
        .context("cargo tree could not be started")?;
    ensure!(
        ended.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let mut text = serde_json::to_vec_pretty(&bill(&String::from_utf8_lossy(&ended.stdout))?)?;
    text.push(b'\n');
    Ok(text)
}

/// From lines like `serde v1.0.229|MIT OR Apache-2.0` and `own v0.1.0 (/path)|MIT (*)`, of which the
/// first is the program.
fn bill(lines: &str) -> anyhow::Result<Value> {
    let mut components = BTreeMap::new();
    let mut program = None;
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let (package, licence) = line
            .split_once('|')
            .context("cargo tree's line is another")?;
        let mut words = package.split(' ');
        let name = words.next().unwrap_or_default();
        let version = words.next().unwrap_or_default().trim_start_matches('v');
        let is_ours = words.any(|word| word.starts_with("(/"));
        let licence = licence.trim_end_matches(" (*)").replace('/', " OR ");
        let kind = if is_ours { "generic" } else { "cargo" };
        let purl = format!("pkg:{kind}/{name}@{version}");
        let component = json!({
            "type": if program.is_none() { "application" } else { "library" },
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
            "licenses": [{ "expression": licence }],
        });
        match &program {
            None => program = Some((purl, component)),
            Some((first, _)) if *first == purl => {}
            Some(_) => {
                components.insert(purl, component);
            }
        }
    }
    let (_, program) = program.context("cargo tree names no program")?;
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": program },
        "components": components.into_values().collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bill_has_what_the_program_is_built_from_alone() {
        let profile = drafthorse_boards::builtin("orin-nano").unwrap();
        let text = make(&profile).unwrap();
        assert_eq!(text, make(&profile).unwrap());
        let bill: Value = serde_json::from_slice(&text).unwrap();
        let names: Vec<_> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["name"].as_str().unwrap())
            .collect();
        for name in ["serde", "openh264", "drafthorse-record", "v4l"] {
            assert!(names.contains(&name), "{name}");
        }
        // A bench's peer, a tests' crate, a task's crate, another system's crate.
        for name in ["cu29", "proptest", "fastcdc", "windows-sys"] {
            assert!(!names.contains(&name), "{name}");
        }
        assert_eq!(bill["metadata"]["component"]["name"], "drafthorse");
    }
}
