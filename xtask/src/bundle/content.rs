//! What lies in a bundle.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use drafthorse_boards::BoardProfile;
use drafthorse_release::PROGRAM;

use super::sbom;
use crate::workspace;

/// A file's bytes, and whether it is a program.
pub(super) type Content = (Vec<u8>, bool);
/// Files by their path in the release, sorted by it.
pub(super) type Files = BTreeMap<String, Content>;

/// The library of ONNX Runtime in the release, where it has one.
pub(super) const ONNXRUNTIME: &str = "lib/libonnxruntime.so";

/// Collects the files of a board's bundle.
pub(super) fn collect(
    profile: &BoardProfile,
    program: Vec<u8>,
    config: String,
) -> anyhow::Result<Files> {
    let root = workspace::root();
    let mut files = Files::new();
    files.insert(PROGRAM.to_owned(), (program, true));
    files.insert("config/drafthorse.toml".to_owned(), (config.into(), false));
    for model in &profile.bundle.models {
        let folder = root.join("models").join(model);
        ensure!(
            folder.is_dir(),
            "the profile {} wants the model {model}, but there is no {}",
            profile.name,
            folder.display()
        );
        add_folder(&mut files, &folder, &format!("models/{model}"))?;
    }
    add_folder(&mut files, &root.join("boards/device"), "device")?;
    let start = files
        .remove("device/start")
        .context("boards/device/start is missing")?;
    files.insert("bin/start".to_owned(), start);
    if profile.bundle.onnxruntime {
        let library = onnxruntime(profile.architecture())?;
        files.insert(ONNXRUNTIME.to_owned(), (library, false));
    }
    let sbom = sbom::make(profile)?;
    files.insert("sbom.cdx.json".to_owned(), (sbom, false));
    for licence in ["LICENSE-MIT", "LICENSE-APACHE", "docs/third-party.md"] {
        let path = root.join(licence);
        let name = licence.rsplit('/').next().unwrap_or(licence);
        if path.is_file() {
            let text = fs::read(&path)?;
            files.insert(format!("licences/{name}"), (text, false));
        }
    }
    Ok(files)
}

/// Adds all files below a folder.
fn add_folder(files: &mut Files, folder: &Path, name: &str) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let inner = entry.file_name();
        let inner = inner
            .to_str()
            .with_context(|| format!("{} is not named in UTF-8", entry.path().display()))?;
        let inside = format!("{name}/{inner}");
        let about = fs::metadata(entry.path())?;
        if about.is_dir() {
            add_folder(files, &entry.path(), &inside)?;
        } else {
            let executable = about.permissions().mode() & 0o100 != 0;
            files.insert(inside, (fs::read(entry.path())?, executable));
        }
    }
    Ok(())
}

/// The pinned library of ONNX Runtime for a processor.
fn onnxruntime(architecture: &str) -> anyhow::Result<Vec<u8>> {
    let ended = Command::new(workspace::root().join("tests/engines/onnxruntime.sh"))
        .arg(architecture)
        .output()
        .context("tests/engines/onnxruntime.sh could not be started")?;
    ensure!(
        ended.status.success(),
        "ONNX Runtime for {architecture} could not be fetched: {}",
        String::from_utf8_lossy(&ended.stderr).trim()
    );
    let path = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
    fs::read(&path).with_context(|| format!("{path} cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::pack::pack;
    use crate::keys::tests::signer;

    #[test]
    fn two_folders_with_the_same_files_make_the_same_bundle() {
        let keys = tempfile::tempdir().unwrap();
        let (signer, _) = signer(keys.path());
        let profile = drafthorse_boards::host();
        let bundle = |names: &[&str]| {
            let folder = tempfile::tempdir().unwrap();
            for name in names {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, name.repeat(1000)).unwrap();
            }
            let run = folder.path().join("bin/drafthorse");
            fs::set_permissions(&run, fs::Permissions::from_mode(0o777)).unwrap();
            let mut files = Files::new();
            for part in ["bin", "models"] {
                add_folder(&mut files, &folder.path().join(part), part).unwrap();
            }
            pack(&profile, &files, "abc", &signer).unwrap().bytes
        };
        // Made in another order, at another time, in a folder of another name.
        let first = bundle(&["bin/drafthorse", "models/a/x.onnx", "models/a/y.onnx"]);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let second = bundle(&["models/a/y.onnx", "models/a/x.onnx", "bin/drafthorse"]);
        assert!(first == second);
    }
}
