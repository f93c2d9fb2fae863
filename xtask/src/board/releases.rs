//! Releases for the board, how they get there, and what runs there then.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use drafthorse_release::Overview;

use super::{BOARD, VirtualBoard, shell, timed};
use crate::{bundle, keys, workspace};

/// Where releases live on the board.
pub(super) const ROOT: &str = "/opt/drafthorse";
/// The vehicle's configuration.
pub(super) const VEHICLE: &str = "boards/virtual/vehicle.toml";
/// Time that a release which perceives nothing is given, s.
const BLIND_S: u32 = 90;
/// How long the emulated board may take to perceive after a boot.
const PATIENCE: Duration = Duration::from_secs(600);

/// Two releases of one program, and the key that signs them.
pub(super) struct Releases {
    key: PathBuf,
    bundles: [PathBuf; 2],
    pub(super) ids: [String; 2],
}

impl Releases {
    /// Bundles that differ in a line of their configuration.
    pub(super) fn make(board: &VirtualBoard, binary: Option<&Path>) -> anyhow::Result<Self> {
        let folder = board.folder.join("keys");
        let key = folder.join("board.pub");
        if !key.is_file() {
            keys::run(&keys::Arguments {
                out: Some(folder.clone()),
                name: "board".to_owned(),
            })?;
        }
        let vehicle = std::fs::read_to_string(workspace::root().join(VEHICLE))?;
        let mut made = Vec::new();
        for name in ["first", "second"] {
            let path = bundled(
                board,
                name,
                &format!("# The {name} release.\n{vehicle}"),
                binary,
            )?;
            let id = bundle::open(&path)?.manifest.id;
            made.push((path, id));
        }
        let [(first, first_id), (second, second_id)] =
            <[_; 2]>::try_from(made).map_err(|_| anyhow::anyhow!("there are not two bundles"))?;
        Ok(Self {
            key,
            bundles: [first, second],
            ids: [first_id, second_id],
        })
    }

    /// Deploys a release that runs and perceives nothing, and wants the old one to run again.
    pub(super) fn refuse_blind(
        &self,
        board: &VirtualBoard,
        binary: Option<&Path>,
    ) -> anyhow::Result<()> {
        let vehicle = std::fs::read_to_string(workspace::root().join(VEHICLE))?;
        let blind = bundled(board, "blind", &blinded(&vehicle)?, binary)?;
        // Each release runs its own configuration from now on.
        board.shell.root(&format!(
            "rm {ROOT}/vehicle/drafthorse.toml && printf '\n[deploy]\nhealth_s = {BLIND_S}\n' >>{ROOT}/device.toml"
        ))?;
        let before = state(board)?.current;
        let ended = deployment(board, &blind)?.output()?;
        print!("{}", String::from_utf8_lossy(&ended.stdout));
        print!("{}", String::from_utf8_lossy(&ended.stderr));
        ensure!(!ended.status.success(), "a release that is blind was taken");
        let after = state(board)?;
        ensure!(
            after.current == before && after.confirmed == before,
            "the old release does not run again: {after:?}"
        );
        perceiving(board, &self.ids).map(|_| ())
    }

    /// Brings the board up, new, with the first release.
    pub(super) fn first(&self, board: &VirtualBoard) -> anyhow::Result<()> {
        if board.emulator.is_running() {
            board.emulator.stop()?;
        }
        board.up(&self.key, false)?;
        timed("first deployment", || {
            let status = self
                .deployment(board, 0)?
                .args(["--first-install", "--trust"])
                .arg(&self.key)
                .status()?;
            ensure!(status.success(), "the deployment failed");
            Ok(())
        })?;
        ensure!(
            state(board)?.confirmed.as_deref() == Some(&self.ids[0]),
            "the first release is not confirmed"
        );
        Ok(())
    }

    /// The command that deploys one of the two.
    pub(super) fn deployment(
        &self,
        board: &VirtualBoard,
        number: usize,
    ) -> anyhow::Result<Command> {
        deployment(board, &self.bundles[number])
    }

    /// Deploys one of the two.
    pub(super) fn deploy(&self, board: &VirtualBoard, number: usize) -> anyhow::Result<()> {
        let status = self.deployment(board, number)?.status()?;
        ensure!(status.success(), "the deployment failed");
        Ok(())
    }
}

