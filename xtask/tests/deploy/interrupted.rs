//! Deployments that break off: the connection is cut in each step, and the device's own side is
//! killed at any moment.

use super::bundles::Kind;
use super::device::{Device, id, said};
use super::sshd::sshd;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Moments at which the device's side is killed; `DRAFTHORSE_KILLS` asks for more.
const KILLS: u32 = 20;

/// Writes a program of shell.
pub(crate) fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/bash\n{text}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// How a call of ssh ends.
const CUTS: [(&str, &str); 3] = [
    ("never made", "exit 255"),
    (
        "killed in the middle",
        "ssh \"$@\" <&0 & pid=$!; sleep 0.$((RANDOM % 7 + 2)); \
         [ $step -lt 5 ] || until [ -e $trial ]; do sleep 0.05; done; kill -9 $pid; exit 255",
    ),
    (
        "done, its answer lost",
        "ssh \"$@\" >/dev/null 2>&1; exit 255",
    ),
];

#[test]
fn a_connection_that_is_cut_leaves_a_whole_release() {
    let Some(sshd) = sshd() else { return };
    let device = Device::with_old(sshd);
    let wrapper = device.root.join("ssh.sh");
    let calls = device.root.join("calls");
    let (old, new) = (id(Kind::Old), id(Kind::New));
    for step in 1..=5 {
        for (name, cut) in CUTS {
            // A call that is never made is the same in each step.
            if name == "never made" && step != 3 {
                continue;
            }
            let _ = fs::remove_file(&calls);
            let (at, root) = (calls.display(), device.root.display());
            script(
                &wrapper,
                &format!(
                    "step={step} trial={root}/trial\necho >>{at}\n[ \"$(wc -l <{at})\" -eq {step} ] || exec ssh \"$@\"\n{cut}\n"
                ),
            );
            let ended = device
                .deploying(Kind::New)
                .arg("--ssh")
                .arg(&wrapper)
                .output()
                .unwrap();
            let made = fs::read_to_string(&calls).unwrap().lines().count();
            assert!(made >= step, "step {step} {name}: {}", said(&ended));
            let runs = device.runs_one_of(&[&old, &new]);
            eprintln!("cut in step {step}, {name}: {runs} runs");
            if step < 5 {
                assert_eq!(runs, old, "step {step} {name}: {}", said(&ended));
                assert!(said(&ended).contains("was cut"), "{}", said(&ended));
            } else {
                // The device finishes what was begun, without us.
                assert_eq!(runs, new, "step {step} {name}: {}", said(&ended));
                let back = device.release(&["rollback"]);
                assert!(back.status.success(), "{}", said(&back));
            }
            // What has arrived is forgotten, so that each step is made again.
            let _ = fs::remove_dir_all(device.root.join("releases").join(&new));
            let _ = fs::remove_dir_all(device.root.join("incoming"));
        }
    }
    let ended = device.deploy(Kind::New);
    assert!(ended.status.success(), "{}", said(&ended));
    device.runs_one_of(&[&new]);
}

#[test]
fn a_device_whose_side_is_killed_runs_a_whole_release() {
    let Some(sshd) = sshd() else { return };
    let device = Device::with_old(sshd);
    let (old, new) = (id(Kind::Old), id(Kind::New));
    let kills = std::env::var("DRAFTHORSE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    // How long a deployment takes here.
    let began = Instant::now();
    let ended = device.deploy(Kind::New);
    assert!(ended.status.success(), "{}", said(&ended));
    let whole = began.elapsed();
    let mut state = 1_u32;
    let mut killed = 0;
    for number in 0..kills {
        let runs = device.current();
        let kind = if runs == old { Kind::New } else { Kind::Old };
        // So that there is something to install.
        let _ = fs::remove_dir_all(device.root.join("releases").join(id(kind)));
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let after = whole.mul_f64(f64::from(state >> 8) / f64::from(1 << 24));
        let mut deploy = device
            .deploying(kind)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(after);
        killed += kill_release(&device.root);
        deploy.wait().unwrap();
        let now = device.runs_one_of(&[&old, &new]);
        eprintln!("kill {number} after {after:.2?} of {whole:.2?}: {now} runs");
    }
    eprintln!("{killed} processes killed at {kills} moments");
    assert!(killed > kills / 3, "hardly anything was killed: {killed}");
}

/// Kills the device's own `drafthorse release` processes, found by their folder; gives how many.
fn kill_release(root: &Path) -> u32 {
    let mut killed = 0;
    let root = root.display().to_string();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let Ok(line) = fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let words: Vec<_> = line.split(|byte| *byte == 0).collect();
        let is_release = words.len() > 3
            && words[0].ends_with(b"bin/drafthorse")
            && words[1] == b"release"
            && words[3] == root.as_bytes();
        if is_release
            && Command::new("kill")
                .args(["-9", &name])
                .status()
                .unwrap()
                .success()
        {
            killed += 1;
        }
    }
    killed
}
