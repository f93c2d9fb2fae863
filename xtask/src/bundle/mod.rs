//! `cargo xtask bundle`: one signed file with all that a board runs.

mod build;
mod config;
mod content;
mod pack;
mod sbom;
mod symbols;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use drafthorse_boards::{BoardProfile, builtin};

pub(crate) use build::is_there;
pub(crate) use pack::{Bundle, open};

use crate::keys::{self, Signer};
use crate::{machine, workspace};

/// What goes into the bundle.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Board whose profile in `boards/` says what belongs into the bundle
    #[arg(long)]
    pub(crate) board: String,
    /// Folder of the bundle
    #[arg(long, value_name = "DIR", default_value = "target/bundles")]
    pub(crate) out: PathBuf,
    /// Secret key; `~/.config/drafthorse/fleet.key` if left out
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_SIGNING_KEY")]
    pub(crate) key: Option<PathBuf>,
    /// Build with cargo-zigbuild against the C library of the profile's floor, where the cross
    /// compiler's own is newer
    #[arg(long)]
    pub(crate) zig: bool,
    /// A program that was built elsewhere; nothing is compiled then
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
    /// Configuration of the run; one of a radar and a camera if left out
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl Arguments {
    /// All as a board's profile has it; the key as on the command line.
    pub(crate) fn of_board(board: &str) -> Self {
        Self {
            board: board.to_owned(),
            out: workspace::root().join("target/bundles"),
            key: std::env::var_os("DRAFTHORSE_SIGNING_KEY").map(PathBuf::from),
            zig: false,
            binary: None,
            config: None,
        }
    }
}

/// Builds the bundle and prints where it is.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    make(arguments).map(|_| ())
}

/// Builds the bundle and gives its path.
pub(crate) fn make(arguments: &Arguments) -> anyhow::Result<PathBuf> {
    let profile = builtin(&arguments.board)?;
    // Before the long part: without a key there is no bundle.
    let signer = signer(arguments.key.as_deref())?;
    let program = match &arguments.binary {
        Some(path) => path.clone(),
        None => build::build(&profile, arguments.zig)?,
    };
    let bytes = std::fs::read(&program)
        .with_context(|| format!("the program {} cannot be read", program.display()))?;
    symbols::check("bin/drafthorse", &bytes, &profile)?;
    let config = match &arguments.config {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?,
        None => config::text(&profile),
    };
    let files = content::collect(&profile, bytes, config)?;
    if let Some((library, _)) = files.get(content::ONNXRUNTIME) {
        symbols::check(content::ONNXRUNTIME, library, &profile)?;
    }
    write(&profile, &files, &signer, &arguments.out)
}

fn signer(key: Option<&Path>) -> anyhow::Result<Signer> {
    match key {
        Some(path) => Signer::read(path),
        None => Signer::read(&keys::folder()?.join("fleet.key")),
    }
}

fn write(
    profile: &BoardProfile,
    files: &content::Files,
    signer: &Signer,
    out: &Path,
) -> anyhow::Result<PathBuf> {
    let packed = pack::pack(profile, files, &machine::revision(), signer)?;
    std::fs::create_dir_all(out).with_context(|| format!("{}", out.display()))?;
    let path = out.join(format!("drafthorse-{}-{}.tar.zst", profile.name, packed.id));
    std::fs::write(&path, &packed.bytes).with_context(|| format!("{}", path.display()))?;
    println!("release  {}", packed.id);
    println!(
        "bundle   {}  {:.1} MiB of {:.1} MiB",
        path.display(),
        mib(packed.bytes.len() as u64),
        mib(packed.content_bytes)
    );
    println!("sha256   {}", drafthorse_release::Digest::of(&packed.bytes));
    Ok(path)
}

/// MiB of bytes.
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
