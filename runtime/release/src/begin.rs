//! A release is offered: is it to be trusted, is it for this device, is there room, and which of its
//! chunks are missing?

use crate::activate::settle;
use crate::assemble::forget_partial;
use crate::chunks::{Chunks, forget_others};
use crate::digest::Digest;
use crate::durable::{make_folder, write_atomically};
use crate::error::ReleaseError;
use crate::manifest::{MANIFEST, MAX_MANIFEST, Manifest, SIGNATURE};
use crate::root::Root;
use crate::signature::TrustedKeys;
use serde::{Deserialize, Serialize};
use std::io::Read;

/// Room that stays free, bytes: for links, status and the log's last messages.
const MARGIN: u64 = 16 << 20;

/// What is offered: the manifest's text and its signature.
#[derive(Serialize, Deserialize)]
pub struct Offer {
    /// The text of the manifest.
    pub manifest: String,
    /// Its signature in minisign's format.
    pub signature: String,
}

/// What the device answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Name of the release.
    pub id: String,
    /// The release is installed already, and whole.
    pub installed: bool,
    /// Chunks to send.
    pub missing: Vec<Digest>,
}

impl Offer {
    /// Reads an offer, as JSON.
    ///
    /// # Errors
    /// [`ReleaseError::BrokenTransfer`].
    pub fn read(reader: impl Read) -> Result<Self, ReleaseError> {
        serde_json::from_reader(reader.take(2 * MAX_MANIFEST))
            .map_err(|error| ReleaseError::BrokenTransfer(error.to_string()))
    }

    /// The manifest, where a trusted key signed it and it is for this device.
    pub(crate) fn accept(&self, root: &Root) -> Result<Manifest, ReleaseError> {
        TrustedKeys::read(&root.trusted())?.verify(self.manifest.as_bytes(), &self.signature)?;
        let manifest = Manifest::parse(self.manifest.as_bytes())?;
        if manifest.board != root.board {
            return Err(ReleaseError::WrongBoard {
                bundle: manifest.board,
                device: root.board.clone(),
            });
        }
        if manifest.architecture != std::env::consts::ARCH {
            return Err(ReleaseError::WrongArchitecture {
                bundle: manifest.architecture,
                device: std::env::consts::ARCH.to_owned(),
            });
        }
        Ok(manifest)
    }
}

/// Takes an offer: what has arrived of it earlier stays, of other releases it goes.
///
/// # Errors
/// [`ReleaseError::Untrusted`], [`ReleaseError::WrongBoard`], [`ReleaseError::NoRoom`] and what the
/// system reports.
pub fn begin(root: &Root, offer: &Offer) -> Result<Answer, ReleaseError> {
    // A trial that broke off is over now.
    settle(root, true)?;
    let _lock = root.lock()?;
    let manifest = offer.accept(root)?;
    let id = manifest.id.clone();
    if crate::assemble::verify(root, &id).is_ok() {
        return Ok(Answer {
            id,
            installed: true,
            missing: Vec::new(),
        });
    }
    forget_others(root, Some(&id))?;
    forget_partial(root)?;
    let missing = Chunks::find(root, &manifest).missing(&manifest);
    let arriving: u64 = missing.values().map(|size| u64::from(*size)).sum();
    let (needed, free) = (manifest.size() + arriving + MARGIN, root.free_bytes()?);
    if needed > free {
        return Err(ReleaseError::NoRoom {
            needed_mib: needed.div_ceil(1 << 20),
            free_mib: free >> 20,
        });
    }
    let folder = root.incoming(&id);
    make_folder(&folder)?;
    write_atomically(&folder.join(MANIFEST), offer.manifest.as_bytes())?;
    write_atomically(&folder.join(SIGNATURE), offer.signature.as_bytes())?;
    Ok(Answer {
        id,
        installed: false,
        missing: missing.into_keys().collect(),
    })
}
