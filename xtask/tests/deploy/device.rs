//! A folder that stands for a device, with a service that is started by a script: what systemd does
//! on a board.

use super::bundles::{Kind, bundle, public_key, scratch, xtask};
use super::sshd::Sshd;
use drafthorse_release::RunStatus;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longest that a service may take to perceive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the service's process, waits for that, and starts the current release's. One call at a time,
/// as systemd takes them: who asked for a restart may be killed while it goes on.
const SERVICE: &str = r#"#!/bin/sh
root=$1
exec 9>"$root/service.lock"
flock 9
if [ -f "$root/pid" ]; then
    pid=$(cat "$root/pid")
    kill "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
fi
rm -f "$root/pid"
[ "$2" != stop ] || exit 0
setsid "$root/current/bin/start" "$root" "$root/logs" "$root/status.json" \
    </dev/null >"$root/service.log" 2>&1 9>&- &
echo $! >"$root/pid"
"#;

pub(crate) struct Device {
    pub(crate) root: PathBuf,
    sshd: &'static Sshd,
    settings: PathBuf,
}

impl Device {
    /// A bare device of the board `host`.
    pub(crate) fn new(sshd: &'static Sshd) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::at(sshd, &scratch().join(format!("device-{number}")))
    }

    /// A bare device in this folder.
    pub(crate) fn at(sshd: &'static Sshd, root: &Path) -> Self {
        fs::create_dir_all(root).unwrap();
        let service = root.join("service.sh");
        fs::write(&service, SERVICE).unwrap();
        fs::set_permissions(&service, fs::Permissions::from_mode(0o755)).unwrap();
        let settings = root.join("settings.toml");
        let at = root.display();
        let text = format!(
            "board = \"host\"\n\n[deploy]\nroot = \"{at}\"\nkeep = 2\nhealth_s = 8\n\
             restart = [\"{at}/service.sh\", \"{at}\"]\nlogs = [\"cat\", \"{at}/service.log\"]\n\
             status = \"{at}/status.json\"\n"
        );
        fs::write(&settings, text).unwrap();
        Self {
            root: root.to_owned(),
            sshd,
            settings,
        }
    }

    /// A device that runs the old release.
    pub(crate) fn with_old(sshd: &'static Sshd) -> Self {
        let device = Self::new(sshd);
        let ended = device.install_first(Kind::Old);
        assert!(ended.status.success(), "{}", said(&ended));
        device
    }

    /// A task of ours for this device.
    pub(crate) fn task(&self, task: &str) -> Command {
        let mut command = xtask();
        command
            .args([task, "--host", "device", "--root"])
            .arg(&self.root)
            .arg("-F")
            .arg(&self.sshd.client);
        command
    }

    /// The command of a deployment.
    pub(crate) fn deploying(&self, kind: Kind) -> Command {
        let mut command = self.task("deploy");
        let (bundle, _) = bundle(kind);
        command.args(["--board", "host", "--bundle"]).arg(bundle);
        command
    }

    /// A deployment to its end.
    pub(crate) fn deploy(&self, kind: Kind) -> Output {
        self.deploying(kind).output().unwrap()
    }

    pub(crate) fn install_first(&self, kind: Kind) -> Output {
        self.deploying(kind)
            .args(["--first-install", "--trust"])
            .arg(public_key())
            .arg("--device")
            .arg(&self.settings)
            .output()
            .unwrap()
    }

    /// The device's own `drafthorse release`, as its units run it.
    pub(crate) fn release(&self, words: &[&str]) -> Output {
        Command::new(self.root.join("confirmed/bin/drafthorse"))
            .args(["release", "--root"])
            .arg(&self.root)
            .args(words)
            .output()
            .unwrap()
    }

    /// The release that `current` points to.
    pub(crate) fn current(&self) -> String {
        let target = fs::read_link(self.root.join("current")).unwrap();
        target.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// After whatever happened and what the timer's unit does then: the device runs a whole release,
    /// one of these, and that perceives. Gives its name.
    pub(crate) fn runs_one_of(&self, ids: &[&str]) -> String {
        let began = Instant::now();
        loop {
            // Someone may still be watching a trial: the timer comes again.
            let settled = self.release(&["settle"]);
            assert!(settled.status.success(), "{}", said(&settled));
            if !self.root.join("trial").exists() {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "the trial does not end");
            std::thread::sleep(Duration::from_millis(200));
        }
        let current = self.current();
        assert!(
            ids.contains(&current.as_str()),
            "{current} is none of {ids:?}"
        );
        let verified = self.release(&["verify"]);
        assert!(verified.status.success(), "{}", said(&verified));
        self.wait_for_steps(&current);
        current
    }

    /// Waits until the service of this release makes steps in each lane.
    fn wait_for_steps(&self, id: &str) {
        let began = Instant::now();
        let mut first: Option<RunStatus> = None;
        loop {
            assert!(
                began.elapsed() < PATIENCE,
                "{id} does not perceive: {first:?}; {}",
                fs::read_to_string(self.root.join("service.log")).unwrap_or_default()
            );
            let status = RunStatus::read(&self.root.join("status.json")).filter(|status| {
                status.release(&self.root.join("releases")).as_deref() == Some(id)
            });
            if let Some(now) = status {
                let Some(before) = &first else {
                    first = Some(now);
                    continue;
                };
                let moved = |lane: usize| now.lanes[lane].steps > before.lanes[lane].steps;
                if now.pid != before.pid {
                    first = None;
                } else if (0..now.lanes.len()).all(moved) {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = Command::new(self.root.join("service.sh"))
            .arg(&self.root)
            .arg("stop")
            .status();
    }
}

/// Both outputs of a command.
pub(crate) fn said(ended: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    )
}

/// The name of a release.
pub(crate) fn id(kind: Kind) -> String {
    bundle(kind).1
}
