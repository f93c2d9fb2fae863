//! Keeping a folder of logs within its quota: the oldest go first, kept ones never.
//!
//! A log is kept by an empty file beside it, `NAME.mcap.keep`.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::ReadError;
use crate::format::{Fields, LIBRARY_NAME, MAGIC, op};
use crate::reader::segments;

/// Bytes after which a folder that could not be brought within its quota is looked at again.
const LOOK_AGAIN_BYTES: u64 = 16 << 20;

/// Enough of a file for its magic and its header.
const HEAD_BYTES: usize = 256;

/// Marks a log, a file or all segments of one log in a folder, as never to be evicted; gives the
/// files marked.
///
/// # Errors
/// When there is no log, or a mark cannot be written.
pub fn keep(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    for_each_file(path, |file| fs::File::create(mark_of(file))?.sync_all())
}

/// Takes the marks of [`keep`] away again; gives the files that were looked at.
///
/// # Errors
/// When there is no log, or a mark cannot be removed.
pub fn release(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    for_each_file(path, |file| match fs::remove_file(mark_of(file)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
}

fn for_each_file(
    path: &Path,
    act: impl Fn(&Path) -> io::Result<()>,
) -> Result<Vec<PathBuf>, ReadError> {
    let files: Vec<PathBuf> = segments(path)?.into_iter().map(|s| s.path).collect();
    for file in &files {
        let (head, read) = head(file).map_err(|error| ReadError::io(file, error))?;
        if !head[..read].starts_with(&MAGIC) {
            return Err(ReadError::NotMcap(file.clone()));
        }
    }
    for file in &files {
        act(file).map_err(|error| ReadError::io(&mark_of(file), error))?;
    }
    Ok(files)
}

/// Whether a log is marked as kept.
pub fn is_kept(path: &Path) -> bool {
    mark_of(path).exists()
}

/// Removes the oldest logs of `dir` that this recorder has written and that are not kept, until all
/// its logs together take at most `quota_bytes`, or none is left to remove. `current` is never
/// removed, nor is a log of another maker. Returns what was removed, oldest first; a log that
/// cannot be removed is told and passed over.
///
/// # Errors
/// When the folder cannot be listed.
pub fn evict(dir: &Path, quota_bytes: u64, current: Option<&Path>) -> io::Result<Vec<PathBuf>> {
    let mut logs = logs(dir)?;
    logs.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
    let mut total: u64 = logs.iter().map(|log| log.bytes).sum();
    let mut evicted = Vec::new();
    for log in logs {
        if total <= quota_bytes {
            break;
        }
        if current == Some(log.path.as_path()) || is_kept(&log.path) {
            continue;
        }
        match fs::remove_file(&log.path) {
            Ok(()) => {
                total -= log.bytes;
                evicted.push(log.path);
            }
            Err(error) => tracing::error!(
                "the old log {} cannot be removed ({error}); the next older one goes instead",
                log.path.display()
            ),
        }
    }
    Ok(evicted)
}

struct Log {
    path: PathBuf,
    bytes: u64,
    modified: SystemTime,
}

/// The logs of a folder that this recorder has written.
fn logs(dir: &Path) -> io::Result<Vec<Log>> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "mcap") {
            continue;
        }
        // A file may vanish while the folder is listed.
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.is_file() && is_ours(&path) {
            logs.push(Log {
                bytes: metadata.len(),
                modified: metadata.modified()?,
                path,
            });
        }
    }
    Ok(logs)
}

/// Whether the file's header names this recorder.
fn is_ours(path: &Path) -> bool {
    let Ok((head, read)) = head(path) else {
        return false;
    };
    let Some(records) = head.get(MAGIC.len()..read) else {
        return false;
    };
    let Some((op::HEADER, body)) = Fields(records).record() else {
        return false;
    };
    let mut fields = Fields(body);
    let library = fields.text().and_then(|_profile| fields.text());
    head.starts_with(&MAGIC) && library.is_some_and(|library| library.starts_with(LIBRARY_NAME))
}

/// The first bytes of a file, and how many there are.
fn head(path: &Path) -> io::Result<([u8; HEAD_BYTES], usize)> {
    let mut file = fs::File::open(path)?;
    let (mut head, mut read) = ([0; HEAD_BYTES], 0);
    while read < head.len() {
        match file.read(&mut head[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok((head, read))
}

fn mark_of(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".keep");
    name.into()
}

/// A recorder's quota, checked as its current segment grows.
pub(crate) struct Quota {
    dir: PathBuf,
    most: u64,
    /// Bytes of all other logs when last looked at; unknown at first.
    others: Option<u64>,
    /// Length of the current segment below which looking again is pointless.
    not_before: u64,
}

impl Quota {
    pub(crate) fn new(dir: &Path, most: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            most,
            others: None,
            not_before: 0,
        }
    }

    /// The folder has changed.
    pub(crate) fn look_again(&mut self) {
        self.others = None;
        self.not_before = 0;
    }

    /// Evicts what is too much now that `current`, with what waits beside the log, is `length` bytes
    /// long.
    pub(crate) fn enforce(&mut self, current: &Path, length: u64) -> Vec<PathBuf> {
        let within = self
            .others
            .is_some_and(|others| others + length <= self.most);
        if within || length < self.not_before {
            return Vec::new();
        }
        // What waits in the ring is not among the folder's logs.
        let beside = match current.parent() == Some(self.dir.as_path()) {
            true => 0,
            false => length,
        };
        let most = self.most.saturating_sub(beside);
        let evicted = evict(&self.dir, most, Some(current)).unwrap_or_else(|error| {
            tracing::error!("cannot evict old logs from {}: {error}", self.dir.display());
            Vec::new()
        });
        let others = logs(&self.dir).unwrap_or_default();
        let others = others.iter().filter(|log| log.path != current);
        let others = others.map(|log| log.bytes).sum();
        self.others = Some(others);
        if others + length > self.most {
            self.not_before = length + LOOK_AGAIN_BYTES;
        }
        evicted
    }
}
