//! End-to-end protection of the lists: AUTOSAR E2E profile 7.
//!
//! Profile 7 guards the SOME/IP message from the request identifier (payload offset 8) to its end
//! with CRC-64/XZ (polynomial 0x42F0E1EBA9EA3693, reflected, initial and final value all ones),
//! computed over all protected bytes except the eight of the checksum itself; its length field is
//! the number of protected bytes. The fields' positions are certain. That real sensors compute the
//! checksum exactly so is not verified: the recordings at hand carry all-zero protection.

use super::Ars548Error;
use crate::bytes::array;

/// Payload offset of the checksum.
pub const CRC_OFFSET: usize = 16;
/// Payload offset where protection begins.
const PROTECTED_FROM: usize = 8;

/// What the protection fields of a message gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    /// The checksum was present and matched. False where the sensor sends none.
    pub verified: bool,
    /// The sequence counter; `None` where all protection fields are zero.
    pub counter: Option<u32>,
}

const TABLE: [u64; 256] = table();

const fn table() -> [u64; 256] {
    // The polynomial 0x42F0E1EBA9EA3693 with its bits reversed.
    const REFLECTED: u64 = 0xC96C_5795_D787_0F42;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ REFLECTED
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

fn update(crc: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(crc, |crc, byte| {
        TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8
    })
}

/// CRC-64/XZ of some bytes.
#[must_use]
pub fn crc64(bytes: &[u8]) -> u64 {
    !update(!0, bytes)
}

/// Profile 7 checksum of a list payload; `None` where it is too short to hold one.
#[must_use]
pub fn e2e_crc(payload: &[u8]) -> Option<u64> {
    let before = payload.get(PROTECTED_FROM..CRC_OFFSET)?;
    let after = payload.get(CRC_OFFSET + 8..)?;
    Some(!update(update(!0, before), after))
}

/// The length field a payload should carry.
pub(super) fn protected_length(payload: &[u8]) -> u32 {
    u32::try_from(payload.len().saturating_sub(PROTECTED_FROM)).unwrap_or(u32::MAX)
}

/// Checks the protection fields of a list payload whose size is already known to be right.
///
/// A zero checksum with a zero length means that the sensor does not protect its messages; its
/// counter is reported if it is not zero.
pub(super) fn check(payload: &[u8]) -> Result<Protection, Ars548Error> {
    let crc = u64::from_be_bytes(array(payload, CRC_OFFSET).unwrap_or_default());
    let length = u32::from_be_bytes(array(payload, CRC_OFFSET + 8).unwrap_or_default());
    let counter = u32::from_be_bytes(array(payload, CRC_OFFSET + 12).unwrap_or_default());
    let data_id = u32::from_be_bytes(array(payload, CRC_OFFSET + 16).unwrap_or_default());
    if crc == 0 && length == 0 {
        let counter = (counter != 0 || data_id != 0).then_some(counter);
        return Ok(Protection {
            verified: false,
            counter,
        });
    }
    let expected = protected_length(payload);
    if length != expected {
        return Err(Ars548Error::ProtectionLength {
            field: length,
            expected,
        });
    }
    let computed = e2e_crc(payload).unwrap_or_default();
    if crc != computed {
        return Err(Ars548Error::Checksum {
            field: crc,
            computed,
        });
    }
    Ok(Protection {
        verified: true,
        counter: Some(counter),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_has_the_catalogued_check_value() {
        assert_eq!(crc64(b"123456789"), 0x995D_C9BB_DF19_39FA);
    }
}
