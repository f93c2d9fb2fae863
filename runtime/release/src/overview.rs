//! The state of a device's releases at a glance.

use crate::error::ReleaseError;
use crate::root::Root;
use crate::signature::TrustedKeys;
use crate::status::RunStatus;
use serde::{Deserialize, Serialize};

/// An installed release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Installed {
    /// Its name.
    pub id: String,
    /// Revision it was built from.
    pub revision: String,
    /// Bytes of its files.
    pub bytes: u64,
}

/// What a device says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Overview {
    /// The board.
    pub board: String,
    /// The release that the service runs.
    pub current: Option<String>,
    /// The last that was seen perceiving.
    pub confirmed: Option<String>,
    /// The one before it.
    pub previous: Option<String>,
    /// A release whose trial is going on or broke off.
    pub tried: Option<String>,
    /// Someone is changing releases right now.
    pub busy: bool,
    /// All that are installed.
    pub releases: Vec<Installed>,
    /// Fingerprints of the trusted keys.
    pub keys: Vec<String>,
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// What the running service said last.
    pub service: Option<RunStatus>,
    /// Age of that, s.
    pub service_age_s: Option<f64>,
    /// Command that prints the service's messages.
    pub logs: Vec<String>,
}

/// Looks at a device's releases.
///
/// # Errors
/// What the system reports.
pub fn overview(root: &Root) -> Result<Overview, ReleaseError> {
    let releases = root.installed().into_iter().filter_map(|id| {
        let manifest = root.manifest(&id).ok()?;
        Some(Installed {
            bytes: manifest.size(),
            revision: manifest.revision,
            id,
        })
    });
    let keys = TrustedKeys::read(&root.trusted());
    let status = &root.deploy.status;
    let written = std::fs::metadata(status).and_then(|file| file.modified());
    let age = written.ok().and_then(|at| at.elapsed().ok());
    Ok(Overview {
        board: root.board.clone(),
        current: root.current(),
        confirmed: root.confirmed(),
        previous: root.previous(),
        tried: root.tried(),
        busy: matches!(root.lock(), Err(ReleaseError::Busy)),
        releases: releases.collect(),
        keys: keys.map_or_else(
            |_| Vec::new(),
            |keys| keys.fingerprints().map(str::to_owned).collect(),
        ),
        free_bytes: root.free_bytes()?,
        service: RunStatus::read(status),
        service_age_s: age.map(|age| age.as_secs_f64()),
        logs: root.deploy.logs.clone(),
    })
}
