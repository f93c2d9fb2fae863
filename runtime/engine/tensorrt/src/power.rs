//! The board's power mode: clocks and cores differ between modes, and with them the fastest kernels.

use std::process::Command;

/// Where NVIDIA's service keeps the mode.
const STATUS: &str = "/var/lib/nvpmodel/status";

/// The mode that `nvpmodel` tells, or the number that its service keeps, or `none` on machines that
/// have no such modes.
#[must_use]
pub fn power_mode() -> String {
    let asked = Command::new("nvpmodel").arg("-q").output();
    let told = asked.ok().filter(|output| output.status.success());
    told.and_then(|output| mode_of_query(&String::from_utf8_lossy(&output.stdout)))
        .or_else(|| mode_of_status(&std::fs::read_to_string(STATUS).ok()?))
        .unwrap_or_else(|| "none".to_owned())
}

/// From what `nvpmodel -q` prints: `NV Power Mode: 15W` and the mode's number below it.
fn mode_of_query(text: &str) -> Option<String> {
    let name = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("NV Power Mode:"))?
        .trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// From the service's file: `pmode:0002`.
fn mode_of_status(text: &str) -> Option<String> {
    let number = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("pmode:"))?;
    let number: u32 = number.trim().parse().ok()?;
    Some(format!("mode {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let query = "NVPM WARN: fan mode is not set!\nNV Power Mode: MAXN_SUPER\n2\n";
        assert_eq!(mode_of_query(query).unwrap(), "MAXN_SUPER");
        assert_eq!(mode_of_query("NV Power Mode:\n"), None);
        assert_eq!(mode_of_status("pmode:0002\n").unwrap(), "mode 2");
        assert_eq!(mode_of_status("fmode:quiet\n"), None);
    }
}
