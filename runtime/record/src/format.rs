//! MCAP's primitives: the magic, opcodes, and little-endian fields both ways.
//!
//! Writing appends to a `Vec`; reading goes through [`Fields`], which never reads past its slice
//! and never trusts a length. Source: the MCAP specification, version 0 of the format.

use std::collections::BTreeMap;

/// First and last eight bytes of each file.
pub(crate) const MAGIC: [u8; 8] = [0x89, b'M', b'C', b'A', b'P', b'0', b'\r', b'\n'];
/// Opcode and length of a record.
pub(crate) const PREFIX: usize = 9;
/// A message record up to its data: prefix, channel, sequence, log and publish time.
pub(crate) const MESSAGE_PREFIX: usize = PREFIX + 22;
/// A chunk record up to its records when the compression is the empty string.
pub(crate) const CHUNK_PREFIX: usize = PREFIX + 40;
/// First words of the library field of our own logs.
pub(crate) const LIBRARY: &str = concat!("drafthorse ", env!("CARGO_PKG_VERSION"));
/// What the library field of our own logs begins with, of any version.
pub(crate) const LIBRARY_NAME: &str = "drafthorse ";

/// Record opcodes.
pub(crate) mod op {
    pub(crate) const HEADER: u8 = 0x01;
    pub(crate) const FOOTER: u8 = 0x02;
    pub(crate) const SCHEMA: u8 = 0x03;
    pub(crate) const CHANNEL: u8 = 0x04;
    pub(crate) const MESSAGE: u8 = 0x05;
    pub(crate) const CHUNK: u8 = 0x06;
    pub(crate) const MESSAGE_INDEX: u8 = 0x07;
    pub(crate) const CHUNK_INDEX: u8 = 0x08;
    pub(crate) const ATTACHMENT: u8 = 0x09;
    pub(crate) const ATTACHMENT_INDEX: u8 = 0x0a;
    pub(crate) const STATISTICS: u8 = 0x0b;
    pub(crate) const METADATA: u8 = 0x0c;
    pub(crate) const METADATA_INDEX: u8 = 0x0d;
    pub(crate) const SUMMARY_OFFSET: u8 = 0x0e;
    pub(crate) const DATA_END: u8 = 0x0f;
}

/// Appends one record, its length patched after `body` has written it.
pub(crate) fn put_record(out: &mut Vec<u8>, opcode: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(opcode);
    let at = out.len();
    put_u64(out, 0);
    body(out);
    let length = (out.len() - at - 8) as u64;
    out[at..at + 8].copy_from_slice(&length.to_le_bytes());
}

pub(crate) fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// A byte string with a 32-bit length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, value: &[u8]) {
    put_u32(out, value.len() as u32);
    out.extend_from_slice(value);
}

/// A string-to-string map with its length in bytes before it.
pub(crate) fn put_map(out: &mut Vec<u8>, map: &BTreeMap<String, String>) {
    let at = out.len();
    put_u32(out, 0);
    for (key, value) in map {
        put_bytes(out, key.as_bytes());
        put_bytes(out, value.as_bytes());
    }
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// A slice read field by field; `None` where it ends too soon.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn map(&mut self) -> Option<BTreeMap<String, String>> {
        let mut entries = Fields(self.bytes()?);
        let mut map = BTreeMap::new();
        while !entries.0.is_empty() {
            let (key, value) = (entries.text()?, entries.text()?);
            map.insert(key.to_owned(), value.to_owned());
        }
        Some(map)
    }

    /// The next whole record: opcode and body.
    pub(crate) fn record(&mut self) -> Option<(u8, &'a [u8])> {
        let opcode = self.u8()?;
        let length = usize::try_from(self.u64()?).ok()?;
        Some((opcode, self.take(length)?))
    }
}
