//! Writes one segment file: header, chunks with their indexes, metadata, and the end.

use std::io;

use crc32fast::Hasher;

use crate::compress::Compressor;
use crate::config::Compression;
use crate::format::{
    CHUNK_PREFIX, Fields, LIBRARY, MAGIC, PREFIX, op, put_bytes, put_record, put_u32, put_u64,
};
use crate::storage::Storage;
use crate::summary::{ChunkPlace, Contents, IndexBody};
use crate::survey::{Survey, Totals};

/// A checksum of a chunk's records up to some of them.
#[derive(Debug, Clone)]
pub(crate) struct Summed {
    pub(crate) crc: Hasher,
    /// End of the records summed, in a buffer with [`CHUNK_PREFIX`] bytes of room.
    pub(crate) end: usize,
}

impl Default for Summed {
    fn default() -> Self {
        Self {
            crc: Hasher::new(),
            end: CHUNK_PREFIX,
        }
    }
}

/// A segment being written. Everything goes to the end of the file; nothing is patched later.
pub(crate) struct SegmentWriter {
    storage: Box<dyn Storage>,
    /// Length of the file up to the last whole record group.
    offset: u64,
    data_crc: Hasher,
    contents: Contents,
    survey: Survey,
    compressor: Compressor,
    packed: Vec<u8>,
    finished: bool,
}

impl SegmentWriter {
    /// Begins the file with its magic and header.
    pub(crate) fn new(
        storage: Box<dyn Storage>,
        compression: Compression,
        profile: &str,
    ) -> io::Result<Self> {
        let mut writer = Self {
            storage,
            offset: 0,
            data_crc: Hasher::new(),
            contents: Contents::default(),
            survey: Survey::default(),
            compressor: Compressor::new(compression)?,
            packed: Vec::new(),
            finished: false,
        };
        let mut head = MAGIC.to_vec();
        put_record(&mut head, op::HEADER, |out| {
            put_bytes(out, profile.as_bytes());
            put_bytes(out, LIBRARY.as_bytes());
        });
        writer.data_crc.update(&head);
        writer.append(&head)?;
        Ok(writer)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.storage.append(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Length of the file.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.storage.sync()
    }

    /// Writes one chunk. `buffer` is [`CHUNK_PREFIX`] bytes of room and then the records, the
    /// first of them summed already; the room is filled and the indexes appended in place, so
    /// that an uncompressed chunk goes out in one write without another copy. `tail`, the data
    /// of the last message, may lie elsewhere; such a chunk is not compressed.
    pub(crate) fn chunk(
        &mut self,
        buffer: &mut Vec<u8>,
        summed: &Summed,
        tail: &[u8],
    ) -> io::Result<Totals> {
        let kept = buffer.len();
        let records = kept - CHUNK_PREFIX + tail.len();
        let totals = self
            .survey
            .walk(
                &buffer[CHUNK_PREFIX..],
                tail.len(),
                &mut self.contents.catalog,
            )
            .map_err(io::Error::other)?;
        let mut sum = summed.crc.clone();
        sum.update(&buffer[summed.end..]);
        sum.update(tail);

        let mut packed = std::mem::take(&mut self.packed);
        packed.clear();
        let name = self.compressor.name();
        packed.resize(CHUNK_PREFIX + name.len(), 0);
        let records_here = &buffer[CHUNK_PREFIX..];
        let smaller = tail.is_empty() && self.compressor.compress(records_here, &mut packed)?;
        let (out, compression) = match smaller {
            true => (&mut packed, name),
            false => (&mut *buffer, ""),
        };
        let room = CHUNK_PREFIX + compression.len();
        let stored = out.len() - room + tail.len();
        let crc = sum.clone().finalize();
        put_chunk_head(&mut out[..room], totals, records, crc, compression, stored);

        // The checksum of the whole file so far: known already for stored records.
        let mut data_crc = self.data_crc.clone();
        match smaller {
            true => data_crc.update(out),
            false => {
                data_crc.update(&out[..room]);
                data_crc.combine(&sum);
            }
        }
        let mut place = ChunkPlace {
            start_ns: totals.start_ns,
            end_ns: totals.end_ns,
            offset: self.offset,
            length: (room + stored) as u64,
            indexes: Vec::new(),
            indexes_length: 0,
            compression,
            compressed: stored as u64,
            uncompressed: records as u64,
        };
        if !tail.is_empty() {
            self.storage.append(out)?;
            self.storage.append(tail)?;
            out.clear();
        }
        let indexes = out.len();
        let indexes_at = place.offset + place.length;
        self.survey.put_indexes(out, |id, at| {
            place.indexes.push((id, indexes_at + at));
        });
        data_crc.update(&out[indexes..]);
        place.indexes_length = (out.len() - indexes) as u64;
        self.storage.append(out)?;
        self.offset = indexes_at + place.indexes_length;
        self.data_crc = data_crc;
        buffer.truncate(kept);
        self.packed = packed;
        self.account(place, totals);
        Ok(totals)
    }

    fn account(&mut self, place: ChunkPlace, totals: Totals) {
        let contents = &mut self.contents;
        contents.chunks.push(place);
        contents.messages += totals.messages;
        for (id, count) in self.survey.counts() {
            *contents.counts.entry(id).or_default() += count;
        }
        if totals.messages > 0 {
            let (start, end) = contents.span_ns.unwrap_or((u64::MAX, 0));
            contents.span_ns = Some((start.min(totals.start_ns), end.max(totals.end_ns)));
        }
    }

    /// Writes a whole metadata record.
    pub(crate) fn metadata(&mut self, record: &[u8]) -> io::Result<()> {
        let name = Fields(&record[9..]).bytes().unwrap_or_default();
        let mut body = Vec::new();
        put_u64(&mut body, self.offset);
        put_u64(&mut body, record.len() as u64);
        put_bytes(&mut body, name);
        self.indexed(op::METADATA_INDEX, body, record)
    }

    /// Writes a record whose index `body` goes into the summary.
    pub(crate) fn indexed(&mut self, opcode: u8, body: Vec<u8>, record: &[u8]) -> io::Result<()> {
        self.append(record)?;
        self.data_crc.update(record);
        self.contents.indexes.push(IndexBody { opcode, body });
        Ok(())
    }

    /// Cuts off what a failed write may have left behind, so that an end can be written.
    pub(crate) fn cut_back(&mut self) -> io::Result<()> {
        self.storage.truncate(self.offset)
    }

    /// Writes the end of the file and, if asked, forces all of it onto the disk. Once is enough.
    pub(crate) fn finish(&mut self, sync: bool) -> io::Result<()> {
        if self.finished {
            return Ok(());
        }
        let mut end = Vec::new();
        let crc = self.data_crc.clone().finalize();
        self.contents.put_end(&mut end, self.offset, crc);
        self.append(&end)?;
        self.finished = true;
        if sync { self.sync() } else { Ok(()) }
    }
}

/// Fills `out` with a chunk record up to its records.
fn put_chunk_head(
    out: &mut [u8],
    totals: Totals,
    records: usize,
    crc: u32,
    compression: &str,
    stored: usize,
) {
    let mut head = Vec::with_capacity(out.len());
    head.push(op::CHUNK);
    put_u64(&mut head, (out.len() - PREFIX + stored) as u64);
    put_u64(&mut head, totals.start_ns);
    put_u64(&mut head, totals.end_ns);
    put_u64(&mut head, records as u64);
    put_u32(&mut head, crc);
    put_bytes(&mut head, compression.as_bytes());
    put_u64(&mut head, stored as u64);
    out.copy_from_slice(&head);
}
