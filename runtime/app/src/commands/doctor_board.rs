//! `drafthorse doctor`: the machine beside its board's profile.

use anyhow::Result;
use drafthorse_boards::{BoardProfile, ClockDiscipline, JetsonLinux, PowerModes, Version};
use drafthorse_sensors::clock::Discipline;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One thing that the profile promises.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Comparison {
    pub(super) what: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) agrees: bool,
}

/// The profile named, or the one whose board this machine says it is, or that of an ordinary host.
pub(super) fn profile(named: Option<&str>, model: Option<&str>) -> Result<BoardProfile> {
    if let Some(name) = named {
        return Ok(drafthorse_boards::builtin(name)?);
    }
    for name in drafthorse_boards::names() {
        let profile = drafthorse_boards::builtin(name)?;
        let begins = |beginning: &String| model.is_some_and(|m| m.starts_with(beginning.as_str()));
        if profile.device_tree_models.iter().any(begins) {
            return Ok(profile);
        }
    }
    Ok(drafthorse_boards::host())
}

/// Compares the machine whose file system begins at `root` with a profile.
pub(super) fn compare(
    profile: &BoardProfile,
    root: &Path,
    clock: Discipline,
    cores: usize,
) -> Vec<Comparison> {
    let at = |path: &str| root.join(path.trim_start_matches('/'));
    let mut all = vec![
        equal(
            "architecture",
            profile.architecture(),
            std::env::consts::ARCH,
        ),
        at_least("cores", &profile.cores, &cores),
    ];
    let wanted = match profile.clock {
        ClockDiscipline::Ptp => Discipline::Ptp,
        ClockDiscipline::Ntp => Discipline::Ntp,
        ClockDiscipline::None => Discipline::None,
    };
    // PTP is more than was asked for where NTP was.
    let enough = wanted == Discipline::None || clock == wanted || clock == Discipline::Ptp;
    all.push(Comparison {
        what: "clock",
        expected: wanted.name().to_owned(),
        found: clock.name().to_owned(),
        agrees: enough,
    });
    if let Some(glibc) = glibc() {
        all.push(at_least("C library", &profile.floor.glibc, &glibc));
    }
    if let Some(release) = &profile.jetson_linux {
        let text = fs::read_to_string(at("/etc/nv_tegra_release")).unwrap_or_default();
        let found = JetsonLinux::release_in(&text);
        let found = found.map_or_else(|| "none".to_owned(), |release| release.to_string());
        all.push(equal("Jetson Linux", &release.l4t.to_string(), &found));
    }
    if let Some(modes) = &profile.power_modes {
        all.push(power_mode(&PowerModes {
            config: at(&modes.config.to_string_lossy()),
            status: at(&modes.status.to_string_lossy()),
        }));
    }
    let zones = contents(&at("/sys/class/thermal"), |path| vec![path.join("type")]);
    let rails = contents(&at("/sys/class/hwmon"), |path| {
        (1..=8).map(|n| path.join(format!("in{n}_label"))).collect()
    });
    let chips = contents(&at("/sys/class/gpio"), |path| vec![path.join("label")]);
    let expected_chips = profile.gpio.iter().map(|line| line.chip.clone());
    for (what, expected, found) in [
        (
            "thermal zones",
            profile.sensing.thermal_zones.clone(),
            zones,
        ),
        ("power rails", profile.sensing.rails.clone(), rails),
        ("GPIO chips", expected_chips.collect(), chips),
    ] {
        if !expected.is_empty() {
            all.push(contained(what, &expected, &found));
        }
    }
    all
}

fn equal(what: &'static str, expected: &str, found: &str) -> Comparison {
    Comparison {
        what,
        expected: expected.to_owned(),
        found: found.to_owned(),
        agrees: expected == found,
    }
}

fn at_least<T: PartialOrd + ToString>(what: &'static str, expected: &T, found: &T) -> Comparison {
    Comparison {
        what,
        expected: format!("at least {}", expected.to_string()),
        found: found.to_string(),
        agrees: found >= expected,
    }
}

fn contained(what: &'static str, expected: &[String], found: &BTreeSet<String>) -> Comparison {
    let expected: BTreeSet<_> = expected.iter().cloned().collect();
    let list = |names: &BTreeSet<String>| {
        if names.is_empty() {
            return "none".to_owned();
        }
        names
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    Comparison {
        what,
        agrees: expected.is_subset(found),
        expected: list(&expected),
        found: list(found),
    }
}

/// The first lines of the files that each entry of a folder has.
fn contents(folder: &Path, files: impl Fn(&Path) -> Vec<PathBuf>) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| files(&entry.path()))
        .filter_map(|file| Some(fs::read_to_string(file).ok()?.trim().to_owned()))
        .filter(|line| !line.is_empty())
        .collect()
}

