use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::path::Path;

use drafthorse_protocol::BlockId;

use super::entry::{Entry, Kept, State, Waiting};
use super::error::SpoolError;
use super::files::Files;
use super::index::{Change, Index};
use super::limits::SpoolLimits;
use crate::answer::Ruling;

/// Settled blocks that are remembered, so that one that is given again is recognised.
const SETTLED_KEPT: usize = 4096;

/// A block that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// The block.
    pub block: BlockId,
    /// Whether it was too old; else it made room.
    pub expired: bool,
}

/// The spool of one vehicle in one folder; one process has it open at a time. All of its calls wait for the disk.
pub struct Spool {
    limits: SpoolLimits,
    index: Index,
    files: Files,
    /// What the index says, in memory.
    entries: BTreeMap<BlockId, Entry>,
    bytes: u64,
    next_number: u64,
    evicted: Vec<Evicted>,
    /// Something is not on the disk yet.
    unsynced: bool,
}

impl Spool {
    /// Opens the spool in `folder`, which is made where it is not there, and gives what waits in it: by deadline, the
    /// earliest first. What a killed process left half done is undone. `now_ns` is Unix time.
    ///
    /// # Errors
    /// Where the folder cannot be read or written, or another process has it.
    pub fn open(
        folder: &Path,
        limits: SpoolLimits,
        now_ns: u64,
    ) -> Result<(Self, Vec<Kept>), SpoolError> {
        std::fs::create_dir_all(folder).map_err(|source| SpoolError::Io {
            what: format!("making {}", folder.display()),
            source,
        })?;
        let (index, lines) = Index::open(folder)?;
        let files = Files::open(folder)?;
        let entries: BTreeMap<_, _> = lines.into_iter().collect();
        let mut spool = Self {
            limits,
            index,
            files,
            bytes: entries.values().map(counted).sum(),
            next_number: entries.values().map(|e| e.number + 1).max().unwrap_or(0),
            entries,
            evicted: Vec::new(),
            unsynced: false,
        };
        let waiting = spool.entries.values().filter(|e| e.state == State::Waiting);
        let wanted: HashSet<_> = waiting.map(|e| e.number).collect();
        spool.files.keep_only(|n| wanted.contains(&n))?;
        spool.expire(now_ns)?;
        let mut kept: Vec<_> = spool.entries.iter().filter_map(kept).collect();
        kept.sort_by_key(|k| k.waiting.deadline_ns);
        Ok((spool, kept))
    }

