//! The program for a board: tools looked for, cross-compiled, stripped, and the same bytes from
//! every folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use drafthorse_boards::BoardProfile;

use crate::workspace;

/// Builds the release program and gives its path.
pub(super) fn build(profile: &BoardProfile, zig: bool) -> anyhow::Result<PathBuf> {
    let triple = &profile.triple;
    check_tools(profile, zig)?;
    // A folder of its own: the flags would have everything else built again.
    let target = workspace::root().join("target/bundle");
    let mut command = Command::new(workspace::cargo());
    let floor = &profile.floor.glibc;
    match zig {
        true => command.args(["zigbuild", "--target", &format!("{triple}.{floor}")]),
        false => command.args(["build", "--target", triple]),
    };
    command
        .args([
            "--release",
            "--locked",
            "-p",
            "drafthorse",
            "--bin",
            "drafthorse",
        ])
        .args(["--config", "profile.release.strip=\"symbols\""])
        .args(["--no-default-features"])
        .current_dir(workspace::root())
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_INCREMENTAL", "0");
    if !profile.bundle.features.is_empty() {
        command.args(["--features", &profile.bundle.features.join(",")]);
    }
    reproducibly(&mut command, &target, triple);
    if !zig && is_foreign(profile) {
        let prefix = gnu_prefix(profile);
        let upper = triple.to_uppercase().replace('-', "_");
        command
            .env(
                format!("CARGO_TARGET_{upper}_LINKER"),
                format!("{prefix}-gcc"),
            )
            // Where the C library's headers are, for the bindings of V4L2.
            .env(
                format!("BINDGEN_EXTRA_CLANG_ARGS_{}", triple.replace('-', "_")),
                format!("--sysroot=/usr/{prefix} -I/usr/{prefix}/include"),
            );
    }
    let status = command.status().context("cargo could not be started")?;
    ensure!(status.success(), "the program does not build for {triple}");
    Ok(target.join(triple).join("release/drafthorse"))
}

/// Takes the folders' names out of what the compilers write.
fn reproducibly(command: &mut Command, target: &Path, triple: &str) {
    let home = std::env::var_os("CARGO_HOME").map_or_else(
        || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cargo"),
        PathBuf::from,
    );
    let root = workspace::root();
    // The last that fits counts.
    let places = [
        (root.as_path(), "/drafthorse"),
        (target, "/target"),
        (home.as_path(), "/cargo"),
    ];
    let rust = places.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let c = places.map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display()));
    let c = c.join(" ");
    let underscored = triple.replace('-', "_");
    command
        .env("CARGO_ENCODED_RUSTFLAGS", rust.join("\x1f"))
        .env(format!("CFLAGS_{underscored}"), &c)
        .env(format!("CXXFLAGS_{underscored}"), &c)
        .env("SOURCE_DATE_EPOCH", "0");
}

fn is_foreign(profile: &BoardProfile) -> bool {
    profile.architecture() != std::env::consts::ARCH
}

/// The prefix of the GNU tools for the board: `aarch64-linux-gnu`.
fn gnu_prefix(profile: &BoardProfile) -> String {
    profile.triple.replace("-unknown", "")
}

/// Names all that is missing at once, and how it is installed.
fn check_tools(profile: &BoardProfile, zig: bool) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let triple = &profile.triple;
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(workspace::root())
        .output()
        .context("rustc could not be started")?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    let library = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(triple)
        .join("lib");
    if !library.is_dir() {
        missing.push(format!("rustup target add {triple}"));
    }
    if zig {
        if !is_there("cargo-zigbuild") {
            missing.push("cargo install --locked cargo-zigbuild".to_owned());
        }
        if !is_there("zig") && !is_there("python-zig") {
            missing.push("pip install ziglang".to_owned());
        }
    } else if is_foreign(profile) {
        let prefix = gnu_prefix(profile);
        for (compiler, package) in [("gcc", "gcc"), ("g++", "g++")] {
            if !is_there(&format!("{prefix}-{compiler}")) {
                missing.push(format!("apt-get install {package}-{prefix}"));
            }
        }
    }
    let has_libclang = || {
        let folders = std::fs::read_dir("/usr/lib")
            .into_iter()
            .flatten()
            .flatten();
        folders
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"))
            .any(|entry| entry.path().join("lib").is_dir())
    };
    if profile.bundle.features.iter().any(|f| f == "v4l2")
        && std::env::var_os("LIBCLANG_PATH").is_none()
        && !has_libclang()
    {
        missing.push("apt-get install libclang-dev".to_owned());
    }
    if !missing.is_empty() {
        bail!(
            "a bundle for {} needs what is not here; install it by:\n  {}",
            profile.name,
            missing.join("\n  ")
        );
    }
    Ok(())
}

/// Whether a program is on the path.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
