//! The board's system, made once and kept until what it is made from changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use drafthorse_release::Digest;

use super::shell;
use crate::bundle::is_there;
use crate::workspace;

/// Programs that the board needs, with Debian's package of each.
const TOOLS: [(&str, &str); 8] = [
    ("qemu-system-aarch64", "qemu-system-arm"),
    ("mmdebstrap", "mmdebstrap"),
    ("qemu-aarch64-static", "qemu-user-static"),
    ("arch-test", "arch-test"),
    ("depmod", "kmod"),
    ("cpio", "cpio"),
    ("fakeroot", "fakeroot"),
    ("mke2fs", "e2fsprogs"),
];
/// What the system is made from, in `boards/virtual`.
const SOURCES: [&str; 3] = ["image.sh", "init", "system"];

/// Makes the system where it is not there, and gives its folder.
pub(super) fn want(folder: &Path) -> anyhow::Result<PathBuf> {
    check_tools()?;
    shell::want_key(folder)?;
    let image = folder.join("image");
    let recipe = recipe(folder)?;
    let made_from = image.join("recipe");
    if fs::read_to_string(&made_from).is_ok_and(|made| made == recipe) {
        return Ok(image);
    }
    check_emulation()?;
    println!("board: making its system from Debian's packages; this takes minutes, once");
    super::timed("system", || {
        let status = Command::new(workspace::root().join("boards/virtual/image.sh"))
            .arg(&image)
            .arg(shell::public_key(folder))
            .stdin(Stdio::null())
            .status()
            .context("boards/virtual/image.sh could not be started")?;
        ensure!(status.success(), "its system could not be made; see above");
        Ok(())
    })?;
    fs::write(&made_from, recipe)?;
    Ok(image)
}

/// A copy of a disk that takes only what is written.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let status = Command::new("cp")
        .args(["--sparse=always", "--reflink=auto"])
        .args([from, to])
        .status()
        .context("cp could not be started")?;
    ensure!(status.success(), "{} could not be copied", from.display());
    Ok(())
}

/// Digest of all that the system is made from.
fn recipe(folder: &Path) -> anyhow::Result<String> {
    let root = workspace::root().join("boards/virtual");
    let mut paths: Vec<_> = SOURCES.iter().map(|source| root.join(source)).collect();
    let mut files = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                paths.push(entry?.path());
            }
        } else {
            files.push(path);
        }
    }
    files.sort();
    files.push(shell::public_key(folder));
    let mut text = String::new();
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("{}", file.display()))?;
        text.push_str(&format!("{}\n", Digest::of(&bytes)));
    }
    Ok(Digest::of(text.as_bytes()).to_string())
}

/// Names all that is missing at once, and how it is installed.
fn check_tools() -> anyhow::Result<()> {
    let missing: Vec<_> = TOOLS
        .iter()
        .filter(|(tool, _)| !is_there(tool) && !Path::new("/usr/sbin").join(tool).is_file())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        bail!(
            "the virtual board needs what is not here; boards/virtual/prerequisites.sh installs all of it, or:\n  apt-get install {}",
            missing.join(" ")
        );
    }
    Ok(())
}

/// Debian's packages for aarch64 run their own programs while they are installed.
fn check_emulation() -> anyhow::Result<()> {
    let status = Command::new("arch-test")
        .arg("arm64")
        .stdout(Stdio::null())
        .status()
        .context("arch-test could not be started")?;
    ensure!(
        status.success(),
        "programs for aarch64 do not start here, which making the board's system needs: run boards/virtual/prerequisites.sh, \
         which mounts binfmt_misc and has it start them by qemu-aarch64-static"
    );
    Ok(())
}
