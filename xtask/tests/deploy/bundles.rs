//! Bundles of the real program for this host, each made once by `cargo xtask bundle`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

/// A drive that goes on for longer than any test, in real time.
const DRIVE: &str = "synth:?seed=7&seconds=1800&live=1&radar_hz=10";

/// What a test's release is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Old,
    New,
    /// Like the new one, with much in its configuration that compresses badly.
    Large,
    /// Its process lives and its camera's lane makes no step.
    Blind,
    /// Its process ends at once.
    Crashing,
    /// Like the new one, signed by another key.
    Forged,
}

/// A folder of this run; what the last one left there goes first.
pub(crate) fn scratch() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("deploy");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// This project's tasks.
pub(crate) fn xtask() -> Command {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
}

/// The real program without its symbols. Cargo builds it beside this project's tasks.
fn program() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("drafthorse");
    assert!(
        built.exists(),
        "{} is not built: cargo build -p drafthorse, or cargo test --workspace",
        built.display()
    );
    let stripped = scratch().join("drafthorse");
    let ended = Command::new("strip")
        .arg("-o")
        .arg(&stripped)
        .arg(&built)
        .status();
    // Without binutils it is larger.
    if !ended.is_ok_and(|status| status.success()) {
        fs::copy(built, &stripped).unwrap();
    }
    stripped
}

/// The key pair that devices trust: its public half, beside the secret one.
pub(crate) fn public_key() -> PathBuf {
    key("fleet").with_extension("pub")
}

fn key(name: &str) -> PathBuf {
    let path = scratch().join(format!("{name}.key"));
    if !path.exists() {
        let made = xtask()
            .args(["keys", "--name", name, "--out"])
            .arg(scratch())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    path
}

/// The bundle of a release and the release's name.
pub(crate) fn bundle(kind: Kind) -> (PathBuf, String) {
    static MADE: Mutex<Vec<(Kind, PathBuf, String)>> = Mutex::new(Vec::new());
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let mut made = MADE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, path, id)) = made.iter().find(|bundle| bundle.0 == kind) {
        return (path.clone(), id.clone());
    }
    let (source, signer) = match kind {
        Kind::Old => (format!("{DRIVE}&camera_fps=2"), "fleet"),
        Kind::New => (format!("{DRIVE}&camera_fps=3"), "fleet"),
        Kind::Large => (format!("{DRIVE}&camera_fps=5"), "fleet"),
        Kind::Blind => (format!("{DRIVE}&camera_fps=0"), "fleet"),
        Kind::Crashing => ("ars548:/nowhere".to_owned(), "fleet"),
        Kind::Forged => (format!("{DRIVE}&camera_fps=4"), "stranger"),
    };
    let out = scratch().join(format!("{kind:?}"));
    fs::create_dir_all(&out).unwrap();
    let config = out.join("drafthorse.toml");
    let text = format!(
        "name = \"{kind:?}\"\n\n[[sensors]]\nname = \"drive\"\nsource = \"{source}\"\n\n\
         [record]\nrotate_mib = 8\nquota_mib = 64\nfree_space_floor_mib = 8\n"
    );
    fs::write(&config, text + &ballast(kind)).unwrap();
    let ended = xtask()
        .args(["bundle", "--board", "host", "--key"])
        .arg(key(signer))
        .arg("--binary")
        .arg(PROGRAM.get_or_init(program))
        .arg("--config")
        .arg(&config)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let said = String::from_utf8(ended.stdout).unwrap();
    let second = |row: &str| {
        let line = said.lines().find(|line| line.starts_with(row)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    let (path, id) = (PathBuf::from(second("bundle")), second("release"));
    made.push((kind, path.clone(), id.clone()));
    (path, id)
}

/// Lines of comment, 4 MiB of them in a large release, of noise from a linear congruential generator.
fn ballast(kind: Kind) -> String {
    let lines = if kind == Kind::Large { 65_536 } else { 0 };
    let mut state = 1_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'0' + (state >> 58) as u8)
    };
    let mut text = String::new();
    for _ in 0..lines {
        text.push_str("# ");
        text.extend((0..61).map(|_| noise()));
        text.push('\n');
    }
    text
}
