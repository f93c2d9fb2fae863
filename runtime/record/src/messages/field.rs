//! The one protobuf field prost cannot write without an owned copy: a borrowed `bytes` field.

/// Appends the key and length of a length-delimited field; the caller appends `len` bytes after it.
pub(super) fn begin_bytes(buf: &mut Vec<u8>, field: u32, len: usize) {
    prost::encoding::encode_key(field, prost::encoding::WireType::LengthDelimited, buf);
    prost::encoding::encode_varint(len as u64, buf);
}

/// Appends a whole `bytes` field.
pub(super) fn put_bytes(buf: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    begin_bytes(buf, field, bytes.len());
    buf.extend_from_slice(bytes);
}

/// Appends a prost message to a growing buffer.
pub(super) fn put_message(buf: &mut Vec<u8>, message: &impl prost::Message) {
    // A Vec grows, so the only error of `encode` (a full buffer) cannot occur.
    message.encode_raw(buf);
}

/// Foxglove's timestamp of nanoseconds since the epoch; saturates in the year 2106.
pub(super) fn timestamp(ns: u64) -> foxglove::messages::Timestamp {
    let seconds = u32::try_from(ns / 1_000_000_000).unwrap_or(u32::MAX);
    foxglove::messages::Timestamp::new(seconds, (ns % 1_000_000_000) as u32)
}
