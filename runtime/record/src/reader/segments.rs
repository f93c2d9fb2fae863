//! Which files make up a log.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ReadError;
use crate::ring;

/// One file of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// The number in its name, or its place among the files where the name has none.
    pub number: u32,
}

impl Segment {
    /// Whether another segment of the same log is not decided on yet, see [`crate::Selection`].
    pub(crate) fn waits_beside(&self, number: u32) -> bool {
        let dir = self.path.parent().unwrap_or(Path::new(""));
        ring::holds(dir, &split(&self.path).0, number)
    }
}

/// The segments, in order, of a file, a folder with one log, or one log of a folder with several
/// (`FOLDER/NAME`, where segments are `NAME-0000.mcap` and so on).
///
/// # Errors
/// When there is none, or a folder holds several logs.
pub fn segments(path: &Path) -> Result<Vec<Segment>, ReadError> {
    if path.is_dir() {
        return one_log(path, list(path)?);
    }
    let (dir, name) = (path.parent(), path.file_name());
    if let (Some(dir), Some(name), false) = (dir, name, path.exists()) {
        let dir = if dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            dir
        };
        if let Ok(all) = list(dir) {
            let name = name.to_string_lossy();
            let of_it = |(log, _): &(String, Segment)| *log == name;
            let found: Vec<_> = all.into_iter().filter(of_it).collect();
            if !found.is_empty() {
                return one_log(path, found);
            }
        }
    }
    let number = split(path).1.unwrap_or(0);
    let path = path.to_owned();
    Ok(vec![Segment { path, number }])
}

/// All `.mcap` files of a folder with the names of their logs, in order.
pub(crate) fn list(dir: &Path) -> Result<Vec<(String, Segment)>, ReadError> {
    let failed = |error| ReadError::io(dir, error);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "mcap")
            && path.is_file()
        {
            let (name, number) = split(&path);
            found.push((name, number, path));
        }
    }
    found.sort();
    let place = |(place, (name, number, path)): (usize, (String, Option<u32>, PathBuf))| {
        let number = number.unwrap_or(place as u32);
        (name, Segment { path, number })
    };
    Ok(found.into_iter().enumerate().map(place).collect())
}

fn one_log(path: &Path, found: Vec<(String, Segment)>) -> Result<Vec<Segment>, ReadError> {
    let mut names: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
    names.dedup();
    match names.len() {
        0 => Err(ReadError::Empty(path.to_owned())),
        1 => Ok(found.into_iter().map(|(_, segment)| segment).collect()),
        _ => {
            let path = path.to_owned();
            Err(ReadError::Several { path, names })
        }
    }
}

/// Name of the log and number of the segment: `drive-0012.mcap` is `drive` and 12.
fn split(path: &Path) -> (String, Option<u32>) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if let Some((name, digits)) = stem.rsplit_once('-')
        && digits.len() >= 4
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = digits.parse()
    {
        return (name.to_owned(), Some(number));
    }
    (stem.into_owned(), None)
}
