//! What a segment's end says about its data: statistics, indexes, offsets and the footer.

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::format::{MAGIC, op, put_bytes, put_record, put_u16, put_u32, put_u64};

/// Where one chunk lies.
#[derive(Debug)]
pub(crate) struct ChunkPlace {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) indexes: Vec<(u16, u64)>,
    pub(crate) indexes_length: u64,
    pub(crate) compression: &'static str,
    pub(crate) compressed: u64,
    pub(crate) uncompressed: u64,
}

/// An index record copied into the summary: the index of one metadata record or attachment.
#[derive(Debug)]
pub(crate) struct IndexBody {
    pub(crate) opcode: u8,
    pub(crate) body: Vec<u8>,
}

/// Everything the summary is made of.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) catalog: Catalog,
    pub(crate) counts: BTreeMap<u16, u64>,
    pub(crate) messages: u64,
    /// Smallest and largest log time, absent without messages.
    pub(crate) span_ns: Option<(u64, u64)>,
    pub(crate) chunks: Vec<ChunkPlace>,
    pub(crate) indexes: Vec<IndexBody>,
}

impl Contents {
    /// Appends everything from the data-end record to the last magic. `start` is the offset of
    /// the first byte appended, `data_crc` the checksum of the file up to it.
    pub(crate) fn put_end(&self, out: &mut Vec<u8>, start: u64, data_crc: u32) {
        put_record(out, op::DATA_END, |out| put_u32(out, data_crc));
        let base = out.len();
        let summary_start = start + base as u64;
        let position = |out: &Vec<u8>| start + out.len() as u64;
        let mut groups: Vec<(u8, u64, u64)> = Vec::new();
        let mut group = |out: &mut Vec<u8>, opcode: u8, put: &dyn Fn(&mut Vec<u8>)| {
            let begin = position(out);
            put(out);
            if position(out) > begin {
                groups.push((opcode, begin, position(out) - begin));
            }
        };
        group(out, op::SCHEMA, &|out| {
            for body in self.catalog.schema_bodies() {
                put_record(out, op::SCHEMA, |out| out.extend_from_slice(body));
            }
        });
        group(out, op::CHANNEL, &|out| {
            for body in self.catalog.channel_bodies() {
                put_record(out, op::CHANNEL, |out| out.extend_from_slice(body));
            }
        });
        group(out, op::STATISTICS, &|out| self.put_statistics(out));
        group(out, op::CHUNK_INDEX, &|out| {
            for chunk in &self.chunks {
                put_record(out, op::CHUNK_INDEX, |out| chunk.put(out));
            }
        });
        for opcode in [op::ATTACHMENT_INDEX, op::METADATA_INDEX] {
            group(out, opcode, &|out| {
                for index in self.indexes.iter().filter(|i| i.opcode == opcode) {
                    put_record(out, opcode, |out| out.extend_from_slice(&index.body));
                }
            });
        }
        let offsets_start = position(out);
        for (opcode, begin, length) in groups {
            put_record(out, op::SUMMARY_OFFSET, |out| {
                out.push(opcode);
                put_u64(out, begin);
                put_u64(out, length);
            });
        }
        // The footer's checksum covers the summary and the footer up to the checksum itself.
        put_record(out, op::FOOTER, |out| {
            put_u64(out, summary_start);
            put_u64(out, offsets_start);
            put_u32(out, 0);
        });
        let at = out.len() - 4;
        // The length was not patched yet while the body was written, hence only now.
        let crc = crc32fast::hash(&out[base..at]);
        out[at..].copy_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&MAGIC);
    }

    fn count_of(&self, opcode: u8) -> u32 {
        self.indexes.iter().filter(|i| i.opcode == opcode).count() as u32
    }

    fn put_statistics(&self, out: &mut Vec<u8>) {
        put_record(out, op::STATISTICS, |out| {
            put_u64(out, self.messages);
            put_u16(out, self.catalog.schema_bodies().len() as u16);
            put_u32(out, self.catalog.channel_bodies().len() as u32);
            put_u32(out, self.count_of(op::ATTACHMENT_INDEX));
            put_u32(out, self.count_of(op::METADATA_INDEX));
            put_u32(out, self.chunks.len() as u32);
            let (start_ns, end_ns) = self.span_ns.unwrap_or_default();
            put_u64(out, start_ns);
            put_u64(out, end_ns);
            put_u32(out, self.counts.len() as u32 * 10);
            for (&id, &count) in &self.counts {
                put_u16(out, id);
                put_u64(out, count);
            }
        });
    }
}

impl ChunkPlace {
    fn put(&self, out: &mut Vec<u8>) {
        for value in [self.start_ns, self.end_ns, self.offset, self.length] {
            put_u64(out, value);
        }
        put_u32(out, self.indexes.len() as u32 * 10);
        for &(id, offset) in &self.indexes {
            put_u16(out, id);
            put_u64(out, offset);
        }
        put_u64(out, self.indexes_length);
        put_bytes(out, self.compression.as_bytes());
        put_u64(out, self.compressed);
        put_u64(out, self.uncompressed);
    }
}
