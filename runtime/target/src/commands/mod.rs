//! The program's commands: their arguments, and what they say.

pub(crate) mod certs;
pub(crate) mod export;
pub(crate) mod serve;

use std::io::Write as _;

/// A line on standard output, which a program may be waiting for.
fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
