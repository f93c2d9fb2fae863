//! The program's commands: their arguments, and what they say.

pub(crate) mod certs;
pub(crate) mod export;
pub(crate) mod serve;

use drafthorse_target::{TargetError, TargetFiles};
use std::io::Write as _;
use std::path::Path;

/// The files of a target; says what a target without a drafter lacks.
fn files(model: &Path, drafter: Option<&Path>) -> Result<TargetFiles, TargetError> {
    let files = TargetFiles::read(model, drafter)?;
    if files.shape.fsq().is_none() {
        tracing::warn!(
            "no code for image tokens is here: blocks in `fsq`, the vehicles' default, are refused; name the drafter's folder with --drafter"
        );
    }
    if files.drafter.is_none() {
        tracing::warn!("nothing drafts beside the target: a word a run; --drafter names a folder");
    }
    Ok(files)
}

/// A line on standard output, which a program may be waiting for.
fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
