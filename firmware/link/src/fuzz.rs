//! Total functions over arbitrary bytes, with the codec's laws as assertions, for fuzzers.

use crate::frame::CRC;
use crate::{Decoder, Encoder, Frame, MAX_FRAME_BYTES};

/// A name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them. A function returns for every input and panics only where a law is broken.
pub const TARGETS: &[Target] = &[("link_stream", stream), ("link_frame", frame)];

/// Any bytes as a line: what is understood encodes and is understood the same again.
fn stream(bytes: &[u8]) {
    let mut decoder = Decoder::new();
    let (mut accepted, mut refused) = (0, 0);
    decoder.push_all(bytes, |result| match result {
        Ok(frame) => {
            accepted += 1;
            survives(&frame);
        }
        Err(_) => refused += 1,
    });
    let counts = decoder.counts();
    assert_eq!((counts.accepted, counts.refused), (accepted, refused));
}

fn survives(frame: &Frame) {
    let mut line = [0; MAX_FRAME_BYTES];
    let line = Encoder::new(frame.session).encode(&frame.message, &mut line);
    assert!(!line.is_empty(), "every message fits a frame");
    let mut again = None;
    Decoder::new().push_all(line, |second| {
        assert!(again.replace(second).is_none(), "one frame is one message");
    });
    let again = again.and_then(Result::ok).map(|frame| frame.message);
    assert_eq!(again, Some(frame.message));
}

/// Any bytes as the contents of a frame with a sound checksum and sound stuffing.
fn frame(bytes: &[u8]) {
    let mut contents = [0; MAX_FRAME_BYTES - 2];
    let length = bytes.len().min(contents.len() - 4);
    for (slot, byte) in contents.iter_mut().zip(bytes.iter().take(length)) {
        *slot = *byte;
    }
    let crc = CRC.checksum(contents.get(..length).unwrap_or_default());
    for (slot, byte) in contents.iter_mut().skip(length).zip(crc.to_le_bytes()) {
        *slot = byte;
    }
    let mut line = [0; MAX_FRAME_BYTES];
    let contents = contents.get(..length + 4).unwrap_or_default();
    let stuffed = cobs::try_encode(contents, &mut line).ok();
    assert_eq!(
        stuffed,
        Some(contents.len() + 1),
        "frames this short grow by one byte"
    );
    stream(&line);
}
