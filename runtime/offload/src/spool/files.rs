//! The payload files: appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::error::{SpoolError, no_room};

pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) fn open(spool: &Path) -> Result<Self, SpoolError> {
        let folder = spool.join("blocks");
        fs::create_dir_all(&folder)
            .and_then(|()| File::open(spool)?.sync_all())
            .map_err(|source| at("making", &folder, source))?;
        Ok(Self { folder })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:016x}.block"))
    }

    /// On return the file is on the disk under its name; on an error there is nothing of it.
    pub(super) fn write(&self, number: u64, payload: &[u8]) -> Result<(), SpoolError> {
        let path = self.path(number);
        let beside = path.with_extension("part");
        let written = File::create(&beside)
            .and_then(|mut file| {
                file.write_all(payload)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&beside, &path))
            .and_then(|()| File::open(&self.folder)?.sync_all());
        written.map_err(|source| {
            let _ = fs::remove_file(&beside);
            let _ = fs::remove_file(&path);
            at("writing", &path, source)
        })
    }

    pub(super) fn read(&self, number: u64) -> Result<Vec<u8>, SpoolError> {
        let path = self.path(number);
        fs::read(&path).map_err(|source| at("reading", &path, source))
    }

    /// A file that is gone already is as good.
    pub(super) fn remove(&self, number: u64) {
        let path = self.path(number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %path.display(), "payload file stays until the next start");
            }
            _ => {}
        }
    }

    /// Removes every file but those that `wanted` takes by their number.
    pub(super) fn keep_only(&self, wanted: impl Fn(u64) -> bool) -> Result<(), SpoolError> {
        let all = fs::read_dir(&self.folder).map_err(|e| at("reading", &self.folder, e))?;
        for file in all {
            let path = file.map_err(|e| at("reading", &self.folder, e))?.path();
            let number = path
                .file_name()
                .and_then(|n| n.to_str()?.strip_suffix(".block"))
                .and_then(|n| u64::from_str_radix(n, 16).ok());
            if !number.is_some_and(&wanted) {
                fs::remove_file(&path).map_err(|e| at("removing", &path, e))?;
            }
        }
        Ok(())
    }
}

fn at(what: &str, path: &Path, source: io::Error) -> SpoolError {
    if no_room(&source) {
        return SpoolError::DiskFull {
            folder: path.parent().unwrap_or(path).to_owned(),
        };
    }
    SpoolError::Io {
        what: format!("{what} {}", path.display()),
        source,
    }
}
