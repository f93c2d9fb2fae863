//! Changes that a power cut leaves done or not done.

use crate::error::ReleaseError;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Writes a file so that its name shows its former content or all of the new one.
///
/// # Errors
/// [`ReleaseError::Io`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ReleaseError> {
    let partial = beside(path);
    let mut file = File::create(&partial).map_err(ReleaseError::io("write", &partial))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(ReleaseError::io("write", &partial))?;
    fs::rename(&partial, path).map_err(ReleaseError::io("write", path))?;
    sync_parent(path)
}

/// Points a symbolic link elsewhere in one step.
///
/// # Errors
/// [`ReleaseError::Io`].
pub fn link_atomically(path: &Path, target: &Path) -> Result<(), ReleaseError> {
    let partial = beside(path);
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(ReleaseError::io("remove", &partial)(error));
        }
        _ => {}
    }
    std::os::unix::fs::symlink(target, &partial).map_err(ReleaseError::io("link", &partial))?;
    fs::rename(&partial, path).map_err(ReleaseError::io("link", path))?;
    sync_parent(path)
}

/// Puts a folder's entries on the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<(), ReleaseError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(ReleaseError::io("sync", path))
}

/// Puts the name of a file on the disk.
pub(crate) fn sync_parent(path: &Path) -> Result<(), ReleaseError> {
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes a file, which need not be there, and puts that on the disk.
pub(crate) fn remove_durably(path: &Path) -> Result<(), ReleaseError> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ReleaseError::io("remove", path)(error)),
    }
}

/// Removes a folder with what it holds, which need not be there.
pub(crate) fn remove_folder(path: &Path) -> Result<(), ReleaseError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ReleaseError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Makes a folder and those above it that are not there, which everybody may read: the service has a user of its own.
pub(crate) fn make_folder(path: &Path) -> Result<(), ReleaseError> {
    if path.is_dir() {
        return Ok(());
    }
    path.parent().map_or(Ok(()), make_folder)?;
    // Whatever the process's umask takes away.
    fs::create_dir(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
        .map_err(ReleaseError::io("make the folder", path))
}

/// A hidden name beside a path for what is not finished.
fn beside(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.partial"))
}
