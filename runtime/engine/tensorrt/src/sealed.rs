//! Files of a header and a blob under one checksum: what was changed in any bit, cut or is something
//! else is told apart from what is whole, and nothing of it is used.
//!
//! Magic, format (u32), length of the header (u32), length of the blob (u64), SHA-256 of both (32
//! bytes), the header in JSON, the blob; numbers in little-endian order.

use drafthorse_engine::{CacheFault, EngineError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

const MAGIC: &[u8; 8] = b"DHENGINE";
const FORMAT: u32 = 1;
const PREAMBLE: usize = 8 + 4 + 4 + 8 + 32;

/// The blob of a file whose header is `wanted`.
///
/// # Errors
/// Why there is none.
pub(crate) fn open<H>(bytes: &[u8], wanted: &H) -> Result<Vec<u8>, CacheFault>
where
    H: Serialize + DeserializeOwned + PartialEq,
{
    let (header, blob) = split(bytes)?;
    // A whole file whose header is of another form is one of another version of this program.
    let found: H = serde_json::from_slice(header).map_err(|_| CacheFault::Foreign)?;
    match difference(&found, wanted) {
        None => Ok(blob.to_vec()),
        Some(stale) => Err(stale),
    }
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), CacheFault> {
    let shared = bytes.len().min(MAGIC.len());
    if bytes[..shared] != MAGIC[..shared] || bytes.is_empty() {
        return Err(CacheFault::Foreign);
    }
    let Some((preamble, rest)) = bytes.split_at_checked(PREAMBLE) else {
        return Err(CacheFault::Truncated {
            held: bytes.len() as u64,
            needed: PREAMBLE as u64,
        });
    };
    let number = |from: usize, to: usize| {
        let bytes = preamble[from..to].iter().rev();
        bytes.fold(0, |number: u64, &byte| number << 8 | u64::from(byte))
    };
    if number(8, 12) != u64::from(FORMAT) {
        return Err(CacheFault::Foreign);
    }
    let (header, blob) = (number(12, 16), number(16, 24));
    let needed = (header + PREAMBLE as u64).saturating_add(blob);
    match (bytes.len() as u64).cmp(&needed) {
        std::cmp::Ordering::Less => {
            return Err(CacheFault::Truncated {
                held: bytes.len() as u64,
                needed,
            });
        }
        std::cmp::Ordering::Greater => return Err(CacheFault::Corrupt),
        std::cmp::Ordering::Equal => {}
    }
    if Sha256::digest(rest)[..] != preamble[24..] {
        return Err(CacheFault::Corrupt);
    }
    // The lengths add up to what is there.
    Ok(rest.split_at(header as usize))
}

/// The first field in which two headers differ.
fn difference<H: Serialize + PartialEq>(found: &H, wanted: &H) -> Option<CacheFault> {
    if found == wanted {
        return None;
    }
    let fields = |header: &H| {
        let mut fields = Vec::new();
        if let Ok(value) = serde_json::to_value(header) {
            flatten("", &value, &mut fields);
        }
        fields
    };
    let (found, wanted) = (fields(found), fields(wanted));
    let mut pairs = found.into_iter().zip(wanted);
    let differs = pairs.find(|(found, wanted)| found != wanted);
    Some(match differs {
        Some(((field, found), (_, wanted))) => CacheFault::Stale {
            field,
            found,
            wanted,
        },
        None => CacheFault::Foreign,
    })
}

fn flatten(name: &str, value: &serde_json::Value, fields: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                flatten(name, value, fields);
            }
        }
        serde_json::Value::String(text) => fields.push((name.replace('_', " "), text.clone())),
        other => fields.push((name.replace('_', " "), other.to_string())),
    }
}

/// Writes a file so that a reader finds the old one, the new one or none, and never a part: into a
/// neighbour, to the disk, then under its name.
///
/// # Errors
/// [`EngineError::Write`].
pub(crate) fn write<H: Serialize>(path: &Path, header: &H, blob: &[u8]) -> Result<(), EngineError> {
    let failed = |error: io::Error| EngineError::Write {
        path: path.to_owned(),
        error,
    };
    let bytes = seal(header, blob).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let neighbour = path.with_extension(format!("tmp{}", std::process::id()));
    let written = (|| {
        let mut file = File::create(&neighbour)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&neighbour, path)?;
        // The name itself, too.
        File::open(folder)?.sync_all()
    })();
    written.map_err(|error| {
        let _ = fs::remove_file(&neighbour);
        failed(error)
    })
}

fn seal<H: Serialize>(header: &H, blob: &[u8]) -> io::Result<Vec<u8>> {
    let header = serde_json::to_vec(header)?;
    let length = u32::try_from(header.len()).map_err(io::Error::other)?;
    let digest = Sha256::new()
        .chain_update(&header)
        .chain_update(blob)
        .finalize();
    let mut bytes = Vec::with_capacity(PREAMBLE + header.len() + blob.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&(blob.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&digest);
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(blob);
    Ok(bytes)
}
