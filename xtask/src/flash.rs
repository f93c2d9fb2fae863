//! `cargo xtask flash`: a bare Jetson gets its system from NVIDIA's board support package (BSP), by
//! NVIDIA's own program. What is here looks before it leaps: host packages, the package's release
//! and board, the device in recovery mode.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use clap::Args;
use drafthorse_boards::{BoardProfile, FlashProfile, JetsonLinux, UsbId, builtin};

use crate::bundle::is_there;
use crate::{flash_mcu, machine, workspace};

/// Programs that NVIDIA's scripts call, with Debian's and Ubuntu's packages of them.
const HOST_PROGRAMS: [(&str, &str); 9] = [
    ("abootimg", "abootimg"),
    ("bzip2", "bzip2"),
    ("dtc", "device-tree-compiler"),
    ("exportfs", "nfs-kernel-server"),
    ("lz4", "lz4"),
    ("python3", "python3"),
    ("sshpass", "sshpass"),
    ("udevadm", "udev"),
    ("zstd", "zstd"),
];

/// What is flashed how.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Board whose profile in `boards/` has the recipe
    #[arg(long, required_unless_present = "mcu", requires = "bsp")]
    board: Option<String>,
    /// Folder of the BSP: `Linux_for_Tegra`, with the root file system in it and apply_binaries.sh run
    #[arg(long, value_name = "DIR", requires = "board")]
    bsp: Option<PathBuf>,
    /// Microcontroller that gets the sync firmware: nucleo-f446re or pico2
    #[arg(long, value_name = "NAME", conflicts_with = "board")]
    mcu: Option<String>,
    /// Debug probe to flash the microcontroller with, where several are connected
    #[arg(long, value_name = "VID:PID[:SERIAL]", requires = "mcu")]
    probe: Option<String>,
    /// Check everything, print the command and do not run it
    #[arg(long)]
    dry_run: bool,
}

/// Checks and flashes.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(mcu) = &arguments.mcu {
        return flash_mcu::run(mcu, arguments.probe.as_deref(), arguments.dry_run);
    }
    let (Some(board), Some(bsp)) = (&arguments.board, &arguments.bsp) else {
        bail!("name a board and its BSP (--board, --bsp), or a microcontroller (--mcu)");
    };
    let profile = builtin(board)?;
    let recipe = profile.flash.as_ref().with_context(|| {
        format!(
            "{} is not flashed by NVIDIA's tools; docs/deploy.md says how",
            profile.name
        )
    })?;
    let mut wrong = Vec::new();
    for check in [
        check_host(),
        check_bsp(&profile, recipe, bsp),
        check_recovery(recipe, Path::new("/sys/bus/usb/devices")),
    ] {
        match check {
            Ok(found) => println!("ok       {found}"),
            Err(error) => {
                println!("not ok   {error:#}");
                wrong.push(error);
            }
        }
    }
    let root = is_root();
    let words = command(recipe, root);
    println!("command  cd {} && {}", bsp.display(), words.join(" "));
    ensure!(
        wrong.is_empty(),
        "{} checks failed; nothing was flashed",
        wrong.len()
    );
    if arguments.dry_run {
        return Ok(());
    }
    flash(&words, bsp, &profile.name)
}

/// The command's words; NVIDIA's programs want root.
fn command(recipe: &FlashProfile, root: bool) -> Vec<String> {
    let sudo = (!root).then(|| "sudo".to_owned());
    let quoted = recipe
        .arguments
        .iter()
        .map(|word| match word.contains(' ') {
            true => format!("\"{word}\""),
            false => word.clone(),
        });
    sudo.into_iter()
        .chain([recipe.tool.clone()])
        .chain(quoted)
        .collect()
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uid.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

fn check_host() -> anyhow::Result<String> {
    let missing = HOST_PROGRAMS.iter().filter(|(program, _)| {
        let system = ["/usr/sbin", "/sbin"].map(|folder| Path::new(folder).join(program));
        !is_there(program) && !system.iter().any(|path| path.is_file())
    });
    let missing: Vec<_> = missing.map(|(_, package)| *package).collect();
    ensure!(
        missing.is_empty(),
        "host packages: apt-get install {}",
        missing.join(" ")
    );
    Ok("host packages".to_owned())
}

/// The BSP must have the profile's release, its board and its program, and a root file system.
fn check_bsp(profile: &BoardProfile, recipe: &FlashProfile, bsp: &Path) -> anyhow::Result<String> {
    let wanted = profile
        .jetson_linux
        .as_ref()
        .context("the profile names no release")?;
    let path = bsp.join("rootfs/etc/nv_tegra_release");
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "{} is missing: unpack Jetson Linux {} and its sample root file system, then run apply_binaries.sh",
            path.display(),
            wanted.l4t
        )
    })?;
    let found = JetsonLinux::release_in(&text)
        .with_context(|| format!("{} names no release: {}", path.display(), text.trim()))?;
    ensure!(
        found == wanted.l4t,
        "the BSP is Jetson Linux {found}, the profile {} wants {} (JetPack {})",
        profile.name,
        wanted.l4t,
        wanted.jetpack
    );
    let conf = bsp.join(format!("{}.conf", recipe.board));
    ensure!(conf.is_file(), "the BSP has no {}", conf.display());
    let tool = bsp.join(&recipe.tool);
    ensure!(tool.is_file(), "the BSP has no {}", tool.display());
    Ok(format!("Jetson Linux {found} with {}", recipe.board))
}

