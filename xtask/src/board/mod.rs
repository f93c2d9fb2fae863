//! `cargo xtask board`: a board without a board. Debian for aarch64 boots under QEMU with systemd,
//! sshd, a camera of the kernel's own (vivid), a CAN bus (vcan) and a radar's packets on its network;
//! releases are deployed to it as to any other.

mod check;
mod emulator;
mod image;
mod logs;
mod releases;
mod replays;
mod resets;
mod shell;
mod vehicle;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use crate::{keys, workspace};
use emulator::Emulator;
use shell::Shell;

/// The profile of the virtual board in `boards/`.
pub(crate) const BOARD: &str = "virt-aarch64";
/// How long an emulated boot may take before something is wrong.
const BOOT: Duration = Duration::from_secs(600);

/// What is done with the virtual board.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make the board's system: a disk image, a kernel and an initrd in target/board/image
    Build,
    /// Boot it, on a new copy of the disk, and prepare it with the installer
    Up(Up),
    /// Pull the plug
    Down,
    /// Open a shell on it, or run a command there: `board ssh -- uname -a`
    Ssh(Ssh),
    /// Bundle, deploy, run live, replay there and here, and say how long each took
    Check(check::Arguments),
    /// Reset the board while it records and while it is deployed to
    Resets(resets::Arguments),
    /// Play the vehicle's radar to the board until it goes down; `up` starts this
    #[command(hide = true)]
    Play,
}

/// How the board comes up.
#[derive(Args)]
struct Up {
    /// Go on with the disk as it was left
    #[arg(long)]
    keep: bool,
    /// Public key that the board shall trust; `~/.config/drafthorse/fleet.pub` if left out, which is made
    /// where there is none
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
}

/// A shell on the board.
#[derive(Args)]
struct Ssh {
    /// As root, who prepares it, and not as the user that deployments come in as
    #[arg(long)]
    root: bool,
    /// A command and its words
    #[arg(last = true)]
    words: Vec<String>,
}

/// Does it.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let board = VirtualBoard::new()?;
    match &arguments.task {
        Task::Build => image::want(&board.folder).map(|_| ()),
        Task::Up(up) => {
            let key = match &up.trust {
                Some(key) => key.clone(),
                None => keys::want_fleet()?,
            };
            ensure!(
                key.is_file(),
                "the public key {} is not there",
                key.display()
            );
            board.up(&key, up.keep)?;
            println!("now: cargo xtask deploy --board {BOARD}");
            let words = format!(
                "--host {} -F {}",
                shell::HOST,
                board.shell.config().display()
            );
            println!("and: cargo xtask status|logs|rollback {words}");
            Ok(())
        }
        Task::Down => board.emulator.stop(),
        Task::Ssh(ssh) => board.shell.open(ssh.root, &ssh.words),
        Task::Check(arguments) => check::run(&board, arguments),
        Task::Resets(arguments) => resets::run(&board, arguments),
        Task::Play => vehicle::play(&board.folder, &board.emulator),
    }
}

/// The virtual board that is up, as ssh names it, with the configuration for ssh.
pub(crate) fn reach() -> anyhow::Result<(&'static str, PathBuf)> {
    let board = VirtualBoard::new()?;
    ensure!(
        board.emulator.is_running(),
        "the virtual board is not up: `cargo xtask board up` first"
    );
    Ok((shell::HOST, board.shell.config()))
}

/// The one virtual board of this workspace.
struct VirtualBoard {
    folder: PathBuf,
    emulator: Emulator,
    shell: Shell,
}

impl VirtualBoard {
    fn new() -> anyhow::Result<Self> {
        let folder = workspace::root().join("target/board");
        std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
        Ok(Self {
            emulator: Emulator::new(&folder),
            shell: Shell::new(&folder),
            folder,
        })
    }

    /// Boots, and has a new disk prepared as docs/deploy.md says.
    fn up(&self, key: &Path, keep: bool) -> anyhow::Result<()> {
        let image = image::want(&self.folder)?;
        ensure!(
            !self.emulator.is_running(),
            "the board is up already: `cargo xtask board down` first"
        );
        let disk = self.folder.join("disk.img");
        if !keep {
            image::copy(&image.join("disk.img"), &disk)?;
        }
        ensure!(
            disk.is_file(),
            "there is no disk to go on with: leave out --keep"
        );
        let port = self.emulator.start(&image)?;
        self.shell.configure(port)?;
        self.emulator.play()?;
        timed("boot", || self.shell.wait(BOOT, &self.emulator))?;
        if !keep {
            timed("installer", || self.prepare(key))?;
        }
        Ok(())
    }

    /// What whoever brings a device up does once, as root.
    fn prepare(&self, key: &Path) -> anyhow::Result<()> {
        let boards = workspace::root().join("boards");
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
        };
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_dir_all("install", boards.join("device"))?;
        let mut add = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, bytes)
        };
        add("install/fleet.pub", &read(key)?)?;
        add("vehicle.toml", &read(&boards.join("virtual/vehicle.toml"))?)?;
        add("vehicle.candump", vehicle::candump().as_bytes())?;
        self.shell.feed(
            "mkdir -p /root/first && tar -x -C /root/first",
            &archive.into_inner()?,
        )?;
        let said = self.shell.root(&format!(
            "cd /root/first && ./install/install.sh --board {BOARD} --key install/fleet.pub --deploy-user {} \
             && install -m 644 vehicle.toml /opt/drafthorse/vehicle/drafthorse.toml \
             && install -m 644 vehicle.candump /srv/vehicle.candump \
             && systemctl start vehicle-can",
            shell::USER
        ))?;
        println!("{}", said.trim());
        Ok(())
    }
}

/// Does something and says how long it took.
fn timed<T>(what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let began = Instant::now();
    let done = work().with_context(|| format!("the board's {what} failed"))?;
    println!("board: {what}: {:.1} s", began.elapsed().as_secs_f64());
    Ok(done)
}
