//! Deployments that break off: the connection is cut in each step, and the device's own side is
//! killed at any moment.

use super::bundles::Kind;
use super::device::{Device, id, said};
use super::sshd::sshd;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Moments at which the device's side is killed; `DRAFTHORSE_KILLS` asks for more.
const KILLS: usize = 20;
/// Longest time between finding a process and killing it.
const LATER: Duration = Duration::from_millis(400);

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
fn a_transfer_that_is_cut_in_the_middle_goes_on_from_there() {
    let Some(sshd) = sshd() else { return };
    let device = Device::with_old(sshd);
    let (old, large) = (id(Kind::Old), id(Kind::Large));
    let (wrapper, calls) = (device.root.join("ssh.sh"), device.root.join("calls"));
    let at = calls.display();
    // The third call sends the chunks: it gets the first megabyte on its way, and is killed once some have arrived beside
    // the manifest and its signature.
    script(
        &wrapper,
        &format!(
            "exec 3<&0\necho >>{at}\n[ \"$(wc -l <{at})\" -eq 3 ] || exec ssh \"$@\"\n\
             ssh \"$@\" < <(exec 2>/dev/null; head -c 1048576 <&3; exec 3<&- </dev/null; sleep 60) & pid=$!\n\
             for wait in {{1..500}}; do [ \"$(ls {root}/incoming/* | wc -l)\" -gt 2 ] && break; sleep 0.1; done\n\
             kill -9 $pid; exit 255\n",
            root = device.root.display()
        ),
    );
    let ended = device
        .deploying(Kind::Large)
        .arg("--ssh")
        .arg(&wrapper)
        .output()
        .unwrap();
    assert!(said(&ended).contains("was cut"), "{}", said(&ended));
    assert_eq!(device.runs_one_of(&[&old, &large]), old);
    let arrived = fs::read_dir(device.root.join("incoming").join(&large)).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let arrived = arrived.map(name).filter(|name| name.len() == 64).count();
    assert!(arrived > 0, "nothing has arrived");
    let ended = device.deploy(Kind::Large);
    assert!(ended.status.success(), "{}", said(&ended));
    assert_eq!(device.runs_one_of(&[&old, &large]), large);
    let said = said(&ended);
    let sent = said.lines().find_map(|line| {
        let words = line.split_once(": sent ")?.1;
        words.split(' ').next()?.parse::<usize>().ok()
    });
    let changed = changed_chunks(&device.root, &old, &large);
    assert_eq!(sent, Some(changed - arrived), "of {changed}: {said}");
}

/// Chunks of a release that another one does not have.
fn changed_chunks(root: &Path, before: &str, after: &str) -> usize {
    let chunks = |release: &str| -> std::collections::HashSet<String> {
        let path = root.join("releases").join(release).join("manifest.json");
        let manifest: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let files = manifest["files"].as_array().unwrap();
        let chunks = files
            .iter()
            .flat_map(|file| file["chunks"].as_array().unwrap());
        chunks
            .map(|chunk| chunk["sha256"].as_str().unwrap().to_owned())
            .collect()
    };
    chunks(after).difference(&chunks(before)).count()
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
    let mut random = Random(1);
    let mut killed = 0;
    for number in 0..kills {
        let runs = device.current();
        let kind = if runs == old { Kind::New } else { Kind::Old };
        // So that there is something to install.
        let _ = fs::remove_dir_all(device.root.join("releases").join(id(kind)));
        let after = whole.mul_f64(random.next());
        let mut deploy = device
            .deploying(kind)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(after);
        let mut killed_now = 0;
        // Where the device has nothing to do at that moment, somewhere in what it does next.
        while killed_now == 0 && deploy.try_wait().unwrap().is_none() {
            if !releasing(&device.root).is_empty() {
                std::thread::sleep(LATER.mul_f64(random.next()));
                killed_now = kill(&releasing(&device.root));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        killed += killed_now.min(1);
        deploy.wait().unwrap();
        let now = device.runs_one_of(&[&old, &new]);
        eprintln!("kill {number} after {after:.2?} of {whole:.2?}: {now} runs");
    }
    eprintln!("killed in {killed} of {kills} deployments");
    // Only a moment behind the last thing that the device does hits nothing.
    assert!(killed > kills / 2, "hardly anything was killed: {killed}");
}

/// Numbers from 0 to below 1, the same each time.
struct Random(u32);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1 << 24)
    }
}

/// The device's own `drafthorse release` processes, found by their folder.
fn releasing(root: &Path) -> Vec<String> {
    let root = root.display().to_string();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ours = entries.filter(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).collect();
        words.len() > 3
            && words[0].ends_with(b"bin/drafthorse")
            && words[1] == b"release"
            && words[3] == root.as_bytes()
    });
    ours.filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// Kills processes; gives how many there still were.
fn kill(processes: &[String]) -> usize {
    let kill = |process: &&String| {
        let ended = Command::new("kill").args(["-9", process.as_str()]).output();
        ended.unwrap().status.success()
    };
    processes.iter().filter(kill).count()
}
