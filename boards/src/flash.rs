//! How a bare board gets its system: NVIDIA's release and the command of its own tools.

use crate::error::Fault;
use crate::floor::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The release of Jetson Linux that a board is flashed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JetsonLinux {
    /// Release of Jetson Linux (L4T), as in `/etc/nv_tegra_release`: 39.2.1 is `R39, REVISION: 2.1`.
    pub l4t: Version,
    /// JetPack that contains it.
    pub jetpack: Version,
}

impl JetsonLinux {
    /// The release that the text of `/etc/nv_tegra_release` states: 39.2.1 in
    /// `# R39 (release), REVISION: 2.1, …`.
    #[must_use]
    pub fn release_in(text: &str) -> Option<Version> {
        let major = text.split("# R").nth(1)?.split(' ').next()?;
        let minor = text.split("REVISION: ").nth(1)?.split(',').next()?;
        format!("{major}.{minor}").parse().ok()
    }
}

/// What the root file system lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// A solid state disk on PCIe.
    Nvme,
    /// Memory soldered to the module.
    Emmc,
}

/// Vendor and product of a USB device, as `lsusb` has it: `0955:7523`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct UsbId {
    /// Vendor.
    pub vendor: u16,
    /// Product.
    pub product: u16,
}

impl FromStr for UsbId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex = |part: &str| match part.len() {
            4 => u16::from_str_radix(part, 16).ok(),
            _ => None,
        };
        let parts = text.split_once(':');
        let id = parts.and_then(|(vendor, product)| {
            Some(Self {
                vendor: hex(vendor)?,
                product: hex(product)?,
            })
        });
        id.ok_or_else(|| format!("`{text}` is not a USB id like 0955:7523"))
    }
}

impl TryFrom<String> for UsbId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<UsbId> for String {
    fn from(id: UsbId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:04x}", self.vendor, self.product)
    }
}

/// How the board is flashed from its board support package (BSP).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlashProfile {
    /// Name of the board's configuration in the BSP, without `.conf`.
    pub board: String,
    /// What the root file system goes to.
    pub storage: Storage,
    /// Program of the BSP, from its folder.
    pub tool: String,
    /// Arguments of the program, the board's configuration among them.
    pub arguments: Vec<String>,
    /// What the board is on USB in recovery mode.
    pub recovery_usb: Vec<UsbId>,
}

impl FlashProfile {
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.recovery_usb.is_empty() {
            return Err(("flash.recovery_usb", "must name at least one USB id"));
        }
        if !self.arguments.contains(&self.board) {
            return Err((
                "flash.arguments",
                "must contain the board's configuration name",
            ));
        }
        if self.tool.starts_with('/') || self.tool.split('/').any(|part| part == "..") {
            return Err(("flash.tool", "must be a path inside the BSP"));
        }
        Ok(())
    }
}