    /// Bytes that count against the bound.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Blocks without a verdict.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let states = self.entries.values().map(|e| &e.state);
        states.filter(|s| **s == State::Waiting).count()
    }

    /// Puts a block on the disk and gives up what is too old or must make room for it. On return it is durable.
    ///
    /// # Errors
    /// Where the block is known, there is no room for it, or the disk fails; nothing of the block stays then.
    pub fn store(
        &mut self,
        now_ns: u64,
        waiting: &Waiting,
        payload: &[u8],
    ) -> Result<(), SpoolError> {
        let too_large = || SpoolError::TooLarge(payload.len());
        let bytes = u32::try_from(payload.len()).map_err(|_| too_large())?;
        let entry = Entry {
            bytes,
            crc32: crc32fast::hash(payload),
            ..self.new_entry(now_ns, waiting, State::Waiting)?
        };
        if counted(&entry) > self.limits.bytes {
            return Err(too_large());
        }
        self.expire(now_ns)?;
        self.make_room(&entry)?;
        self.next_number += 1;
        self.files.write(entry.number, payload)?;
        let committed = self.change(&[Change::Put(&waiting.block, &entry)]);
        if let Err(error) = committed {
            self.files.remove(entry.number);
            return Err(error);
        }
        self.bytes += counted(&entry);
        self.entries.insert(waiting.block.clone(), entry);
        Ok(())
    }

    /// Puts a block on the disk that has its ruling already: no payload, and as durable.
    ///
    /// # Errors
    /// Where the block is known, or the disk fails; nothing of the block stays then.
    pub fn store_ruled(
        &mut self,
        now_ns: u64,
        waiting: &Waiting,
        ruling: &Ruling,
    ) -> Result<(), SpoolError> {
        let state = State::Effective(ruling.clone());
        let entry = self.new_entry(now_ns, waiting, state)?;
        self.next_number += 1;
        self.put(&waiting.block, entry)
    }

    fn new_entry(
        &self,
        stored_ns: u64,
        waiting: &Waiting,
        state: State,
    ) -> Result<Entry, SpoolError> {
        if self.entries.contains_key(&waiting.block) {
            return Err(SpoolError::Known(waiting.block.clone()));
        }
        Ok(Entry {
            deadline_ns: waiting.deadline_ns,
            stored_ns,
            worth: waiting.worth,
            bytes: 0,
            crc32: 0,
            number: self.next_number,
            told: false,
            state,
        })
    }

    /// The payload of a block that waits.
    ///
    /// # Errors
    /// Where it is not there, is done with, or is not what was written.
    pub fn load(&self, block: &BlockId) -> Result<Vec<u8>, SpoolError> {
        let entry = self.waiting_entry(block)?;
        let payload = match self.files.read(entry.number) {
            Err(SpoolError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                return Err(SpoolError::Damaged(block.clone()));
            }
            read => read?,
        };
        if payload.len() == entry.bytes as usize && crc32fast::hash(&payload) == entry.crc32 {
            Ok(payload)
        } else {
            Err(SpoolError::Damaged(block.clone()))
        }
    }

    /// Makes a ruling the block's one and only. It stays until [`Spool::settle`].
    ///
    /// # Errors
    /// Where the block is not there or has a verdict already, and where the disk fails: the block waits still then.
    pub fn record(&mut self, block: &BlockId, ruling: &Ruling) -> Result<(), SpoolError> {
        let entry = Entry {
            state: State::Effective(ruling.clone()),
            ..self.waiting_entry(block)?.clone()
        };
        self.put(block, entry)
    }

    /// The log has that the block is unverified: the next open need not say it again. It is on the disk with the
    /// next block or verdict, or [`Spool::sync`]; until then a kill has it said again.
    ///
    /// # Errors
    /// Where the disk fails. A block that is not there any more is none.
    pub fn told(&mut self, block: &BlockId) -> Result<(), SpoolError> {
        match self.entries.get(block) {
            Some(entry) if entry.state == State::Waiting && !entry.told => {
                let entry = Entry {
                    told: true,
                    ..entry.clone()
                };
                self.put_later(block, entry)
            }
            _ => Ok(()),
        }
    }

    /// The log has the block's verdict: only the id is remembered. It is on the disk with the next block or
    /// verdict, or [`Spool::sync`]; until then a kill has the verdict handed out again.
    ///
    /// # Errors
    /// Where the disk fails: the next open hands the verdict out again. A block without a verdict is none.
    pub fn settle(&mut self, block: &BlockId) -> Result<(), SpoolError> {
        match self.entries.get(block) {
            Some(entry) if matches!(entry.state, State::Effective(_)) => {
                let entry = Entry {
                    state: State::Settled,
                    ..entry.clone()
                };
                self.put_later(block, entry)?;
                self.forget_oldest()
            }
            _ => Ok(()),
        }
    }

    /// Whether something was told or settled that is not on the disk yet.
    #[must_use]
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// On return all that was told and settled is on the disk.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        self.index.sync()?;
        self.unsynced = false;
        Ok(())
    }

    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), SpoolError> {
        self.index.change(changes)?;
        self.unsynced = false;
        Ok(())
    }

    /// Gives a block up that waits: the target does not take it.
    ///
    /// # Errors
    /// Where the disk fails. A block that is not there any more is none.
    pub fn discard(&mut self, block: &BlockId) -> Result<(), SpoolError> {
        match self.entries.get(block) {
            Some(entry) if entry.state == State::Waiting => {
                self.remove(std::slice::from_ref(block))
            }
            _ => Ok(()),
        }
    }

    /// Gives up what has waited too long and is told: a block of which no log has a word stays until one has, however long
    /// nobody was there to write it. A verdict is not given up.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn expire(&mut self, now_ns: u64) -> Result<(), SpoolError> {
        let age = u64::try_from(self.limits.age.as_nanos()).unwrap_or(u64::MAX);
        let old = |e: &Entry| now_ns.saturating_sub(e.stored_ns) > age;
        let expired: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, e)| e.state == State::Waiting && e.told && old(e))
            .map(|(id, _)| id.clone())
            .collect();
        self.give_up(expired, true)
    }

    /// What was given up since the last call.
    pub fn take_evicted(&mut self) -> Vec<Evicted> {
        std::mem::take(&mut self.evicted)
    }

    /// Gives up blocks that are worth no more than the new one until it fits.
    fn make_room(&mut self, new: &Entry) -> Result<(), SpoolError> {
        let over = (self.bytes + counted(new)).saturating_sub(self.limits.bytes);
        if over == 0 {
            return Ok(());
        }
        let mut least: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, e)| e.state == State::Waiting && e.worth <= new.worth)
            .collect();
        least.sort_by_key(|(_, e)| (e.worth, e.number));
        let mut room = 0;
        let mut given_up = Vec::new();
        for (id, entry) in least {
            if room >= over {
                break;
            }
            room += counted(entry);
            given_up.push(id.clone());
        }
        if room < over {
            return Err(SpoolError::Full);
        }
        self.give_up(given_up, false)
    }

    fn give_up(&mut self, blocks: Vec<BlockId>, expired: bool) -> Result<(), SpoolError> {
        self.remove(&blocks)?;
        let evicted = blocks.into_iter().map(|block| Evicted { block, expired });
        self.evicted.extend(evicted);
        Ok(())
    }

    fn waiting_entry(&self, block: &BlockId) -> Result<&Entry, SpoolError> {
        match self.entries.get(block) {
            Some(entry) if entry.state == State::Waiting => Ok(entry),
            Some(_) => Err(SpoolError::HasVerdict(block.clone())),
            None => Err(SpoolError::Unknown(block.clone())),
        }
    }

    /// Commits a changed line; a payload that it needs no more goes after it.
    fn put(&mut self, block: &BlockId, entry: Entry) -> Result<(), SpoolError> {
        self.change(&[Change::Put(block, &entry)])?;
        if entry.state != State::Waiting {
            self.files.remove(entry.number);
        }
        self.replace(block, entry);
        Ok(())
    }

    fn put_later(&mut self, block: &BlockId, entry: Entry) -> Result<(), SpoolError> {
        self.index.change_later(&[Change::Put(block, &entry)])?;
        self.unsynced = true;
        self.replace(block, entry);
        Ok(())
    }

    fn replace(&mut self, block: &BlockId, entry: Entry) {
        let after = counted(&entry);
        let before = self.entries.insert(block.clone(), entry);
        self.bytes = self.bytes + after - before.as_ref().map_or(0, counted);
    }

    fn remove(&mut self, blocks: &[BlockId]) -> Result<(), SpoolError> {
        if blocks.is_empty() {
            return Ok(());
        }
        let changes: Vec<_> = blocks.iter().map(Change::Remove).collect();
        self.change(&changes)?;
        for block in blocks {
            if let Some(entry) = self.entries.remove(block) {
                self.bytes -= counted(&entry);
                self.files.remove(entry.number);
            }
        }
        Ok(())
    }

    fn forget_oldest(&mut self) -> Result<(), SpoolError> {
        let mut settled: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, e)| e.state == State::Settled)
            .map(|(id, e)| (e.number, id.clone()))
            .collect();
        // Some at once, so that this is seldom.
        if settled.len() < SETTLED_KEPT + SETTLED_KEPT / 8 {
            return Ok(());
        }
        settled.sort();
        let many = settled.len() - SETTLED_KEPT;
        let oldest: Vec<_> = settled.into_iter().take(many).map(|(_, id)| id).collect();
        self.remove(&oldest)
    }
}

/// What a block counts against the bound: settled ones nothing, they are bounded by their number.
fn counted(entry: &Entry) -> u64 {
    match entry.state {
        State::Waiting => SpoolLimits::counted(u64::from(entry.bytes)),
        State::Effective(_) => SpoolLimits::counted(0),
        State::Settled => 0,
    }
}

fn kept((block, entry): (&BlockId, &Entry)) -> Option<Kept> {
    let ruling = match &entry.state {
        State::Waiting => None,
        State::Effective(ruling) => Some(ruling.clone()),
        State::Settled => return None,
    };
    Some(Kept {
        waiting: Waiting {
            block: block.clone(),
            deadline_ns: entry.deadline_ns,
            worth: entry.worth,
        },
        bytes: entry.bytes as usize,
        told: entry.told,
        ruling,
    })
}
