//! The boards of the sync MCU: their programs, built and measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use object::{Object as _, ObjectSection as _, SectionFlags, SectionKind};

use crate::bundle::is_there;
use crate::workspace;

/// A microcontroller that the sync firmware is for; its package in `firmware/boards` has its name.
#[derive(Debug)]
pub(crate) struct Mcu {
    pub(crate) name: &'static str,
    /// What the compiler calls its processor.
    pub(crate) triple: &'static str,
    /// What probe-rs calls it; none where there is nothing to flash.
    pub(crate) chip: Option<&'static str>,
}

/// All of them.
pub(crate) const ALL: [Mcu; 3] = [
    Mcu {
        name: "mps2-an386",
        triple: "thumbv7em-none-eabihf",
        chip: None,
    },
    Mcu {
        name: "nucleo-f446re",
        triple: "thumbv7em-none-eabihf",
        chip: Some("STM32F446RETx"),
    },
    Mcu {
        name: "pico2",
        triple: "thumbv8m.main-none-eabihf",
        chip: Some("RP235x"),
    },
];

/// What a program takes, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) flash: u64,
    /// Without the stack.
    pub(crate) ram: u64,
}

impl Mcu {
    /// The one of that name.
    pub(crate) fn named(name: &str) -> anyhow::Result<&'static Self> {
        let names = || ALL.map(|mcu| mcu.name).join(", ");
        ALL.iter()
            .find(|mcu| mcu.name == name)
            .with_context(|| format!("no microcontroller is named {name}; there are: {}", names()))
    }

    /// Where its program lies once it is built.
    pub(crate) fn program(&self) -> PathBuf {
        let target = workspace::root().join("target/firmware");
        target.join(self.triple).join("release").join(self.name)
    }

    /// Builds its program.
    pub(crate) fn build(&self) -> anyhow::Result<PathBuf> {
        self.want_target()?;
        self.cargo("build", &[])?;
        Ok(self.program())
    }

    /// Lints it: warnings are errors.
    pub(crate) fn lint(&self) -> anyhow::Result<()> {
        self.cargo("clippy", &["--", "-D", "warnings"])
    }

    fn cargo(&self, task: &str, rest: &[&str]) -> anyhow::Result<()> {
        let root = workspace::root();
        let status = Command::new(workspace::cargo())
            .args([task, "--release", "--locked", "--target", self.triple])
            .args(["-p", self.name])
            .args(rest)
            .current_dir(root.join("firmware/boards"))
            .env("CARGO_TARGET_DIR", root.join("target/firmware"))
            .stdin(Stdio::null())
            .status()
            .context("cargo could not be started")?;
        ensure!(status.success(), "cargo {task} of {} failed", self.name);
        Ok(())
    }

    /// The standard library's core for its processor, fetched where it is not there.
    fn want_target(&self) -> anyhow::Result<()> {
        if !is_there("rustup") {
            // The compiler came some other way; it says itself where something is missing.
            return Ok(());
        }
        let status = Command::new("rustup")
            .args(["target", "add", self.triple])
            .current_dir(workspace::root())
            .stderr(Stdio::null())
            .status()
            .context("rustup could not be started")?;
        ensure!(
            status.success(),
            "rustup target add {} failed; is there a network?",
            self.triple
        );
        Ok(())
    }
}

/// What a program takes on its microcontroller.
pub(crate) fn size(program: &Path) -> anyhow::Result<Size> {
    let bytes = std::fs::read(program).with_context(|| format!("{}", program.display()))?;
    let file = object::File::parse(&*bytes).with_context(|| format!("{}", program.display()))?;
    let mut size = Size::default();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags } = section.flags() else {
            continue;
        };
        if sh_flags & u64::from(object::elf::SHF_ALLOC) == 0 {
            continue;
        }
        let is_written = sh_flags & u64::from(object::elf::SHF_WRITE) != 0;
        let is_zeroed = section.kind() == SectionKind::UninitializedData;
        size.ram += if is_written { section.size() } else { 0 };
        size.flash += if is_zeroed { 0 } else { section.size() };
    }
    Ok(size)
}
