//! End to end: a bundle is built and deployed twice to the board, which records its sensors live,
//! replays what it recorded to the same bytes, and gives it to this machine, which does so too.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use drafthorse_release::Overview;
use serde_json::Value;

use super::{BOARD, VirtualBoard, logs, shell, timed};
use crate::{bundle, keys, workspace};

/// Where releases live on the board.
const ROOT: &str = "/opt/drafthorse";
/// How long the emulated board may take to perceive after a boot.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the check is made with.
#[derive(Args)]
pub(super) struct Arguments {
    /// The program for the board, built elsewhere; cross-built if left out
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// This machine's program, which replays the board's log; built if left out
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// How long the board records, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Goes from the bundle to the replayed log.
pub(super) fn run(board: &VirtualBoard, arguments: &Arguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => timed("program of this machine", own_program)?,
    };
    let releases = Releases::make(board, arguments.binary.as_deref())?;
    releases.first(board)?;
    timed("second deployment", || releases.deploy(board, 1))?;
    ensure!(
        state(board)?.current.as_deref() == Some(&releases.ids[1]),
        "the second release does not run"
    );
    timed("rollback", || task(board, &["rollback"], &[]))?;
    ensure!(
        state(board)?.current.as_deref() == Some(&releases.ids[0]),
        "the first release does not run again"
    );
    task(board, &["status"], &[])?;
    task(board, &["logs"], &["--", "-n", "3"])?;
    let live = perceiving(board, &releases.ids)?;
    println!("board: runs {live} and perceives in each lane");
    println!("board: records for {} s", arguments.seconds);
    std::thread::sleep(Duration::from_secs(arguments.seconds));
    let run = logs::newest(&board.shell)?;
    // The last segment is finished.
    board.shell.root("systemctl stop drafthorse")?;
    let answers = timed("reference vectors of the networks there", || {
        board.shell.user(&format!(
            "{ROOT}/confirmed/bin/drafthorse models verify --dir {ROOT}/current/models"
        ))
    })?;
    println!("{}", answers.trim());
    let there = timed("replay there", || {
        let replay = format!(
            "mkdir -p /tmp/{run} && ln -sf {}/{run}-*.mcap /tmp/{run}/ && {ROOT}/confirmed/bin/drafthorse replay /tmp/{run} --check --json",
            logs::FOLDER
        );
        Ok(serde_json::from_str(&board.shell.user(&replay)?)?)
    })?;
    say_check("on the board", &there)?;
    let folder = board.folder.join("log");
    timed("log brought here", || {
        logs::pull(&board.shell, &run, &folder)
    })?;
    let held = logs::read(&folder)?;
    println!("board: the log holds raw messages: {:?}", held.raw);
    for format in ["ars548", "nv12", "can_frame"] {
        ensure!(
            held.raw
                .get(format)
                .is_some_and(|count| *count >= arguments.seconds / 2),
            "hardly any {format} in the log"
        );
    }
    let here: Value = timed("replay here", || replay_here(&program, &folder))?;
    let check = &here["check"];
    println!(
        "board: replayed on this machine: {} derived messages compared, {} differ",
        check["compared"], check["mismatches"]
    );
    ensure!(
        there["check"]["compared"] == check["compared"],
        "the board compared other messages than this machine"
    );
    // Another processor's library of mathematics rounds in another way; what is only decoded is the
    // same. The first differences are listed.
    for mismatch in check["first_mismatches"].as_array().into_iter().flatten() {
        let topic = mismatch["topic"].as_str().unwrap_or_default();
        let decoded = topic.ends_with("/points") || topic.ends_with("/frame") || topic == "/pairs";
        ensure!(!decoded, "decoded inputs differ: {mismatch}");
    }
    println!(
        "board: end to end in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    board.emulator.stop()
}

/// A replay by this machine's program.
fn replay_here(program: &Path, log: &Path) -> anyhow::Result<Value> {
    let ended = Command::new(program)
        .arg("replay")
        .arg(log)
        .args(["--check", "--json"])
        .output()
        .with_context(|| format!("{} could not be started", program.display()))?;
    serde_json::from_slice(&ended.stdout).with_context(|| {
        format!(
            "the replay on this machine failed: {}",
            String::from_utf8_lossy(&ended.stderr)
        )
    })
}

/// Wants a replay that gave the same bytes, and some.
fn say_check(place: &str, replayed: &Value) -> anyhow::Result<()> {
    let check = &replayed["check"];
    println!(
        "board: replayed {place}: {} derived messages compared, identical: {}",
        check["compared"], check["identical"]
    );
    ensure!(
        check["identical"] == true && check["compared"].as_u64() > Some(0),
        "the replay {place} gives other bytes: {check}"
    );
    ensure!(
        replayed["damage"].is_null(),
        "the log is damaged: {}",
        replayed["damage"]
    );
    Ok(())
}

/// Builds this machine's own program.
fn own_program() -> anyhow::Result<PathBuf> {
    let status = Command::new(workspace::cargo())
        .args([
            "build",
            "--locked",
            "-p",
            "drafthorse",
            "--bin",
            "drafthorse",
        ])
        .current_dir(workspace::root())
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "this machine's program does not build");
    Ok(workspace::root().join("target/debug/drafthorse"))
}

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
        let vehicle = workspace::root().join("boards/virtual/vehicle.toml");
        let vehicle = std::fs::read_to_string(&vehicle)?;
        let mut made = Vec::new();
        for name in ["first", "second"] {
            let config = board.folder.join(format!("{name}.toml"));
            std::fs::write(&config, format!("# The {name} release.\n{vehicle}"))?;
            let arguments = bundle::Arguments {
                key: Some(folder.join("board.key")),
                binary: binary.map(Path::to_owned),
                config: Some(config),
                ..bundle::Arguments::of_board(BOARD)
            };
            let path = timed(&format!("{name} bundle"), || bundle::make(&arguments))?;
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
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["deploy", "--board", BOARD, "--host", shell::HOST, "-F"])
            .arg(board.shell.config())
            .arg("--bundle")
            .arg(&self.bundles[number]);
        Ok(command)
    }

    /// Deploys one of the two.
    pub(super) fn deploy(&self, board: &VirtualBoard, number: usize) -> anyhow::Result<()> {
        let status = self.deployment(board, number)?.status()?;
        ensure!(status.success(), "the deployment failed");
        Ok(())
    }
}

/// A task of ours for the board.
fn task(board: &VirtualBoard, words: &[&str], last: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .args(words)
        .args(["--host", shell::HOST, "-F"])
        .arg(board.shell.config())
        .args(last)
        .status()?;
    ensure!(status.success(), "`cargo xtask {}` failed", words.join(" "));
    Ok(())
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
