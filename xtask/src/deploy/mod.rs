//! `cargo xtask deploy`, `rollback`, `status` and `logs`: releases to devices over plain ssh. The
//! device decides: it verifies, installs, tries and goes back by itself (`drafthorse release`); what
//! is here carries bytes and tells what happened.

mod fleet;
mod prepare;
mod remote;
mod send;

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use drafthorse_release::Overview;
use indicatif::MultiProgress;

use crate::board::{BOARD as VIRTUAL_BOARD, reach as virtual_board};
use crate::bundle;
use remote::{Remote, SshArguments};
use send::{Plan, Show};

/// What is deployed where.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Board of the device
    #[arg(long, required_unless_present = "fleet", conflicts_with = "fleet")]
    board: Option<String>,
    /// The device, as ssh names it: `[user@]host`; the virtual board if left out for it
    #[arg(long, conflicts_with = "fleet", value_parser = remote::host)]
    host: Option<String>,
    /// Devices, with how many at once (docs/deploy.md)
    #[arg(long, value_name = "FILE")]
    fleet: Option<PathBuf>,
    /// Bundle of `cargo xtask bundle`, for a fleet one of each board; built now if left out
    #[arg(long, value_name = "FILE")]
    bundle: Vec<PathBuf>,
    /// Print each step and do none, not even build: for a bundle that is named
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    first: prepare::FirstInstall,
    #[command(flatten)]
    ssh: SshArguments,
}

/// Which device is asked.
#[derive(Args)]
pub(crate) struct Device {
    /// The device, as ssh names it: `[user@]host`
    #[arg(long, value_parser = remote::host)]
    host: String,
    /// Folder of all releases there
    #[arg(long, value_name = "DIR", default_value = "/opt/drafthorse")]
    root: PathBuf,
    #[command(flatten)]
    ssh: SshArguments,
}

/// Which messages are wanted.
#[derive(Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    device: Device,
    /// More words for the device's command, for example `-- -n 100 -f`
    #[arg(last = true)]
    words: Vec<String>,
}

/// Deploys to one device or a fleet.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    ensure!(
        !arguments.dry_run || !arguments.bundle.is_empty(),
        "--dry-run builds nothing: name what would be deployed with --bundle"
    );
    if let Some(file) = &arguments.fleet {
        ensure!(
            !arguments.first.first_install,
            "a first installation is done device by device: its fingerprint is to be looked at"
        );
        return fleet::run(
            file,
            &bundles(arguments)?,
            &arguments.ssh,
            arguments.dry_run,
        );
    }
    let board = arguments.board.as_deref().context("--board is missing")?;
    let mut first = arguments.first.clone();
    let settings = first.settings()?;
    let root = match settings.and_then(|(_, device)| device.deploy) {
        Some(deploy) => deploy.root,
        None => drafthorse_boards::builtin(board)?.deploy.root,
    };
    let root = first.root.clone().unwrap_or(root);
    let (remote, host) = match &arguments.host {
        Some(host) => (Remote::new(host, &root, &arguments.ssh), host.as_str()),
        None => {
            ensure!(
                board == VIRTUAL_BOARD,
                "--host is missing: name the device as ssh does, for example --host fleet@car-7"
            );
            let (host, config) = virtual_board()?;
            let remote = Remote::new(host, &root, &arguments.ssh.clone().with_config(config));
            // Nobody else comes to this board, so nobody need look at its fingerprint.
            first.first_install |= !arguments.dry_run && !remote.has_release()?;
            (remote, host)
        }
    };
    let bundles = bundles(arguments)?;
    let plan = Plan {
        bundle: for_board(&bundles, board)?,
        remote: &remote,
        first: &first,
        show: Show::new(host, &MultiProgress::new(), false),
    };
    if arguments.dry_run {
        plan.print();
        return Ok(());
    }
    plan.carry_out()
}

/// The bundles named, or one built now.
fn bundles(arguments: &Arguments) -> anyhow::Result<Vec<bundle::Bundle>> {
    let mut paths = arguments.bundle.clone();
    if paths.is_empty() {
        let Some(board) = &arguments.board else {
            bail!("name the bundles of the fleet's boards with --bundle");
        };
        paths.push(bundle::make(&bundle::Arguments::of_board(board))?);
    }
    paths.iter().map(|path| bundle::open(path)).collect()
}

fn for_board<'a>(bundles: &'a [bundle::Bundle], board: &str) -> anyhow::Result<&'a bundle::Bundle> {
    let found = bundles.iter().find(|bundle| bundle.manifest.board == board);
    found.with_context(|| {
        let boards = bundles.iter().map(|bundle| bundle.manifest.board.as_str());
        let boards: Vec<_> = boards.collect();
        format!(
            "no bundle is for the board {board}; there are bundles for: {}",
            boards.join(", ")
        )
    })
}

/// Goes back to the release before.
pub(crate) fn rollback(device: &Device) -> anyhow::Result<()> {
    let remote = Remote::new(&device.host, &device.root, &device.ssh);
    remote
        .release(&["rollback"])?
        .lines(&mut |line| println!("{}: {line}", device.host))
}

/// Says what a device runs.
pub(crate) fn status(device: &Device) -> anyhow::Result<()> {
    let remote = Remote::new(&device.host, &device.root, &device.ssh);
    remote
        .release(&["status"])?
        .lines(&mut |line| println!("{line}"))
}

/// Shows the service's messages.
pub(crate) fn logs(logs: &Logs) -> anyhow::Result<()> {
    let device = &logs.device;
    let remote = Remote::new(&device.host, &device.root, &device.ssh);
    let overview: Overview = remote.release(&["status", "--json"])?.answer()?;
    let mut words = overview.logs;
    ensure!(
        !words.is_empty(),
        "the device's profile names no command for logs"
    );
    words.extend(logs.words.iter().cloned());
    remote
        .command(&words)?
        .lines(&mut |line| println!("{line}"))
}
