//! Gap files: what a log has in the place of segments that were dropped because nobody wanted them, so
//! that they are not taken for lost.
//!
//! A gap file is a log of its own without messages. It has the name of the first segment dropped, the
//! metadata of the log, and a record of what was dropped. It grows by being replaced.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Compression;
use crate::metadata;
use crate::reader::Metadata;
use crate::segment::SegmentWriter;
use crate::storage::Disk;

/// Name of a gap file's own metadata record.
const DROPPED_METADATA: &str = "drafthorse.dropped";

/// Segments that were dropped whole, one after the other, because no window touched them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The first.
    pub first_segment: u32,
    /// The last.
    pub last_segment: u32,
    /// Messages in them.
    pub messages: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Smallest log time in them, in nanoseconds.
    pub from_ns: u64,
    /// Largest.
    pub to_ns: u64,
}

impl Dropped {
    /// How many.
    #[must_use]
    pub fn segments(&self) -> u32 {
        self.last_segment - self.first_segment + 1
    }

    /// Adds those that follow.
    pub(crate) fn add(&mut self, next: &Self) {
        self.last_segment = next.last_segment;
        self.messages += next.messages;
        self.bytes += next.bytes;
        self.from_ns = self.from_ns.min(next.from_ns);
        self.to_ns = self.to_ns.max(next.to_ns);
    }

    fn entries(&self) -> BTreeMap<String, String> {
        let fields = [
            ("first_segment", u64::from(self.first_segment)),
            ("last_segment", u64::from(self.last_segment)),
            ("messages", self.messages),
            ("bytes", self.bytes),
            ("from_ns", self.from_ns),
            ("to_ns", self.to_ns),
        ];
        let text = fields.map(|(key, value)| (key.to_owned(), value.to_string()));
        text.into()
    }

    /// What a metadata record says was dropped; none for any other record.
    pub(crate) fn read(name: &str, entries: &BTreeMap<String, String>) -> Option<Self> {
        if name != DROPPED_METADATA {
            return None;
        }
        let number = |key: &str| entries.get(key)?.parse::<u64>().ok();
        let segment = |key: &str| u32::try_from(number(key)?).ok();
        let dropped = Self {
            first_segment: segment("first_segment")?,
            last_segment: segment("last_segment")?,
            messages: number("messages")?,
            bytes: number("bytes")?,
            from_ns: number("from_ns")?,
            to_ns: number("to_ns")?,
        };
        (dropped.first_segment <= dropped.last_segment).then_some(dropped)
    }

    /// Writes the gap file `path` by way of `draft` in the same file system: after a power cut it is
    /// there as it was before or whole.
    pub(crate) fn write(
        &self,
        log: &Metadata,
        disk: &dyn Disk,
        draft: &Path,
        path: &Path,
        durable: bool,
    ) -> io::Result<()> {
        disk.remove(draft)?;
        let mut file = SegmentWriter::new(disk.create(draft)?, Compression::None, "")?;
        for (name, entries) in log {
            file.metadata(&metadata::encode(name, entries))?;
        }
        file.metadata(&metadata::encode(DROPPED_METADATA, &self.entries()))?;
        file.finish(durable)?;
        disk.rename(draft, path)?;
        match path.parent() {
            Some(dir) if durable => disk.sync_dir(dir),
            _ => Ok(()),
        }
    }
}
