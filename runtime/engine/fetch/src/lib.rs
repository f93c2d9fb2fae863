//! Model files from URLs and object stores.
//!
//! A file appears under its name only when all of it is there and its hash is right. What came of an
//! earlier, broken attempt is kept beside it (`NAME.part`) and continued.

use futures_util::StreamExt as _;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt as _};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// Attempts that bring nothing before it is given up.
const PATIENCE: u32 = 5;
/// Wait after the first of them, doubled each time.
const WAIT: Duration = Duration::from_millis(200);

/// Why a file could not be fetched. What did come is kept for the next attempt, but for a wrong
/// hash.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is none, or of a kind that is not served.
    #[error(
        "cannot fetch from {url}: {why}; use http(s)://HOST/PATH or s3://BUCKET/PATH without query"
    )]
    Url {
        /// What was given.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The other side does not give it.
    #[error(
        "cannot fetch {url}: {why}; {kept} bytes are kept, the next attempt goes on from there"
    )]
    Transfer {
        /// From where.
        url: String,
        /// What it says.
        why: String,
        /// Bytes that came so far.
        kept: u64,
    },
    /// All came, and it is something else.
    #[error(
        "{url} is not the file that was declared: its SHA-256 is {found}, declared is {declared}; it was not kept"
    )]
    Hash {
        /// From where.
        url: String,
        /// What should come.
        declared: String,
        /// What came.
        found: String,
    },
    /// It cannot be written here.
    #[error("cannot write {path}: {error}")]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// How far it is: bytes there, and bytes in all where that is known.
pub type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

/// Fetches `url` into `path`, whose SHA-256 must be `sha256`, in hexadecimal digits. Object stores are
/// opened with the settings that their own tools read from the environment (`AWS_*`).
///
/// # Errors
/// [`FetchError`].
pub fn fetch(
    url: &str,
    path: &Path,
    sha256: &str,
    progress: Progress<'_>,
) -> Result<(), FetchError> {
    let wrong = |why: String| FetchError::Url {
        url: url.to_owned(),
        why,
    };
    let parsed = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
    if parsed.query().is_some() {
        return Err(wrong("it has a query".to_owned()));
    }
    // Another part of the program may have chosen one already, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((
            key.to_str()?.to_ascii_lowercase(),
            value.into_string().ok()?,
        ))
    };
    let environment = std::env::vars_os().filter_map(text);
    let plain = [("allow_http".to_owned(), "true".to_owned())];
    let options = environment.filter(|(key, _)| key.starts_with("aws_"));
    let opened = object_store::parse_url_opts(&parsed, options.chain(plain));
    let (store, object) = opened.map_err(|error| wrong(error.to_string()))?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|error| FetchError::Write {
        path: path.to_owned(),
        error,
    })?;
    let source = Source {
        store: store.as_ref(),
        object,
        url,
    };
    let mut file = Part::open(path)?;
    let is_resumed = file.length > 0;
    runtime.block_on(source.bring(&mut file, progress))?;
    match file.finish(url, sha256) {
        // What was there before may have been a part of another file.
        Err(FetchError::Hash { .. }) if is_resumed => {
            let mut file = Part::open(path)?;
            runtime.block_on(source.bring(&mut file, progress))?;
            file.finish(url, sha256)
        }
        finished => finished,
    }
}

/// An object in its store.
struct Source<'a> {
    store: &'a dyn ObjectStore,
    object: object_store::path::Path,
    url: &'a str,
}

