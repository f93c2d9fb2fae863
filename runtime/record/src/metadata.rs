//! Metadata records. Ours carry a checksum of themselves, since unlike messages they lie outside
//! the checksummed chunks; readers of other makers see it as one more key.

use std::collections::BTreeMap;

use crate::format::{Fields, op, put_bytes, put_map, put_record};

/// Key under which our metadata records carry the checksum of the rest.
pub(crate) const CHECKSUM_KEY: &str = "drafthorse.crc32";

/// Name of the metadata record with which recovery says that the original held more than it could
/// keep.
pub(crate) const PART_METADATA: &str = "drafthorse.recovered_part";

/// Name of the metadata record with which a segment says that the log goes on in the next.
const CONTINUED_METADATA: &str = "drafthorse.continued";
const CONTINUED_IN: &str = "in_segment";

/// A whole metadata record that names the segment a log goes on in.
pub(crate) fn encode_continued(segment: u32) -> Vec<u8> {
    let entries = BTreeMap::from([(CONTINUED_IN.to_owned(), segment.to_string())]);
    encode(CONTINUED_METADATA, &entries)
}

/// The segment that such a record names; none for any other record.
pub(crate) fn continued_in(name: &str, entries: &BTreeMap<String, String>) -> Option<u32> {
    let segment = entries.get(CONTINUED_IN)?.parse().ok()?;
    (name == CONTINUED_METADATA).then_some(segment)
}

fn checksum(name: &str, map: &BTreeMap<String, String>) -> String {
    let mut bytes = Vec::new();
    put_bytes(&mut bytes, name.as_bytes());
    put_map(&mut bytes, map);
    format!("{:08x}", crc32fast::hash(&bytes))
}

/// A whole metadata record with its checksum.
pub(crate) fn encode(name: &str, map: &BTreeMap<String, String>) -> Vec<u8> {
    let mut map = map.clone();
    map.remove(CHECKSUM_KEY);
    let sum = checksum(name, &map);
    map.insert(CHECKSUM_KEY.to_owned(), sum);
    let mut out = Vec::new();
    put_record(&mut out, op::METADATA, |out| {
        put_bytes(out, name.as_bytes());
        put_map(out, &map);
    });
    out
}

/// Name and entries of a metadata record's body. `own` demands the checksum and takes it out.
pub(crate) fn decode(
    body: &[u8],
    own: bool,
) -> Result<(String, BTreeMap<String, String>), &'static str> {
    let mut fields = Fields(body);
    let (Some(name), Some(mut map)) = (fields.text(), fields.map()) else {
        return Err("a metadata record is malformed");
    };
    if let Some(sum) = map.remove(CHECKSUM_KEY) {
        if sum != checksum(name, &map) {
            return Err("a metadata record does not match its checksum");
        }
    } else if own {
        return Err("a metadata record has no checksum");
    }
    Ok((name.to_owned(), map))
}
