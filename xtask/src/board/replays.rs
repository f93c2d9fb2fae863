//! A log of the board replayed on both sides: on the board to the same bytes, and by this machine's
//! program to the same bytes again, another processor or not.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::releases::ROOT;
use super::{VirtualBoard, logs, timed};
use crate::workspace;

/// The network of the board's radar, and the folder of its model in the release.
pub(super) const NETWORK: &str = "radar-gaussian-s";
/// Answers of a network that a log must hold, at least.
const ANSWERS: u64 = 3;

/// Replays a run there, brings its log here and replays it again; with the answers of its network,
/// where it had one, asked again here.
pub(super) fn both(
    board: &VirtualBoard,
    program: &Path,
    run: &str,
    asked: bool,
) -> anyhow::Result<logs::Held> {
    let there = timed("replay there", || {
        let replay = format!(
            "mkdir -p /tmp/{run} && ln -sf {0}/{run}-*.mcap /tmp/{run}/ && {ROOT}/confirmed/bin/drafthorse replay /tmp/{run} --check --json",
            logs::FOLDER
        );
        Ok(serde_json::from_str(&board.shell.user(&replay)?)?)
    })?;
    same("on the board", &there)?;
    let folder = board.folder.join("log");
    timed("log brought here", || {
        logs::pull(&board.shell, run, &folder)
    })?;
    let held = logs::read(&folder)?;
    println!("board: the log holds raw messages: {:?}", held.raw);
    let here = timed("replay here", || replay(program, &folder, asked))?;
    same("on this machine", &here)?;
    ensure!(
        there["check"]["compared"] == here["check"]["compared"],
        "the board compared other messages than this machine"
    );
    if asked {
        within_tolerance(&here["networks"][NETWORK])?;
    }
    Ok(held)
}

/// A replay by this machine's program.
fn replay(program: &Path, log: &Path, asked: bool) -> anyhow::Result<Value> {
    let mut command = Command::new(program);
    command.arg("replay").arg(log).args(["--check", "--json"]);
    if asked {
        command.arg("--networks").arg("--models");
        command.arg(workspace::root().join("models"));
    }
    let ended = command
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
fn same(place: &str, replayed: &Value) -> anyhow::Result<()> {
    let check = &replayed["check"];
    println!(
        "board: replayed {place}: {} derived messages compared, {} differ",
        check["compared"], check["mismatches"]
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

/// Wants the board's answers to be this machine's, within the tolerance that the model declares.
fn within_tolerance(network: &Value) -> anyhow::Result<()> {
    let check = &network["check"];
    let compared = check["compared"].as_object().into_iter().flatten();
    let compared: u64 = compared.filter_map(|(_, count)| count.as_u64()).sum();
    println!(
        "board: {NETWORK} asked again on this machine: {compared} answers, {} of the same bytes, {} outside its tolerance, \
         largest difference {}",
        check["identical"], check["outside"], check["max_error"]
    );
    ensure!(
        compared >= ANSWERS && check["outside"] == 0 && check["failures"] == 0,
        "the board's network and this machine's do not agree, or hardly answered: {network}"
    );
    Ok(())
}
