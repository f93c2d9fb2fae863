//! One walk over a chunk's records: what is in it, and the message indexes that follow it.
//!
//! The writer surveys each chunk to build its indexes; the reader surveys it again to check that
//! the chunk's own header and indexes say the same, and that every record is whole and known.

use crate::catalog::Catalog;
use crate::format::{Fields, MESSAGE_PREFIX, PREFIX, op, put_u16, put_u32, put_u64};

/// What a chunk's records add up to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) messages: u64,
    /// Smallest log time, 0 without messages.
    pub(crate) start_ns: u64,
    /// Largest log time, 0 without messages.
    pub(crate) end_ns: u64,
}

/// Reusable memory of a survey.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Index entries (log time, offset) by channel number, encoded.
    entries: Vec<Vec<u8>>,
    /// Channels with entries, in order of first use.
    used: Vec<u16>,
}

impl Survey {
    /// Walks `records`, adding definitions to `catalog`. Says what is wrong with them. The last
    /// `apart` bytes, data of the last message, are elsewhere.
    pub(crate) fn walk(
        &mut self,
        records: &[u8],
        apart: usize,
        catalog: &mut Catalog,
    ) -> Result<Totals, &'static str> {
        for id in self.used.drain(..) {
            self.entries[usize::from(id)].clear();
        }
        let mut totals = Totals {
            start_ns: u64::MAX,
            ..Totals::default()
        };
        let mut at = 0;
        while at < records.len() {
            let mut fields = Fields(&records[at..]);
            let (Some(opcode), Some(length)) = (fields.u8(), fields.u64()) else {
                return Err("a record reaches past the end of its chunk");
            };
            let here = usize::try_from(length).unwrap_or(usize::MAX);
            let body = match fields.0.get(..here) {
                Some(body) => body,
                None if apart > 0 && opcode == op::MESSAGE => fields.0,
                None => return Err("a record reaches past the end of its chunk"),
            };
            match opcode {
                op::MESSAGE => {
                    if body.len() < MESSAGE_PREFIX - PREFIX {
                        return Err("a message record is too short");
                    }
                    let id = u16::from_le_bytes([body[0], body[1]]);
                    let log_ns = Fields(&body[6..]).u64().unwrap_or_default();
                    let entries = self.entries_of(id, catalog)?;
                    let mut entry = [0; 16];
                    entry[..8].copy_from_slice(&log_ns.to_le_bytes());
                    entry[8..].copy_from_slice(&(at as u64).to_le_bytes());
                    entries.extend_from_slice(&entry);
                    totals.messages += 1;
                    totals.start_ns = totals.start_ns.min(log_ns);
                    totals.end_ns = totals.end_ns.max(log_ns);
                }
                op::SCHEMA | op::CHANNEL => catalog.define(opcode, body)?,
                0x80.. => {}
                _ => return Err("a chunk holds a record that does not belong there"),
            }
            at += PREFIX + body.len();
        }
        if totals.messages == 0 {
            totals.start_ns = 0;
        }
        Ok(totals)
    }

    #[inline]
    fn entries_of(&mut self, id: u16, catalog: &Catalog) -> Result<&mut Vec<u8>, &'static str> {
        let slot = usize::from(id);
        if self.entries.get(slot).is_none_or(Vec::is_empty) {
            if !catalog.has_channel(id) {
                return Err("a message names a channel that the log does not define");
            }
            if self.entries.len() <= slot {
                self.entries.resize_with(slot + 1, Vec::new);
            }
            self.used.push(id);
        }
        Ok(&mut self.entries[slot])
    }

    /// Number of messages by channel of the last walk.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let count = |&id: &u16| (id, self.entries[usize::from(id)].len() as u64 / 16);
        self.used.iter().map(count)
    }

    /// Appends the message index records of the last walk; `place` learns where each begins,
    /// relative to the first.
    pub(crate) fn put_indexes(&self, out: &mut Vec<u8>, mut place: impl FnMut(u16, u64)) {
        let start = out.len();
        for &id in &self.used {
            place(id, (out.len() - start) as u64);
            let entries = &self.entries[usize::from(id)];
            out.push(op::MESSAGE_INDEX);
            put_u64(out, entries.len() as u64 + 6);
            put_u16(out, id);
            put_u32(out, entries.len() as u32);
            out.extend_from_slice(entries);
        }
    }
}
