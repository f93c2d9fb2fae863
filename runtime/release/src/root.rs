//! The folder of releases on a device.
//!
//! ```text
//! device.toml          which board this is; where it differs from the board's profile, how
//! trusted/*.pub        keys whose bundles are accepted
//! releases/ID/         whole releases, never changed
//! incoming/ID/         chunks of a release that is on its way
//! current, confirmed, previous -> releases/ID
//! trial                there while `current` is being tried
//! lock                 held by whoever changes any of this
//! ```

use crate::durable::{link_atomically, make_folder};
use crate::error::ReleaseError;
use crate::manifest::{MANIFEST, Manifest};
use drafthorse_boards::DeployProfile;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the lock may be held by someone who changes nothing.
const GLANCE: Duration = Duration::from_millis(300);

/// `device.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Name of the board's profile.
    pub board: String,
    /// How releases live here; as the board's profile has it where absent.
    #[serde(default)]
    pub deploy: Option<DeployProfile>,
}

/// The folder, with what its `device.toml` says.
pub struct Root {
    path: PathBuf,
    /// Name of the board's profile.
    pub board: String,
    /// How releases live here.
    pub deploy: DeployProfile,
}

impl Root {
    /// Opens a prepared folder.
    ///
    /// # Errors
    /// [`ReleaseError::NotARoot`].
    pub fn open(path: &Path) -> Result<Self, ReleaseError> {
        let wrong = |why: String| ReleaseError::NotARoot {
            root: path.to_owned(),
            why,
        };
        let file = path.join("device.toml");
        let text = fs::read_to_string(&file)
            .map_err(|error| wrong(format!("{}: {error}", file.display())))?;
        let device: Device =
            toml::from_str(&text).map_err(|error| wrong(format!("{}: {error}", file.display())))?;
        let deploy = match device.deploy {
            Some(deploy) => deploy,
            None => {
                drafthorse_boards::builtin(&device.board)
                    .map_err(|error| wrong(error.to_string()))?
                    .deploy
            }
        };
        let file = path.join("restart");
        let owned = fs::metadata(if file.exists() { &file } else { path });
        let owner = owned.map_err(ReleaseError::io("look at", path))?.uid();
        if rustix::process::geteuid().is_root() && owner != 0 {
            return Err(wrong(format!(
                "it belongs to the user {owner}, and what root makes here no deployment could change any more: \
                 call this as that user (sudo -u '#{owner}' ...)"
            )));
        }
        make_folder(&path.join("releases"))?;
        make_folder(&path.join("incoming"))?;
        let path = path
            .canonicalize()
            .map_err(ReleaseError::io("find", path))?;
        Ok(Self {
            path,
            board: device.board,
            deploy,
        })
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where trusted keys lie.
    #[must_use]
    pub fn trusted(&self) -> PathBuf {
        self.path.join("trusted")
    }

    /// Where releases lie.
    #[must_use]
    pub fn releases(&self) -> PathBuf {
        self.path.join("releases")
    }

    /// Where a release lies.
    #[must_use]
    pub fn release(&self, id: &str) -> PathBuf {
        self.releases().join(id)
    }

    /// Where a release comes in.
    #[must_use]
    pub fn incoming(&self, id: &str) -> PathBuf {
        self.path.join("incoming").join(id)
    }

    /// There while a release is being tried.
    pub(crate) fn trial(&self) -> PathBuf {
        self.path.join("trial")
    }

    /// The release that is being tried, or was when its trial broke off.
    #[must_use]
    pub fn tried(&self) -> Option<String> {
        fs::read_to_string(self.trial()).ok()
    }

    /// The release that the service runs.
    #[must_use]
    pub fn current(&self) -> Option<String> {
        self.pointed("current")
    }

    /// The last release that was seen perceiving.
    #[must_use]
    pub fn confirmed(&self) -> Option<String> {
        self.pointed("confirmed")
    }

    /// The one before it.
    #[must_use]
    pub fn previous(&self) -> Option<String> {
        self.pointed("previous")
    }

    /// The release that a link points to, where that is there.
    fn pointed(&self, link: &str) -> Option<String> {
        let target = fs::read_link(self.path.join(link)).ok()?;
        let id = target.file_name()?.to_str()?.to_owned();
        self.release(&id).join(MANIFEST).is_file().then_some(id)
    }

    pub(crate) fn point(&self, link: &str, id: &str) -> Result<(), ReleaseError> {
        link_atomically(&self.path.join(link), &Path::new("releases").join(id))
    }

    /// Names of whole releases, sorted.
    #[must_use]
    pub fn installed(&self) -> Vec<String> {
        let entries = fs::read_dir(self.releases()).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names
            .filter(|id| !id.starts_with('.') && self.release(id).join(MANIFEST).is_file())
            .collect();
        names.sort();
        names
    }

    /// The manifest of an installed release.
    ///
    /// # Errors
    /// [`ReleaseError::NoSuchRelease`], [`ReleaseError::Damaged`].
    pub fn manifest(&self, id: &str) -> Result<Manifest, ReleaseError> {
        let known = self.installed();
        if !known.iter().any(|name| name == id) {
            return Err(ReleaseError::NoSuchRelease {
                id: id.to_owned(),
                known: known.join(", "),
            });
        }
        let path = self.release(id).join(MANIFEST);
        let text = fs::read(&path).map_err(ReleaseError::io("read", &path))?;
        Manifest::parse(&text).map_err(|error| ReleaseError::Damaged {
            id: id.to_owned(),
            what: error.to_string(),
        })
    }

    /// Bytes that may still be written.
    ///
    /// # Errors
    /// [`ReleaseError::Io`].
    pub fn free_bytes(&self) -> Result<u64, ReleaseError> {
        let answer = rustix::fs::statvfs(&self.path)
            .map_err(|error| ReleaseError::io("look at", &self.path)(error.into()))?;
        Ok(answer.f_bavail * answer.f_frsize)
    }

    /// Takes the lock; the kernel gives it back when the file is dropped, also with its process.
    pub(crate) fn lock(&self) -> Result<File, ReleaseError> {
        let path = self.path.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(ReleaseError::io("open", &path))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                // Whoever only looks holds it for a moment.
                Err(TryLockError::WouldBlock) if began.elapsed() < GLANCE => {
                    std::thread::sleep(GLANCE / 10);
                }
                Err(TryLockError::WouldBlock) => return Err(ReleaseError::Busy),
                Err(TryLockError::Error(error)) => {
                    return Err(ReleaseError::io("lock", &path)(error));
                }
            }
        }
    }
}
