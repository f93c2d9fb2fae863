//! IPv4 fragments back to datagrams.

use std::mem::take;

/// Datagrams under assembly at a time; the oldest gives way.
const SLOTS: usize = 32;
/// How long a datagram may take from its first fragment to its last, ns of capture time.
const PATIENCE_NS: u64 = 2_000_000_000;
/// The longest datagram IPv4 can carry, bytes.
const MAX_BYTES: usize = 65_535;

/// Datagrams that could not be put together, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentLoss {
    /// Datagrams given up with fragments missing.
    pub missing: u64,
    /// Datagrams whose fragments contradict each other where they overlap, or in their length.
    pub conflicting: u64,
    /// Single fragments with an impossible offset or length.
    pub malformed: u64,
}

impl FragmentLoss {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.missing + self.conflicting + self.malformed
    }
}

/// What tells one datagram's fragments from another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) source: [u8; 4],
    pub(super) destination: [u8; 4],
    pub(super) protocol: u8,
    pub(super) id: u16,
}

/// One fragment.
pub(super) struct Fragment<'a> {
    pub(super) key: Key,
    pub(super) offset: usize,
    pub(super) more: bool,
    pub(super) ns: u64,
    pub(super) data: &'a [u8],
}

#[derive(Clone, Debug, Default)]
struct Slot {
    key: Key,
    first_ns: u64,
    /// Length of the whole, once the last fragment is there.
    length: Option<usize>,
    data: Vec<u8>,
    /// Which bytes are there, one bit for each group of eight.
    seen: Vec<u64>,
}

/// Puts fragments together; memory is bounded by 32 datagrams.
#[derive(Clone, Debug, Default)]
pub(super) struct Reassembly {
    /// In order of their first fragment.
    slots: Vec<Slot>,
    spare: Vec<Slot>,
    pub(super) loss: FragmentLoss,
}

impl Reassembly {
    /// Takes a fragment; true where it completed a datagram, whose IP payload is then in `out`.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>, out: &mut Vec<u8>) -> bool {
        let end = fragment.offset + fragment.data.len();
        let aligned = fragment.data.len().is_multiple_of(8);
        if fragment.data.is_empty() || end > MAX_BYTES || (fragment.more && !aligned) {
            self.loss.malformed += 1;
            return false;
        }
        self.expire(fragment.ns);
        let index = match self.slots.iter().position(|slot| slot.key == fragment.key) {
            Some(index) => index,
            None => self.open(fragment),
        };
        let Some(slot) = self.slots.get_mut(index) else {
            return false;
        };
        if !slot.fill(fragment, end) {
            self.loss.conflicting += 1;
            self.close(index);
            return false;
        }
        if !slot.is_whole() {
            return false;
        }
        out.clear();
        out.extend_from_slice(&slot.data);
        self.close(index);
        true
    }

    /// The capture has ended: what is unfinished is missing.
    pub(super) fn finish(&mut self) {
        self.loss.missing += self.slots.len() as u64;
        self.slots.clear();
    }

    fn expire(&mut self, now_ns: u64) {
        while let Some(slot) = self.slots.first() {
            if now_ns.abs_diff(slot.first_ns) <= PATIENCE_NS {
                break;
            }
            self.loss.missing += 1;
            self.close(0);
        }
    }

    fn open(&mut self, fragment: &Fragment<'_>) -> usize {
        if self.slots.len() >= SLOTS {
            self.loss.missing += 1;
            self.close(0);
        }
        let mut slot = self.spare.pop().unwrap_or_default();
        slot.key = fragment.key;
        slot.first_ns = fragment.ns;
        self.slots.push(slot);
        self.slots.len() - 1
    }

    fn close(&mut self, index: usize) {
        let slot = self.slots.remove(index);
        self.spare.push(Slot {
            data: cleared(slot.data),
            seen: cleared(slot.seen),
            ..Slot::default()
        });
    }
}

fn cleared<T>(mut buffer: Vec<T>) -> Vec<T> {
    buffer.clear();
    take(&mut buffer)
}

impl Slot {
    /// Puts the fragment in its place; false where it contradicts what is there.
    fn fill(&mut self, fragment: &Fragment<'_>, end: usize) -> bool {
        if !fragment.more {
            if self.length.is_some_and(|length| length != end) || self.data.len() > end {
                return false;
            }
            self.length = Some(end);
        }
        if self.length.is_some_and(|length| end > length) {
            return false;
        }
        if self.data.len() < end {
            self.data.resize(end, 0);
            self.seen.resize(end.div_ceil(8).div_ceil(64), 0);
        }
        let Some(place) = self.data.get_mut(fragment.offset..end) else {
            return false;
        };
        let groups = place.chunks_mut(8).zip(fragment.data.chunks(8));
        for (group, (place, data)) in (fragment.offset / 8..).zip(groups) {
            let Some(word) = self.seen.get_mut(group / 64) else {
                return false;
            };
            let bit = 1_u64 << (group % 64);
            if *word & bit != 0 && place != data {
                return false;
            }
            place.copy_from_slice(data);
            *word |= bit;
        }
        true
    }

    fn is_whole(&self) -> bool {
        let Some(length) = self.length else {
            return false;
        };
        let groups = length.div_ceil(8);
        let seen: u32 = self.seen.iter().map(|word| word.count_ones()).sum();
        seen as usize == groups
    }
}
