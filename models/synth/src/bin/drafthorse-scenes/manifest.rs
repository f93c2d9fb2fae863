//! `manifest.json`: which scenes a folder holds. Scenes of other options are never mixed with them.

use crate::Args;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Writes the manifest into an empty folder, or finds the same one there: the same options give the
/// same bytes, so that writing them again mixes nothing.
pub(crate) fn claim(folder: &Path, args: &Args) -> Result<()> {
    let own = manifest(args);
    let path = folder.join("manifest.json");
    if let Ok(text) = fs::read_to_string(&path) {
        if serde_json::from_str::<Value>(&text).ok().as_ref() != Some(&own) {
            bail!(
                "{} holds scenes of other options ({}); choose another --out",
                folder.display(),
                path.display()
            );
        }
        return Ok(());
    }
    let read = || format!("cannot read {}", folder.display());
    if fs::read_dir(folder).with_context(read)?.next().is_some() {
        bail!(
            "{} is not empty and has no manifest.json; choose another --out",
            folder.display()
        );
    }
    fs::write(&path, serde_json::to_string_pretty(&own)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))
}

fn manifest(args: &Args) -> Value {
    json!({
        "split": args.split.name(),
        "seed": args.seed,
        "scenes": args.scenes,
        "captions": args.captions,
        "verified": !args.unverified,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn a_folder_takes_scenes_of_one_kind_only() {
        let folder = tempfile::tempdir().unwrap();
        let args = |more: &[&str]| {
            let all = ["drafthorse-scenes", "--out", "x"].iter().chain(more);
            Args::parse_from(all)
        };
        claim(folder.path(), &args(&[])).unwrap();
        claim(folder.path(), &args(&[])).unwrap();
        for more in [
            &["--split", "val"][..],
            &["--seed", "2"],
            &["--scenes", "7"],
            &["--unverified"],
        ] {
            assert!(claim(folder.path(), &args(more)).is_err(), "{more:?}");
        }
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("train-000.jsonl"), "").unwrap();
        assert!(claim(other.path(), &args(&[])).is_err());
    }
}
