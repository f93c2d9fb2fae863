//! A release is put together from its chunks beside the others, and appears under its name when all
//! of it is on the disk.

use crate::begin::Offer;
use crate::chunks::Chunks;
use crate::digest::Digest;
use crate::durable::{make_folder, remove_folder, sync_folder, write_atomically};
use crate::error::ReleaseError;
use crate::manifest::{FileEntry, MANIFEST, Manifest, PROGRAM, SIGNATURE};
use crate::root::Root;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Puts together the release whose chunks have arrived. The signature is checked again, and the new
/// program must start and say its version.
///
/// # Errors
/// [`ReleaseError::Incomplete`], [`ReleaseError::Untrusted`], [`ReleaseError::DoesNotStart`] and
/// what the system reports. No release of that name is there then, unless it was before.
pub fn install(root: &Root, id: &str) -> Result<(), ReleaseError> {
    let _lock = root.lock()?;
    if verify(root, id).is_ok() {
        return remove_folder(&root.incoming(id));
    }
    let incoming = root.incoming(id);
    let read = |name: &str| {
        let path = incoming.join(name);
        fs::read_to_string(&path).map_err(ReleaseError::io("read", &path))
    };
    let offer = Offer {
        manifest: read(MANIFEST)?,
        signature: read(SIGNATURE)?,
    };
    let manifest = offer.accept(root)?;
    let chunks = Chunks::find(root, &manifest);
    let missing = chunks.missing(&manifest).len();
    if missing > 0 {
        return Err(ReleaseError::Incomplete {
            id: id.to_owned(),
            missing,
            wanted: manifest.distinct_chunks().len(),
        });
    }
    forget_partial(root)?;
    let partial = root.releases().join(format!(".{id}"));
    write(&partial, &manifest, &offer, &chunks)?;
    starts(&partial, &manifest)?;
    let whole = root.release(id);
    // What has this name and is not whole was damaged after its installation. The service may run it, so that it
    // changes places with the new one and is not missing for a moment.
    let flags = match whole.exists() {
        true => RenameFlags::EXCHANGE,
        false => RenameFlags::empty(),
    };
    renameat_with(CWD, &partial, CWD, &whole, flags)
        .map_err(|error| ReleaseError::io("rename", &partial)(error.into()))?;
    sync_folder(&root.releases())?;
    forget_partial(root)?;
    remove_folder(&incoming)
}

/// Removes what bears no name: installations and removals that broke off.
pub(crate) fn forget_partial(root: &Root) -> Result<(), ReleaseError> {
    let entries = fs::read_dir(root.releases()).into_iter().flatten();
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with('.') {
            remove_folder(&entry.path())?;
        }
    }
    Ok(())
}

fn write(
    partial: &Path,
    manifest: &Manifest,
    offer: &Offer,
    chunks: &Chunks,
) -> Result<(), ReleaseError> {
    make_folder(partial)?;
    let mut folders = BTreeSet::from([partial.to_owned()]);
    for file in &manifest.files {
        let path = partial.join(&file.path);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
            let above = folder.ancestors().take_while(|above| *above != partial);
            folders.extend(above.map(Path::to_owned));
        }
        write_file(&path, file, chunks)?;
    }
    write_atomically(&partial.join(MANIFEST), offer.manifest.as_bytes())?;
    write_atomically(&partial.join(SIGNATURE), offer.signature.as_bytes())?;
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

fn write_file(path: &Path, entry: &FileEntry, chunks: &Chunks) -> Result<(), ReleaseError> {
    let refused = |error| ReleaseError::io("write", path)(error);
    let mode = if entry.executable { 0o555 } else { 0o444 };
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(refused)?;
    let mut hasher = Sha256::new();
    for chunk in &entry.chunks {
        let wrong = || ReleaseError::WrongChunk(chunk.sha256.to_string());
        let bytes = chunks.read(&chunk.sha256, chunk.size).ok_or_else(wrong)?;
        hasher.update(&bytes);
        file.write_all(&bytes).map_err(refused)?;
    }
    if Digest(hasher.finalize().into()) != entry.sha256 {
        return Err(ReleaseError::Manifest(format!(
            "{} is not what its chunks make",
            entry.path
        )));
    }
    // Whatever the process's umask took away.
    file.set_permissions(fs::Permissions::from_mode(mode))
        .and_then(|()| file.sync_all())
        .map_err(refused)
}

/// Runs the new program: on this processor, with this system's libraries.
fn starts(folder: &Path, manifest: &Manifest) -> Result<(), ReleaseError> {
    let ended = Command::new(folder.join(PROGRAM))
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    let why = match ended {
        Ok(ended) if ended.status.success() => return Ok(()),
        Ok(ended) => {
            let said = String::from_utf8_lossy(&ended.stderr);
            format!("{}: {}", ended.status, said.trim())
        }
        Err(error) => error.to_string(),
    };
    Err(ReleaseError::DoesNotStart {
        id: manifest.id.clone(),
        why,
    })
}

/// Checks each file of an installed release against its manifest, and the manifest against the
/// trusted keys.
///
/// # Errors
/// [`ReleaseError::Damaged`] with what differs.
pub fn verify(root: &Root, id: &str) -> Result<(), ReleaseError> {
    let manifest = root.manifest(id)?;
    let folder = root.release(id);
    let damaged = |what: String| ReleaseError::Damaged {
        id: id.to_owned(),
        what,
    };
    let signature = fs::read_to_string(folder.join(SIGNATURE))
        .map_err(|error| damaged(format!("{SIGNATURE}: {error}")))?;
    let text = fs::read(folder.join(MANIFEST)).map_err(ReleaseError::io("read", &folder))?;
    crate::TrustedKeys::read(&root.trusted())?.verify(&text, &signature)?;
    for entry in &manifest.files {
        let path = folder.join(&entry.path);
        let read = File::open(&path).and_then(Digest::of_reader);
        let (digest, _) = read.map_err(|error| damaged(format!("{}: {error}", entry.path)))?;
        if digest != entry.sha256 {
            return Err(damaged(format!("{} was changed", entry.path)));
        }
    }
    Ok(())
}
