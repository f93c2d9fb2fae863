//! Total functions over arbitrary bytes, with the codec's laws as assertions, for fuzzers.

use crate::{Decoder, MAX_FRAME_BYTES, encode};

/// A name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them. A function returns for every input and panics only where a law is broken.
pub const TARGETS: &[Target] = &[("link_stream", stream), ("link_frame", frame)];

/// Any bytes as a line: what is understood encodes and is understood the same again.
fn stream(bytes: &[u8]) {
    let mut decoder = Decoder::new();
    let mut results = 0;
    decoder.push_all(bytes, |result| {
        results += 1;
        let Ok(message) = result else {
            return;
        };
        let mut frame = [0; MAX_FRAME_BYTES];
        let length = encode(&message, &mut frame).unwrap_or_default();
        assert!(length > 0, "every message fits a frame");
        let mut again = None;
        Decoder::new().push_all(frame.get(..length).unwrap_or_default(), |second| {
            assert!(again.replace(second).is_none(), "one frame is one message");
        });
        assert_eq!(again, Some(Ok(message)));
    });
    assert!(decoder.refused() <= results);
}

/// Any bytes as the contents of a frame with a sound checksum and sound stuffing.
fn frame(bytes: &[u8]) {
    let mut contents = [0; MAX_FRAME_BYTES - 2];
    let length = bytes.len().min(contents.len() - 4);
    for (slot, byte) in contents.iter_mut().zip(bytes.iter().take(length)) {
        *slot = *byte;
    }
    let crc = crate::crc32(contents.get(..length).unwrap_or_default()).to_le_bytes();
    for (slot, byte) in contents.iter_mut().skip(length).zip(crc) {
        *slot = byte;
    }
    let mut line = [0; MAX_FRAME_BYTES];
    let contents = contents.get(..length + 4).unwrap_or_default();
    let stuffed = crate::cobs::stuff(contents, &mut line);
    assert_eq!(
        stuffed,
        Some(contents.len() + 1),
        "frames this short grow by one byte"
    );
    stream(&line);
}