/// Exactly one device must wait in recovery mode: the program would not ask which.
fn check_recovery(recipe: &FlashProfile, devices: &Path) -> anyhow::Result<String> {
    let entries = fs::read_dir(devices).into_iter().flatten().flatten();
    let found: Vec<UsbId> = entries
        .filter_map(|entry| {
            let read = |name: &str| fs::read_to_string(entry.path().join(name)).ok();
            let (vendor, product) = (read("idVendor")?, read("idProduct")?);
            format!("{}:{}", vendor.trim(), product.trim()).parse().ok()
        })
        .collect();
    let ours: Vec<_> = found
        .iter()
        .filter(|id| recipe.recovery_usb.contains(id))
        .collect();
    match ours.as_slice() {
        [id] => Ok(format!("a device in recovery mode: {id}")),
        [] => {
            let wanted: Vec<_> = recipe
                .recovery_usb
                .iter()
                .map(ToString::to_string)
                .collect();
            let nvidia = found.iter().filter(|id| id.vendor == 0x0955);
            let others: Vec<_> = nvidia.map(ToString::to_string).collect();
            let others = match others.is_empty() {
                true => String::new(),
                false => format!("; another NVIDIA device is there: {}", others.join(", ")),
            };
            bail!(
                "no device in recovery mode ({}): hold FORCE RECOVERY while it powers on{others}",
                wanted.join(" or ")
            )
        }
        _ => bail!(
            "{} devices are in recovery mode; leave one connected",
            ours.len()
        ),
    }
}

/// Runs the command with its output shown and kept.
fn flash(words: &[String], bsp: &Path, board: &str) -> anyhow::Result<()> {
    let folder = workspace::root().join("target/flash");
    fs::create_dir_all(&folder)?;
    let stamp = machine::date().replace([' ', ':'], "-");
    let path = folder.join(format!("{board}-{stamp}.log"));
    let mut log = File::create(&path).with_context(|| format!("{}", path.display()))?;
    let line = format!("exec {} 2>&1", words.join(" "));
    writeln!(log, "$ {line}")?;
    let mut child = Command::new("sh")
        .args(["-c", &line])
        .current_dir(bsp)
        .stdout(Stdio::piped())
        .spawn()
        .context("sh could not be started")?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            writeln!(log, "{line}")?;
        }
    }
    let status = child.wait()?;
    ensure!(
        status.success(),
        "flashing ended with {status}; its output is in {}",
        path.display()
    );
    println!("flashed; the output is in {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_bsp_must_fit_the_profile() {
        let bsp = tempfile::tempdir().unwrap();
        let profile = builtin("orin-nano").unwrap();
        let recipe = profile.flash.as_ref().unwrap();
        let refused = |word: &str| {
            let error = format!("{:#}", check_bsp(&profile, recipe, bsp.path()).unwrap_err());
            assert!(error.contains(word), "{error}");
        };
        refused("apply_binaries.sh");
        let release = "rootfs/etc/nv_tegra_release";
        put(
            bsp.path(),
            release,
            "# R36 (release), REVISION: 4.3, GCID: 1\n",
        );
        refused("36.4.3");
        put(bsp.path(), release, "gibberish");
        refused("gibberish");
        put(
            bsp.path(),
            release,
            "# R39 (release), REVISION: 2.1, GCID: 1\n",
        );
        refused("jetson-orin-nano-devkit-super.conf");
        put(bsp.path(), "jetson-orin-nano-devkit-super.conf", "");
        refused("l4t_initrd_flash.sh");
        put(bsp.path(), "tools/kernel_flash/l4t_initrd_flash.sh", "");
        check_bsp(&profile, recipe, bsp.path()).unwrap();
    }

    #[test]
    fn one_device_must_wait_in_recovery_mode() {
        let usb = tempfile::tempdir().unwrap();
        let recipe = builtin("orin-nx").unwrap().flash.unwrap();
        let device = |name: &str, id: (&str, &str)| {
            put(usb.path(), &format!("{name}/idVendor"), id.0);
            put(usb.path(), &format!("{name}/idProduct"), id.1);
        };
        put(usb.path(), "usb1/version", "2.00");
        device("1-1", ("1d6b\n", "0002\n"));
        device("1-2", ("0955\n", "7023\n"));
        let error = check_recovery(&recipe, usb.path()).unwrap_err().to_string();
        assert!(
            error.contains("FORCE RECOVERY") && error.contains("0955:7023"),
            "{error}"
        );
        device("1-3", ("0955\n", "7323\n"));
        assert!(
            check_recovery(&recipe, usb.path())
                .unwrap()
                .contains("0955:7323")
        );
        device("1-4", ("0955\n", "7423\n"));
        assert!(check_recovery(&recipe, usb.path()).is_err());
    }

    #[test]
    fn the_command_is_the_documented_one() {
        let recipe = builtin("orin-nano").unwrap().flash.unwrap();
        assert_eq!(
            command(&recipe, false).join(" "),
            "sudo ./tools/kernel_flash/l4t_initrd_flash.sh --external-device nvme0n1p1 \
             -c tools/kernel_flash/flash_l4t_t234_nvme.xml \
             -p \"-c bootloader/generic/cfg/flash_t234_qspi.xml\" --showlogs --network usb0 \
             jetson-orin-nano-devkit-super internal"
        );
    }
}