/// A bundle with that configuration.
fn bundled(
    board: &VirtualBoard,
    name: &str,
    config: &str,
    binary: Option<&Path>,
) -> anyhow::Result<PathBuf> {
    let file = board.folder.join(format!("{name}.toml"));
    std::fs::write(&file, config)?;
    let arguments = bundle::Arguments {
        key: Some(board.folder.join("keys/board.key")),
        binary: binary.map(Path::to_owned),
        config: Some(file),
        ..bundle::Arguments::of_board(BOARD)
    };
    timed(&format!("{name} bundle"), || bundle::make(&arguments))
}

/// The command that deploys a bundle.
fn deployment(board: &VirtualBoard, bundle: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["deploy", "--board", BOARD, "--host", shell::HOST, "-F"])
        .arg(board.shell.config())
        .arg("--bundle")
        .arg(bundle);
    Ok(command)
}

/// The vehicle's configuration with a radar that nobody sends to and without its bus: all runs, and the radar's
/// lane makes no step.
fn blinded(vehicle: &str) -> anyhow::Result<String> {
    let mut table: toml::Table = vehicle.parse()?;
    let sensors = table.get_mut("sensors").and_then(toml::Value::as_array_mut);
    let sensors = sensors.context("the vehicle has no sensors")?;
    sensors.retain(|sensor| sensor["name"].as_str() != Some("vehicle_bus"));
    for sensor in sensors {
        if let toml::Value::String(source) = &mut sensor["source"] {
            *source = source.replace(":42102", ":42103");
        }
    }
    Ok(toml::to_string(&table)?)
}

/// What the board says of its releases.
pub(super) fn state(board: &VirtualBoard) -> anyhow::Result<Overview> {
    let said = board.shell.user(&format!(
        "{ROOT}/confirmed/bin/drafthorse release --root {ROOT} status --json"
    ))?;
    Ok(serde_json::from_str(&said)?)
}

/// Waits until the board runs a whole release, one of these, that perceives in each lane and whose
/// trial, if it had one, is over; gives its name.
pub(super) fn perceiving(board: &VirtualBoard, ids: &[String]) -> anyhow::Result<String> {
    let began = Instant::now();
    let mut first: Option<Overview> = None;
    loop {
        let lacks = match state(board) {
            Err(error) => format!("{error:#}"),
            Ok(now) => match lacking(first.as_ref(), &now, ids) {
                None => {
                    board.shell.user(&format!(
                        "{ROOT}/confirmed/bin/drafthorse release --root {ROOT} verify"
                    ))?;
                    return now.current.context("nothing is current");
                }
                Some(lacks) => {
                    let pid = |overview: &Overview| overview.service.as_ref().map(|s| s.pid);
                    if first.as_ref().and_then(pid) != pid(&now) {
                        first = Some(now);
                    }
                    lacks
                }
            },
        };
        ensure!(
            began.elapsed() < PATIENCE,
            "the board does not perceive within {} s: {lacks}\n{}",
            PATIENCE.as_secs(),
            board
                .shell
                .root("journalctl -u 'drafthorse*' --no-pager -n 30")
                .unwrap_or_default()
        );
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// What is still missing between two looks.
fn lacking(first: Option<&Overview>, now: &Overview, ids: &[String]) -> Option<String> {
    if now.busy || now.tried.is_some() {
        return Some("a trial is open".to_owned());
    }
    let current = now.current.as_ref().filter(|id| ids.contains(id));
    let Some(current) = current else {
        return Some(format!("{:?} is current", now.current));
    };
    if now.confirmed.as_ref() != Some(current) {
        return Some(format!("{current} is current, and not confirmed"));
    }
    let Some(service) = &now.service else {
        return Some("the service says nothing".to_owned());
    };
    let release = format!("{ROOT}/releases/{current}");
    if !service.program.starts_with(&release) {
        return Some(format!("the service runs {}", service.program.display()));
    }
    if !service.recording {
        return Some("it records nothing".to_owned());
    }
    let before = first.and_then(|first| first.service.as_ref());
    let Some(before) = before.filter(|before| before.pid == service.pid) else {
        return Some("it has just started".to_owned());
    };
    let lanes = service.lanes.iter().zip(&before.lanes);
    let idle: Vec<_> = lanes
        .filter(|(now, before)| now.steps < before.steps + 2)
        .map(|(now, _)| now.lane.as_str())
        .collect();
    (!idle.is_empty()).then(|| format!("no steps in lane {}", idle.join(", ")))
}
