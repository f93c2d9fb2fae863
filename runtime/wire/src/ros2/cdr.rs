//! Reading and writing CDR members in either byte order.

use super::Ros2Error;
use crate::bytes::array;

/// Bytes of the encapsulation header.
const ENCAPSULATION: usize = 4;

/// A cursor over a CDR message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    little: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, Ros2Error> {
        let head: [u8; 4] = array(bytes, 0).ok_or(Ros2Error::Truncated("encapsulation header"))?;
        let little = match head {
            [0, 0 | 6, _, _] => false,
            [0, 1 | 7, _, _] => true,
            _ => return Err(Ros2Error::Encapsulation(head)),
        };
        let body = bytes.get(ENCAPSULATION..).unwrap_or_default();
        Ok(Self {
            body,
            at: 0,
            little,
        })
    }

    pub(super) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Ros2Error> {
        let end = self
            .at
            .checked_add(count)
            .ok_or(Ros2Error::Truncated(what))?;
        let bytes = self
            .body
            .get(self.at..end)
            .ok_or(Ros2Error::Truncated(what))?;
        self.at = end;
        Ok(bytes)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, Ros2Error> {
        Ok(self.take(1, what)?.first().copied().unwrap_or_default())
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, Ros2Error> {
        self.at = self.at.next_multiple_of(4);
        let bytes = array(self.take(4, what)?, 0).unwrap_or_default();
        Ok(if self.little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }

    /// A string: its length with the closing zero, then its bytes.
    pub(super) fn string(&mut self, what: &'static str) -> Result<&'a str, Ros2Error> {
        let length = self.u32(what)? as usize;
        let bytes = self.take(length, what)?;
        // Some writers send an empty string without its closing zero.
        let text = match bytes {
            [] => bytes,
            [text @ .., 0] => text,
            _ => return Err(Ros2Error::BadString(what)),
        };
        std::str::from_utf8(text).map_err(|_| Ros2Error::BadString(what))
    }

    pub(super) fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], Ros2Error> {
        let length = self.u32(what)? as usize;
        self.take(length, what)
    }

    /// `std_msgs/msg/Header`: stamp in ns and frame.
    pub(super) fn header(&mut self) -> Result<(u64, &'a str), Ros2Error> {
        let (seconds, nanoseconds) = (self.u32("stamp")?, self.u32("stamp")?);
        if seconds > i32::MAX as u32 || nanoseconds >= 1_000_000_000 {
            return Err(Ros2Error::BadStamp);
        }
        let frame = self.string("frame_id")?;
        Ok((
            u64::from(seconds) * 1_000_000_000 + u64::from(nanoseconds),
            frame,
        ))
    }
}

/// Builds a CDR message.
pub(super) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    little: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, little: bool) -> Self {
        out.clear();
        out.extend_from_slice(&[0, u8::from(little), 0, 0]);
        Self { out, little }
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        // The encapsulation header has four bytes, so aligning the whole aligns the body.
        self.out.resize(self.out.len().next_multiple_of(4), 0);
        let bytes = if self.little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        };
        self.out.extend_from_slice(&bytes);
    }

    pub(super) fn string(&mut self, text: &str) {
        self.u32(u32::try_from(text.len() + 1).unwrap_or(u32::MAX));
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(0);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn header(&mut self, stamp_ns: u64, frame: &str) {
        self.u32(u32::try_from(stamp_ns / 1_000_000_000).unwrap_or(u32::MAX));
        self.u32((stamp_ns % 1_000_000_000) as u32);
        self.string(frame);
    }
}
