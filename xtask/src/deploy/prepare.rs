//! A device's first installation: its folder, the key it shall trust, and the program that verifies
//! the first bundle. Only here does the device believe the one who connects.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use drafthorse_release::{Device, PROGRAM};
use minisign::PublicKeyBox;

use super::remote::Remote;
use super::send::Show;
use crate::bundle::Bundle;
use crate::keys;

/// What a device gets once.
#[derive(Args, Clone)]
pub(crate) struct FirstInstall {
    /// Prepare a device that has no release yet, where the installer has not done it: its folder,
    /// the key it trusts, which board it is
    #[arg(long)]
    pub(crate) first_install: bool,
    /// With --first-install: public key that the device shall trust;
    /// `~/.config/drafthorse/fleet.pub` if left out
    #[arg(long, value_name = "FILE", requires = "first_install")]
    trust: Option<PathBuf>,
    /// With --first-install: settings in the place of the board's profile (docs/deploy.md)
    #[arg(long, value_name = "FILE", requires = "first_install")]
    device: Option<PathBuf>,
    /// Folder of all releases on the device; as the board's profile has it if left out
    #[arg(long, value_name = "DIR", conflicts_with = "fleet")]
    pub(crate) root: Option<PathBuf>,
}

impl FirstInstall {
    /// For devices that have their first release.
    pub(super) fn none() -> Self {
        Self {
            first_install: false,
            trust: None,
            device: None,
            root: None,
        }
    }

    /// The steps in words.
    pub(super) fn steps(&self, remote: &Remote) -> Vec<String> {
        let root = remote.root().display();
        vec![
            format!("make {root}/trusted, put the public key there, unless the installer did"),
            format!("write {root}/device.toml, unless it is there"),
            format!("send the bundle's program to {root}/first, to verify the first bundle with"),
        ]
    }

    /// The device's own settings, as text and read; none where none are named.
    pub(super) fn settings(&self) -> anyhow::Result<Option<(String, Device)>> {
        let Some(path) = &self.device else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let device: Device =
            toml::from_str(&text).with_context(|| format!("{} cannot be used", path.display()))?;
        drafthorse_boards::builtin(&device.board)?;
        Ok(Some((text, device)))
    }

    /// Prepares the device. What the installer put there stays.
    pub(super) fn prepare(
        &self,
        bundle: &Bundle,
        remote: &Remote,
        show: &Show,
    ) -> anyhow::Result<()> {
        let path = match &self.trust {
            Some(path) => path.clone(),
            None => keys::folder()?.join("fleet.pub"),
        };
        let key = std::fs::read_to_string(&path)
            .with_context(|| format!("the public key {} cannot be read", path.display()))?;
        PublicKeyBox::from_string(&key)
            .and_then(PublicKeyBox::into_public_key)
            .map_err(|error| anyhow!("{} is no public key: {error}", path.display()))?;
        let device = match self.settings()? {
            Some((text, _)) => text,
            None => format!("board = \"{}\"\n", bundle.manifest.board),
        };
        let root = remote.root().display().to_string();
        // Where the installer was, its keys are root's and whatever they are called.
        let put = |folder: &str, name: &str, bytes: &[u8], once: Once| {
            put(remote, folder, name, bytes, once, show)
        };
        put(
            &format!("{root}/trusted"),
            "fleet.pub",
            key.as_bytes(),
            Once::WithoutAny("*.pub"),
        )?;
        put(
            &root,
            "device.toml",
            device.as_bytes(),
            Once::WithoutAny("device.toml"),
        )?;
        put(
            &format!("{root}/first"),
            "drafthorse",
            bundle.file(PROGRAM)?,
            Once::Always,
        )?;
        show.line("the first program is there");
        Ok(())
    }
}

/// Whether a file is written.
#[derive(Clone, Copy)]
enum Once {
    Always,
    /// Only where no file has a name like that.
    WithoutAny(&'static str),
}

/// Writes a file on the device in one step: all of it or nothing.
fn put(
    remote: &Remote,
    folder: &str,
    name: &str,
    bytes: &[u8],
    once: Once,
    show: &Show,
) -> anyhow::Result<()> {
    let once = match once {
        Once::Always => String::new(),
        Once::WithoutAny(names) => {
            format!(
                "for there in {names}; do [ ! -e \"$there\" ] || {{ echo \"$1/$there is there and stays\"; exit 0; }}; done; "
            )
        }
    };
    let script = format!(
        "set -eu; umask 022; mkdir -p \"$1\"; cd \"$1\"; {once}cat > \".$2\"; \
         [ \"$(wc -c <\".$2\")\" -eq \"$3\" ] || {{ echo \"$2 came in half; call this again\" >&2; exit 1; }}; \
         chmod 755 \".$2\"; sync \".$2\"; mv -f \".$2\" \"$2\"; sync ."
    );
    let length = bytes.len().to_string();
    let words = ["sh", "-c", &script, "sh", folder, name, &length].map(str::to_owned);
    let call = remote
        .command(&words)?
        .feed(|input| input.write_all(bytes))?;
    call.lines(&mut |line| show.line(line))
        .with_context(|| format!("{folder}/{name} was not written"))
}
