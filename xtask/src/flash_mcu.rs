//! `cargo xtask flash --mcu`: a microcontroller gets the sync firmware through probe-rs.

use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::bundle::is_there;
use crate::mcu::{self, Mcu};

/// Looks for the probe, builds, writes, verifies and starts.
pub(crate) fn run(name: &str, probe: Option<&str>, dry_run: bool) -> anyhow::Result<()> {
    let mcu = Mcu::named(name)?;
    let Some(chip) = mcu.chip else {
        bail!("{name} is run by QEMU and not flashed: cargo xtask firmware");
    };
    let program = mcu.program();
    let commands = commands(chip, probe, &program.to_string_lossy());
    for words in &commands {
        println!("command  {}", words.join(" "));
    }
    ensure!(
        is_there("probe-rs"),
        "probe-rs is missing: cargo install --locked probe-rs-tools"
    );
    let listed = Command::new("probe-rs")
        .arg("list")
        .output()
        .context("probe-rs could not be started")?;
    let listed = String::from_utf8_lossy(&listed.stdout);
    check_probes(&listed, probe)?;
    if dry_run {
        return Ok(());
    }
    let program = mcu.build()?;
    let size = mcu::size(&program)?;
    println!(
        "program  {}, {} bytes of flash",
        program.display(),
        size.flash
    );
    for words in &commands {
        let (program, arguments) = words.split_first().context("an empty command")?;
        let status = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .status()
            .context("probe-rs could not be started")?;
        ensure!(status.success(), "`{}` failed", words.join(" "));
    }
    println!(
        "flashed; `probe-rs attach --chip {chip} {}` shows its log",
        program.display()
    );
    Ok(())
}

/// The commands' words: write and verify, then start.
fn commands(chip: &str, probe: Option<&str>, program: &str) -> [Vec<String>; 2] {
    let which: Vec<&str> = probe.iter().flat_map(|probe| ["--probe", probe]).collect();
    let words = |task: &[&str], last: &[&str]| {
        let all = [&["probe-rs"], task, &["--chip", chip], &which, last].concat();
        all.into_iter().map(str::to_owned).collect()
    };
    [
        words(&["download"], &["--verify", program]),
        words(&["reset"], &[]),
    ]
}

/// One probe must be there, or the one that was named: probe-rs would ask.
fn check_probes(listed: &str, wanted: Option<&str>) -> anyhow::Result<()> {
    let probes: Vec<&str> = listed
        .lines()
        .filter(|line| line.starts_with('['))
        .collect();
    match (probes.as_slice(), wanted) {
        ([], _) => bail!("no debug probe is connected"),
        ([_], None) => Ok(()),
        (several, None) => bail!(
            "{} debug probes are connected; name one with --probe VID:PID[:SERIAL]: {}",
            several.len(),
            several.join("; ")
        ),
        (there, Some(wanted)) => {
            ensure!(
                there.iter().any(|line| line.contains(wanted)),
                "no debug probe is {wanted}; there are: {}",
                there.join("; ")
            );
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_those_of_probe_rs() {
        let [download, reset] = commands("RP235x", Some("2e8a:000c"), "a/pico2");
        assert_eq!(
            download.join(" "),
            "probe-rs download --chip RP235x --probe 2e8a:000c --verify a/pico2"
        );
        assert_eq!(
            reset.join(" "),
            "probe-rs reset --chip RP235x --probe 2e8a:000c"
        );
    }

    #[test]
    fn one_probe_must_be_meant() {
        let two = "The following debug probes were found:\n\
                   [0]: STLink V2-1 -- 0483:374b:066C (ST-LINK)\n\
                   [1]: Debug Probe -- 2e8a:000c:E661 (CMSIS-DAP)\n";
        let one = &two[..two.find("[1]").unwrap()];
        check_probes(one, None).unwrap();
        check_probes(two, Some("2e8a:000c")).unwrap();
        let refused = |listed: &str, wanted: Option<&str>| {
            check_probes(listed, wanted).unwrap_err().to_string()
        };
        assert!(refused("No debug probes were found.\n", None).contains("no debug probe"));
        assert!(refused(two, None).contains("--probe"));
        assert!(refused(one, Some("2e8a:000c")).contains("2e8a:000c"));
    }

    #[test]
    fn what_is_not_flashed_says_so() {
        let error = run("mps2-an386", None, true).unwrap_err().to_string();
        assert!(error.contains("QEMU"), "{error}");
        let error = run("uno", None, true).unwrap_err().to_string();
        assert!(error.contains("pico2"), "{error}");
    }
}