impl Source<'_> {
    /// Brings all that is missing, whatever breaks off on the way.
    async fn bring(&self, file: &mut Part, progress: Progress<'_>) -> Result<(), FetchError> {
        let (mut attempts, mut longest) = (0, file.length);
        loop {
            let error = match self.attempt(file, progress).await {
                Ok(()) => return Ok(()),
                Err(Trouble::Write(error)) => return Err(file.failed(error)),
                Err(Trouble::Store(error)) => error,
            };
            let is_final = matches!(
                error,
                object_store::Error::NotFound { .. }
                    | object_store::Error::PermissionDenied { .. }
                    | object_store::Error::Unauthenticated { .. }
            );
            attempts = if file.length > longest {
                0
            } else {
                attempts + 1
            };
            longest = longest.max(file.length);
            if is_final || attempts >= PATIENCE {
                return Err(FetchError::Transfer {
                    url: self.url.to_owned(),
                    why: error.to_string(),
                    kept: file.length,
                });
            }
            tokio::time::sleep(WAIT * 2u32.pow(attempts)).await;
        }
    }

    /// Reads on from where the part ends.
    async fn attempt(&self, file: &mut Part, progress: Progress<'_>) -> Result<(), Trouble> {
        let size = self
            .store
            .head(&self.object)
            .await
            .map(|meta| meta.size)
            .ok();
        if size.is_some_and(|size| file.length > size) {
            // The part is of another file.
            file.restart()?;
        }
        if size == Some(file.length) && file.length > 0 {
            return Ok(());
        }
        let result = self.get(file).await?;
        let total = result.meta.size;
        let mut stream = result.into_stream();
        while let Some(bytes) = stream.next().await {
            file.append(&bytes?)?;
            progress(file.length, Some(total));
        }
        match file.length < total {
            true => Err(Trouble::Store(object_store::Error::Generic {
                store: "transfer",
                source: format!("it ended after {} of {total} bytes", file.length).into(),
            })),
            false => Ok(()),
        }
    }

    /// The rest of the object, or all of it where the other side gives no parts.
    async fn get(&self, file: &mut Part) -> Result<GetResult, Trouble> {
        if file.length > 0 {
            let rest = GetOptions {
                range: Some(GetRange::Offset(file.length)),
                ..GetOptions::default()
            };
            match self.store.get_opts(&self.object, rest).await {
                Err(object_store::Error::NotSupported { .. }) => file.restart()?,
                result => return Ok(result?),
            }
        }
        Ok(self.store.get(&self.object).await?)
    }
}

enum Trouble {
    Store(object_store::Error),
    Write(io::Error),
}

impl From<object_store::Error> for Trouble {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// What has come so far.
struct Part {
    file: File,
    path: PathBuf,
    whole: PathBuf,
    length: u64,
}

impl Part {
    fn open(whole: &Path) -> Result<Self, FetchError> {
        let mut name = whole.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        let failed = |error| FetchError::Write {
            path: path.clone(),
            error,
        };
        if let Some(folder) = whole.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = Self::open_locked(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok(Self {
            file,
            length,
            whole: whole.to_owned(),
            path,
        })
    }

    /// The file of that name, which nobody else writes.
    fn open_locked(path: &Path) -> io::Result<File> {
        loop {
            let mut options = OpenOptions::new();
            let options = options.create(true).append(true).read(true);
            let file = options.open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let why = "another program is fetching it; wait for that one";
                    return Err(io::Error::other(why));
                }
                // Some network file systems know no locks.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Who held it before may have given it its final name meanwhile.
            let own = file.metadata()?;
            match std::fs::metadata(path) {
                Ok(named) if (named.dev(), named.ino()) == (own.dev(), own.ino()) => {
                    return Ok(file);
                }
                _ => {}
            }
        }
    }

    fn failed(&self, error: io::Error) -> FetchError {
        FetchError::Write {
            path: self.path.clone(),
            error,
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        Ok(())
    }

    /// Checks the hash and gives the file its name.
    fn finish(self, url: &str, sha256: &str) -> Result<(), FetchError> {
        let found = self.hash().map_err(|error| self.failed(error))?;
        if !found.eq_ignore_ascii_case(sha256) {
            std::fs::remove_file(&self.path).map_err(|error| self.failed(error))?;
            return Err(FetchError::Hash {
                url: url.to_owned(),
                declared: sha256.to_owned(),
                found,
            });
        }
        let name = || {
            self.file.sync_all()?;
            std::fs::rename(&self.path, &self.whole)?;
            // The name is durable with its folder.
            let folder = self.whole.parent().filter(|f| !f.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        name().map_err(|error| self.failed(error))
    }

    fn hash(&self) -> io::Result<String> {
        let mut file = &self.file;
        file.seek(io::SeekFrom::Start(0))?;
        let mut hash = Sha256::new();
        let mut block = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut block)?;
            if count == 0 {
                break;
            }
            hash.update(&block[..count]);
        }
        let digest = hash.finalize();
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
