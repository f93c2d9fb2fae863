//! Opens one chunk: nothing in it is believed before all of it agrees with itself.

use std::ops::Range;

use crate::catalog::Catalog;
use crate::compress::decompress;
use crate::format::Fields;
use crate::survey::Survey;

/// Where the records of an opened chunk are.
#[derive(Debug, Clone)]
pub(super) enum Records {
    /// In the chunk record's body, uncompressed.
    Stored(Range<usize>),
    /// In the buffer that they were decompressed into.
    Unpacked,
}

/// Decompresses the chunk in `body` and checks it: sizes, checksum, every record's bounds, that
/// each channel is defined before its use, and for our own logs (`own`), or those without
/// checksum, the times in the header. Definitions go into `catalog`.
pub(super) fn open(
    body: &[u8],
    own: bool,
    unpacked: &mut Vec<u8>,
    survey: &mut Survey,
    catalog: &mut Catalog,
) -> Result<Records, &'static str> {
    let mut fields = Fields(body);
    let head = (|| {
        let times = (fields.u64()?, fields.u64()?);
        Some((
            times,
            fields.u64()?,
            fields.u32()?,
            fields.text()?,
            fields.u64()?,
        ))
    })();
    let Some((times, size, crc, compression, stored)) = head else {
        return Err("a chunk's header is malformed");
    };
    if stored != fields.0.len() as u64 {
        return Err("a chunk's header and length disagree");
    }
    let records = if compression.is_empty() {
        if size != stored {
            return Err("a stored chunk's two sizes disagree");
        }
        Records::Stored(body.len() - fields.0.len()..body.len())
    } else {
        decompress(compression, fields.0, size, unpacked)?;
        Records::Unpacked
    };
    let bytes = match &records {
        Records::Stored(range) => &body[range.clone()],
        Records::Unpacked => unpacked.as_slice(),
    };
    // A foreign writer may leave the checksum out; then it says 0.
    let checked = own || crc != 0;
    if checked && crc32fast::hash(bytes) != crc {
        return Err("a chunk does not match its checksum");
    }
    let totals = survey.walk(bytes, 0, catalog)?;
    if (own || crc == 0) && times != (totals.start_ns, totals.end_ns) {
        return Err("a chunk's times disagree with its messages");
    }
    Ok(records)
}
