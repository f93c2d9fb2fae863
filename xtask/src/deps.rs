//! `cargo xtask deps`: every direct dependency of a workspace member has its line in
//! docs/dependencies.md, and no line speaks of one that is gone.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::workspace;

/// The heading of the section whose table lists the direct dependencies.
const HEADING: &str = "## Direct dependencies";

/// Compares the workspace's direct dependencies with the table; an error names the differences.
pub(crate) fn run() -> anyhow::Result<()> {
    let declared = declared(&metadata()?)?;
    let path = workspace::root().join("docs/dependencies.md");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    let listed = listed(&text)?;
    let missing: Vec<_> = declared.difference(&listed).cloned().collect();
    let gone: Vec<_> = listed.difference(&declared).cloned().collect();
    if !missing.is_empty() || !gone.is_empty() {
        bail!(
            "docs/dependencies.md is out of date; add a line for: [{}]; remove the line of: [{}]",
            missing.join(", "),
            gone.join(", ")
        );
    }
    eprintln!(
        "xtask: {} direct dependencies, each with its line",
        declared.len()
    );
    Ok(())
}

/// `cargo metadata` of the workspace without the packages it depends on.
fn metadata() -> anyhow::Result<Value> {
    let ended = Command::new(workspace::cargo())
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .current_dir(workspace::root())
        .output()
        .context("cargo metadata could not be started")?;
    ensure!(
        ended.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    serde_json::from_slice(&ended.stdout).context("cargo metadata gave no JSON")
}

/// The names of all dependencies of all members that come from outside the workspace.
fn declared(metadata: &Value) -> anyhow::Result<BTreeSet<String>> {
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata names no packages")?;
    Ok(packages
        .iter()
        .filter_map(|package| package["dependencies"].as_array())
        .flatten()
        .filter(|dependency| dependency["path"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .map(str::to_owned)
        .collect())
}

/// The names in the first column of the table under [`HEADING`].
fn listed(text: &str) -> anyhow::Result<BTreeSet<String>> {
    let section = text
        .split_once(HEADING)
        .with_context(|| format!("docs/dependencies.md has no section `{HEADING}`"))?
        .1;
    let section = section.split("\n## ").next().unwrap_or(section);
    Ok(section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_repeats_are_left_out() {
        let metadata = serde_json::json!({"packages": [
            {"dependencies": [{"name": "serde", "path": null}, {"name": "own", "path": "/w/own"}]},
            {"dependencies": [{"name": "serde", "path": null}, {"name": "mcap", "path": null}]},
        ]});
        let names: Vec<_> = declared(&metadata).unwrap().into_iter().collect();
        assert_eq!(names, ["mcap", "serde"]);
    }

    #[test]
    fn only_the_table_of_its_section_is_read() {
        let text = format!(
            "# x\n| `early` | no |\n{HEADING}\n\n| crate | why |\n|---|---|\n| `mcap` | log |\n\n\
             ## Later\n| `ort` | later |\n"
        );
        let names: Vec<_> = listed(&text).unwrap().into_iter().collect();
        assert_eq!(names, ["mcap"]);
        assert!(listed("no section").is_err());
    }
}
