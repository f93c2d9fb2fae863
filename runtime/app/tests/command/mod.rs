//! Calls of the program.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// Calls it in a folder.
pub(crate) fn drafthorse(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_drafthorse"))
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap()
}

/// What it prints, or why it failed.
#[allow(dead_code, reason = "not every test reads JSON")]
pub(crate) fn json(output: &Output) -> Result<Value, String> {
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
