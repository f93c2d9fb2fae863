//! What a verification record says about the machine, the date and the revision.

use std::process::Command;

use crate::workspace;

/// Standard output of a command, trimmed; `None` where it failed or said nothing.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let ended = Command::new(program)
        .args(arguments)
        .current_dir(workspace::root())
        .output()
        .ok()
        .filter(|ended| ended.status.success())?;
    let text = String::from_utf8(ended.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The day and minute in UTC, as `2026-01-31 12:00 UTC`.
pub(crate) fn date() -> String {
    output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).unwrap_or_else(|| "unknown".to_owned())
}

/// The git revision, with a remark where the working tree differs from it in more than the record
/// of verification itself.
pub(crate) fn revision() -> String {
    let Some(revision) = output("git", &["rev-parse", "--short=12", "HEAD"]) else {
        return "none".to_owned();
    };
    let changes = ["status", "--porcelain", "--", ".", ":!docs/verification.*"];
    match output("git", &changes) {
        Some(_) => format!("{revision} with changes"),
        None => revision,
    }
}

/// The processor's name and the number of cores that this process may use.
pub(crate) fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let name = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{name}, {cores} cores")
}

/// The compiler's version.
pub(crate) fn compiler() -> String {
    output("rustc", &["--version"]).unwrap_or_else(|| "unknown".to_owned())
}