/// Version of the GNU C library, as `getconf` has it.
fn glibc() -> Option<Version> {
    let ended = Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let text = String::from_utf8(ended.stdout).ok()?;
    text.trim().strip_prefix("glibc ")?.parse().ok()
}

/// The mode that is set must be one that nvpmodel's configuration defines.
fn power_mode(modes: &PowerModes) -> Comparison {
    let config = fs::read_to_string(&modes.config).unwrap_or_default();
    let status = fs::read_to_string(&modes.status).unwrap_or_default();
    let set = status
        .trim()
        .strip_prefix("pmode:")
        .and_then(|number| number.parse::<u32>().ok());
    let known = power_modes(&config);
    let name = set.and_then(|set| known.iter().find(|(number, _)| *number == set));
    let list: Vec<_> = known
        .iter()
        .map(|(n, name)| format!("{n}={name}"))
        .collect();
    Comparison {
        what: "power mode",
        expected: match list.is_empty() {
            true => format!("modes in {}", modes.config.display()),
            false => format!("one of {}", list.join(" ")),
        },
        found: match (name, set) {
            (Some((number, name)), _) => format!("{number}={name}"),
            (None, Some(number)) => format!("{number}, unknown"),
            (None, None) => "none".to_owned(),
        },
        agrees: name.is_some(),
    }
}

/// Number and name of each mode: lines `< POWER_MODEL ID=2 NAME=MAXN_SUPER >`.
fn power_modes(config: &str) -> Vec<(u32, String)> {
    let lines = config.lines().map(str::trim);
    let modes = lines.filter_map(|line| line.strip_prefix("< POWER_MODEL "));
    let value = |line: &str, key: &str| {
        let words = line.split_whitespace();
        words
            .filter_map(|word| word.strip_prefix(key))
            .map(str::to_owned)
            .next()
    };
    modes
        .filter_map(|line| Some((value(line, "ID=")?.parse().ok()?, value(line, "NAME=")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_known_by_its_device_tree() {
        let named = |model| profile(None, Some(model)).unwrap().name;
        assert_eq!(
            named("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super"),
            "orin-nano"
        );
        assert_eq!(
            named("NVIDIA Jetson Orin NX Engineering Reference"),
            "orin-nx"
        );
        assert_eq!(named("NVIDIA Jetson AGX Orin Developer Kit"), "agx-orin");
        assert_eq!(named("Raspberry Pi 5 Model B Rev 1.0"), "raspberry-pi-5");
        assert_eq!(named("linux,dummy-virt"), "virt-aarch64");
        assert_eq!(named("a laptop"), "host");
        assert_eq!(profile(None, None).unwrap().name, "host");
        assert_eq!(profile(Some("agx-thor"), None).unwrap().name, "agx-thor");
        assert!(profile(Some("toaster"), None).is_err());
    }

    #[test]
    fn an_orin_nano_is_compared_file_by_file() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put(
            "etc/nv_tegra_release",
            "# R39 (release), REVISION: 2.1, GCID: 1, BOARD: generic, EABI: aarch64\n",
        );
        put(
            "etc/nvpmodel.conf",
            "< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n",
        );
        put("var/lib/nvpmodel/status", "pmode:0002\n");
        let profile = drafthorse_boards::builtin("orin-nano").unwrap();
        for (n, zone) in profile.sensing.thermal_zones.iter().enumerate() {
            put(&format!("sys/class/thermal/thermal_zone{n}/type"), zone);
        }
        for (n, rail) in profile.sensing.rails.iter().enumerate() {
            put(&format!("sys/class/hwmon/hwmon3/in{}_label", n + 1), rail);
        }
        put("sys/class/gpio/gpiochip348/label", "tegra234-gpio\n");
        let differs = |cores| -> Vec<_> {
            compare(&profile, root.path(), Discipline::Ptp, cores)
                .into_iter()
                .filter(|c| !c.agrees && !["architecture", "C library"].contains(&c.what))
                .map(|c| (c.what, c.found))
                .collect()
        };
        assert_eq!(differs(6), []);
        assert_eq!(differs(4), [("cores", "4".to_owned())]);
        put("var/lib/nvpmodel/status", "pmode:0007\n");
        put(
            "etc/nv_tegra_release",
            "# R36 (release), REVISION: 4.3, GCID: 1\n",
        );
        put("sys/class/thermal/thermal_zone1/type", "another");
        let found: Vec<_> = differs(6).into_iter().map(|(what, _)| what).collect();
        assert_eq!(found, ["Jetson Linux", "power mode", "thermal zones"]);
    }
}
