//! The index: one line a block in a redb file, changed in transactions that are on the disk when they return.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use drafthorse_protocol::BlockId;
use redb::{Database, Durability, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::entry::Entry;
use super::error::{SpoolError, no_room};

/// The number in the name is the form of the lines.
const BLOCKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("blocks-1");
/// How often [`Index::sync`] was called.
const SYNCS: TableDefinition<'_, (), u64> = TableDefinition::new("syncs");
/// The whole index is small; this is what of it stays in memory.
const CACHE_BYTES: usize = 1 << 20;

pub(super) struct Index {
    folder: PathBuf,
    /// Closed after an error, since redb takes nothing after one: the next call opens it again.
    database: Option<Database>,
}

/// One change; all of a call's changes happen together.
pub(super) enum Change<'a> {
    Put(&'a BlockId, &'a Entry),
    Remove(&'a BlockId),
}

impl Index {
    /// Opens the index or makes a new one, and gives every line. A broken one is put aside with all payload files
    /// (`damaged`, in the place of an older one), and the spool begins empty: without the index nobody knows which blocks
    /// have their verdict.
    pub(super) fn open(folder: &Path) -> Result<(Self, Vec<(BlockId, Entry)>), SpoolError> {
        let mut index = Self {
            folder: folder.to_owned(),
            database: None,
        };
        let mut all = index.all();
        if let Err(SpoolError::Index(error)) = &all
            && broken(error)
        {
            tracing::error!(%error, folder = %folder.display(), "index of the spool is broken: put aside");
            index.put_aside().map_err(|source| SpoolError::Io {
                what: format!("putting a broken spool aside in {}", folder.display()),
                source,
            })?;
            all = index.all();
        }
        Ok((index, all?))
    }

    fn put_aside(&mut self) -> std::io::Result<()> {
        self.database = None;
        let aside = self.folder.join("damaged");
        if aside.exists() {
            fs::remove_dir_all(&aside)?;
        }
        fs::create_dir(&aside)?;
        for name in ["index.redb", "blocks"] {
            if self.folder.join(name).exists() {
                fs::rename(self.folder.join(name), aside.join(name))?;
            }
        }
        Ok(())
    }

    /// Every line. Lines that cannot be read are errors of the index.
    fn all(&mut self) -> Result<Vec<(BlockId, Entry)>, SpoolError> {
        self.with(|database| {
            let table = database.begin_read()?.open_table(BLOCKS)?;
            let mut all = Vec::new();
            for line in table.iter()? {
                let (id, entry) = line?;
                let read = BlockId::new(id.value())
                    .ok()
                    .zip(postcard::from_bytes(entry.value()).ok());
                all.push(read.ok_or_else(|| {
                    redb::Error::Corrupted(format!("line of block {}", id.value()))
                })?);
            }
            Ok(all)
        })
    }

    /// All changes or none; on return they are on the disk.
    pub(super) fn change(&mut self, changes: &[Change<'_>]) -> Result<(), SpoolError> {
        self.commit(changes, Durability::Immediate)
    }

    /// The same, but they are on the disk only with the next change that is: a process that is killed, or power that
    /// fails, may undo them.
    pub(super) fn change_later(&mut self, changes: &[Change<'_>]) -> Result<(), SpoolError> {
        self.commit(changes, Durability::None)
    }

    /// On return all that was to come later is on the disk. A transaction that changes nothing would not do it.
    pub(super) fn sync(&mut self) -> Result<(), SpoolError> {
        self.with(|database| {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(SYNCS)?;
                let syncs = table.get(())?.map_or(0, |n| n.value());
                table.insert((), syncs + 1)?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    fn commit(&mut self, changes: &[Change<'_>], durability: Durability) -> Result<(), SpoolError> {
        self.with(|database| {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(durability)?;
            {
                let mut table = transaction.open_table(BLOCKS)?;
                for change in changes {
                    match change {
                        Change::Put(id, entry) => {
                            let line = postcard::to_stdvec(entry)
                                .map_err(|e| redb::Error::Corrupted(e.to_string()))?;
                            table.insert(id.as_str(), line.as_slice())?;
                        }
                        Change::Remove(id) => {
                            table.remove(id.as_str())?;
                        }
                    }
                }
            }
            transaction.commit()?;
            Ok(())
        })
    }

    fn with<T>(
        &mut self,
        run: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, SpoolError> {
        let result = match self.database.take() {
            Some(database) => Ok(database),
            None => open(&self.folder.join("index.redb")),
        };
        let result = result.and_then(|database| {
            let done = run(&database)?;
            self.database = Some(database);
            Ok(done)
        });
        result.map_err(|error| match error {
            redb::Error::Io(source) if no_room(&source) => SpoolError::DiskFull {
                folder: self.folder.clone(),
            },
            redb::Error::DatabaseAlreadyOpen => SpoolError::InUse(self.folder.clone()),
            other => SpoolError::Index(Box::new(other)),
        })
    }
}

/// Whether the file is none that can be read, in contrast to a disk that fails.
fn broken(error: &redb::Error) -> bool {
    match error {
        redb::Error::Io(error) => {
            matches!(
                error.kind(),
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof
            )
        }
        _ => true,
    }
}

/// Opens the file and checks every page of it, so that damage is an error here and neither a wrong line nor a panic
/// later; the table is there then.
fn open(path: &Path) -> Result<Database, redb::Error> {
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true)
        .create(path)?;
    let there = database.begin_read()?.open_table(BLOCKS).is_ok();
    if !there {
        let transaction = database.begin_write()?;
        transaction.open_table(BLOCKS)?;
        transaction.commit()?;
    }
    Ok(database)
}
