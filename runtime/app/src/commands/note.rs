//! `drafthorse note`.

use crate::cli::NoteArgs;
use crate::run::send_note;
use anyhow::Result;
use std::io::Write as _;
use std::path::Path;

pub(super) fn note(args: &NoteArgs) -> Result<()> {
    let folder = match args.log.is_dir() {
        true => args.log.as_path(),
        false => args.log.parent().unwrap_or(Path::new("")),
    };
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let at_ns = send_note(folder, &args.text)?;
    writeln!(std::io::stdout().lock(), "noted at {at_ns} ns")?;
    Ok(())
}
