//! Checks what follows a file's data: a summary of whole records, its checksum, and the footer.

use std::io::{self, ErrorKind, Read};

use crc32fast::Hasher;

use super::source::Bytes;
use crate::format::{Fields, MAGIC, PREFIX, op};

/// Footer record's body: two offsets and a checksum.
const FOOTER_BODY: u64 = 20;

/// Reads the `left` bytes after the data-end record, the first of which is at `offset`. Says what
/// is wrong with them.
pub(super) fn check(
    bytes: &mut Box<dyn Bytes>,
    offset: u64,
    left: u64,
) -> io::Result<Result<(), &'static str>> {
    match walk(bytes, offset, left) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Err(CUT)),
        result => result,
    }
}

const CUT: &str = "the file's summary is cut; its messages are whole";

fn walk(
    bytes: &mut Box<dyn Bytes>,
    offset: u64,
    mut left: u64,
) -> io::Result<Result<(), &'static str>> {
    let mut crc = Hasher::new();
    let begin = offset;
    loop {
        let Some(after) = left.checked_sub(PREFIX as u64) else {
            return Ok(Err(CUT));
        };
        left = after;
        let mut prefix = [0; PREFIX];
        bytes.read_exact(&mut prefix)?;
        let mut fields = Fields(&prefix);
        let (opcode, length) = (fields.u8().unwrap_or(0), fields.u64().unwrap_or(u64::MAX));
        if length > left {
            return Ok(Err(CUT));
        }
        left -= length;
        crc.update(&prefix);
        match opcode {
            op::FOOTER if length == FOOTER_BODY => {
                let mut body = [0; FOOTER_BODY as usize];
                bytes.read_exact(&mut body)?;
                return footer(bytes, &body, begin, crc, left);
            }
            op::SCHEMA
            | op::CHANNEL
            | op::CHUNK_INDEX
            | op::ATTACHMENT_INDEX
            | op::STATISTICS
            | op::METADATA_INDEX
            | op::SUMMARY_OFFSET
            | 0x10.. => {
                copy_into(bytes, length, &mut crc)?;
            }
            _ => return Ok(Err("the file's summary is damaged; its messages are whole")),
        }
    }
}

fn footer(
    bytes: &mut Box<dyn Bytes>,
    body: &[u8],
    begin: u64,
    mut crc: Hasher,
    left: u64,
) -> io::Result<Result<(), &'static str>> {
    let mut fields = Fields(body);
    let (summary_start, _, stated) = (fields.u64(), fields.u64(), fields.u32());
    crc.update(&body[..16]);
    if left != MAGIC.len() as u64 {
        return Ok(Err(
            "the file does not end after its footer; its messages are whole",
        ));
    }
    let mut magic = [0; MAGIC.len()];
    bytes.read_exact(&mut magic)?;
    // Without a summary there is nothing for the checksum to cover from.
    let covered = summary_start == Some(begin) && stated != Some(0);
    Ok(
        match (magic == MAGIC, covered && stated != Some(crc.finalize())) {
            (true, false) => Ok(()),
            (false, _) => Err("the file's last bytes are not a log's; its messages are whole"),
            (_, true) => {
                Err("the file's summary does not match its checksum; its messages are whole")
            }
        },
    )
}

fn copy_into(bytes: &mut Box<dyn Bytes>, mut length: u64, crc: &mut Hasher) -> io::Result<()> {
    let mut block = [0; 16 << 10];
    while length > 0 {
        let part = length.min(block.len() as u64) as usize;
        bytes.read_exact(&mut block[..part])?;
        crc.update(&block[..part]);
        length -= part as u64;
    }
    Ok(())
}
