//! SHA-256 in hexadecimal digits.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
