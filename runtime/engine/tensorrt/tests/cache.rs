//! A built engine is used only where it is whole and was built for this model, these options and this
//! machine.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use common::{MODE, artefact, build, config, open, sample};
use drafthorse_engine::{Backend, CacheFault, EngineError, LoadOptions};
use drafthorse_engine_tensorrt::{TensorRt, TensorRtConfig};
use drafthorse_samples::{Size, vit};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes before the header.
const PREAMBLE: usize = 56;

/// An engine of the sample in a folder of its own.
struct Kept {
    folder: tempfile::TempDir,
    model: Vec<u8>,
    file: PathBuf,
    bytes: Vec<u8>,
    /// Loads and does not build.
    reader: TensorRt,
}

impl Kept {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let model = sample().bytes();
        let engine = open(&config(Some(folder.path())), MODE)?;
        let built = build(&engine, &model).unwrap();
        assert!(!built.reused && built.refused.is_none());
        let file = built.file.unwrap();
        let bytes = fs::read(&file).unwrap();
        let reader = TensorRtConfig {
            build_when_loading: false,
            ..config(Some(folder.path()))
        };
        Some(Self {
            reader: open(&reader, MODE)?,
            folder,
            model,
            file,
            bytes,
        })
    }

    /// Loads without building.
    fn held(&self) -> Result<(), CacheFault> {
        let artefact = artefact(&self.model);
        let loaded = self.reader.load(artefact, &LoadOptions::default());
        loaded.map(drop).map_err(fault)
    }
}

fn fault(error: EngineError) -> CacheFault {
    match error {
        EngineError::Cache { why, .. } => why,
        other => unreachable!("{other}"),
    }
}

/// A file of that header and blob whose checksum is right.
fn forged(header: &[u8], blob: &[u8]) -> Vec<u8> {
    let mut bytes = b"DHENGINE\x01\0\0\0".to_vec();
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend((blob.len() as u64).to_le_bytes());
    bytes.extend(
        Sha256::new()
            .chain_update(header)
            .chain_update(blob)
            .finalize(),
    );
    bytes.extend([header, blob].concat());
    bytes
}

fn header(bytes: &[u8]) -> &[u8] {
    let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap());
    &bytes[PREAMBLE..PREAMBLE + length as usize]
}

#[test]
fn what_is_not_whole_is_refused_with_its_reason_and_built_anew() {
    let Some(kept) = Kept::new() else { return };
    kept.held().unwrap();
    let whole = &kept.bytes;
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let cut = |held: usize, needed: usize| CacheFault::Truncated {
        held: held as u64,
        needed: needed as u64,
    };
    let size = whole.len();
    let table: Vec<(&str, Vec<u8>, CacheFault)> = vec![
        ("empty", Vec::new(), CacheFault::Foreign),
        (
            "another file",
            b"ELF and so on".to_vec(),
            CacheFault::Foreign,
        ),
        ("foreign magic", flipped(0), CacheFault::Foreign),
        ("another format", flipped(8), CacheFault::Foreign),
        ("cut magic", whole[..5].to_vec(), cut(5, PREAMBLE)),
        ("cut preamble", whole[..50].to_vec(), cut(50, PREAMBLE)),
        ("cut header", whole[..70].to_vec(), cut(70, size)),
        ("cut blob", whole[..size - 1].to_vec(), cut(size - 1, size)),
        (
            "longer",
            [whole.as_slice(), b"x"].concat(),
            CacheFault::Corrupt,
        ),
        ("bit of the checksum", flipped(30), CacheFault::Corrupt),
        (
            "bit of the header",
            flipped(PREAMBLE + 20),
            CacheFault::Corrupt,
        ),
        ("bit of the blob", flipped(size - 100), CacheFault::Corrupt),
        (
            "header of another form",
            forged(b"{\"model\": \"it\"}", b"blob"),
            CacheFault::Foreign,
        ),
        (
            "engine of another library",
            forged(header(whole), b"blob"),
            CacheFault::Rejected("this is no engine of the stand-in".to_owned()),
        ),
    ];
    let engine = open(&config(Some(kept.folder.path())), MODE).unwrap();
    for (name, bytes, expected) in table {
        fs::write(&kept.file, bytes).unwrap();
        assert_eq!(kept.held().unwrap_err(), expected, "{name}");
        let built = build(&engine, &kept.model).unwrap();
        assert!(!built.reused, "{name}");
        assert_eq!(fault(built.refused.unwrap()), expected, "{name}");
        assert!(build(&engine, &kept.model).unwrap().reused, "{name}");
        assert_eq!(fs::read(&kept.file).unwrap(), *whole, "{name}");
    }
    fs::remove_file(&kept.file).unwrap();
    assert_eq!(kept.held().unwrap_err(), CacheFault::Missing);
    let built = build(&engine, &kept.model).unwrap();
    assert!(!built.reused && built.refused.is_none());
}

#[test]
fn no_flipped_bit_and_no_cut_is_overlooked() {
    let Some(kept) = Kept::new() else { return };
    let size = kept.bytes.len();
    let places = (0..64).chain((64..size).step_by(size / 40));
    for at in places {
        let mut bytes = kept.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&kept.file, &bytes).unwrap();
        kept.held().unwrap_err();
        fs::write(&kept.file, &kept.bytes[..at]).unwrap();
        kept.held().unwrap_err();
    }
}

fn stale(field: &str, fault: CacheFault) -> (String, String) {
    match fault {
        CacheFault::Stale {
            field: it,
            found,
            wanted,
        } if it == field => (found, wanted),
        other => unreachable!("{field}: {other}"),
    }
}

#[test]
fn an_engine_of_another_power_mode_is_stale() {
    let Some(kept) = Kept::new() else { return };
    let engine = open(&config(Some(kept.folder.path())), "MAXN").unwrap();
    let built = build(&engine, &kept.model).unwrap();
    assert_eq!(built.file.as_ref().unwrap(), &kept.file);
    let (found, wanted) = stale("power mode", fault(built.refused.unwrap()));
    assert_eq!((found.as_str(), wanted.as_str()), (MODE, "MAXN"));
    // It has taken the other's place.
    assert!(build(&engine, &kept.model).unwrap().reused);
    stale("power mode", kept.held().unwrap_err());
}

#[test]
fn an_engine_under_the_name_of_another_is_stale() {
    let Some(kept) = Kept::new() else { return };
    let engine = open(&config(Some(kept.folder.path())), MODE).unwrap();
    let other = build(&engine, &vit(Size::Tiny).bytes()).unwrap();
    fs::copy(other.file.unwrap(), &kept.file).unwrap();
    stale("model", kept.held().unwrap_err());

    let half = TensorRtConfig {
        fp16: true,
        ..config(Some(kept.folder.path()))
    };
    let other = build(&open(&half, MODE).unwrap(), &kept.model).unwrap();
    let other = other.file.unwrap();
    assert_ne!(other, kept.file);
    fs::copy(other, &kept.file).unwrap();
    let (found, wanted) = stale("options", kept.held().unwrap_err());
    assert!(found.contains("fp16=true") && wanted.contains("fp16=false"));
}

#[test]
fn an_engine_of_another_version_or_device_is_stale() {
    for (variable, value, field) in [
        ("DRAFTHORSE_STANDIN_TENSORRT", "10.4.1", "tensorrt"),
        ("DRAFTHORSE_STANDIN_CUDA", "12.8", "cuda"),
        ("DRAFTHORSE_STANDIN_COMPUTE", "11.0", "compute"),
        ("DRAFTHORSE_STANDIN_DEVICE", "Orin", "device"),
    ] {
        let Some(kept) = Kept::new() else { return };
        // In a process of its own, whose library says something else of itself.
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "a_library_of_another_version"])
            .env(variable, value)
            .env("DRAFTHORSE_TEST_CACHE", kept.folder.path())
            .env("DRAFTHORSE_TEST_STALE", format!("{field}={value}"))
            .status();
        assert!(status.unwrap().success(), "{field}");
        let (found, _) = stale(field, kept.held().unwrap_err());
        assert_eq!(found, value);
    }
}

#[test]
#[ignore = "runs in a process of its own, see above"]
fn a_library_of_another_version() {
    let cache = std::env::var("DRAFTHORSE_TEST_CACHE").unwrap();
    let expected = std::env::var("DRAFTHORSE_TEST_STALE").unwrap();
    let (field, value) = expected.split_once('=').unwrap();
    let engine = open(&config(Some(Path::new(&cache))), MODE).unwrap();
    let built = build(&engine, &sample().bytes()).unwrap();
    let (_, wanted) = stale(field, fault(built.refused.unwrap()));
    assert_eq!(wanted, value);
}

#[test]
fn kernels_times_go_from_build_to_build_where_they_hold() {
    let Some(kept) = Kept::new() else { return };
    let path = kept.folder.path().join("timing.cache");
    let builds = || {
        let bytes = fs::read(&path).unwrap();
        String::from_utf8_lossy(&bytes[bytes.len() - 8..]).into_owned()
    };
    assert_eq!(builds(), "1 builds");
    let engine = open(&config(Some(kept.folder.path())), MODE).unwrap();
    build(&engine, &vit(Size::Tiny).bytes()).unwrap();
    assert_eq!(builds(), "2 builds");
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len() - 8;
    bytes[end] ^= 1;
    fs::write(&path, &bytes).unwrap();
    fs::remove_file(&kept.file).unwrap();
    build(&engine, &kept.model).unwrap();
    assert_eq!(builds(), "1 builds");
    // Of another power mode: they do not hold there.
    let engine = open(&config(Some(kept.folder.path())), "MAXN").unwrap();
    build(&engine, &kept.model).unwrap();
    assert_eq!(builds(), "1 builds");
}

#[test]
fn a_folder_that_cannot_be_written_fails_a_build_and_not_a_load() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("a file");
    fs::write(&cache, "in the way").unwrap();
    let Some(engine) = open(&config(Some(&cache)), MODE) else {
        return;
    };
    let model = sample().bytes();
    let error = build(&engine, &model).map(drop).unwrap_err();
    assert!(
        matches!(error, EngineError::Write { .. } | EngineError::Read { .. }),
        "{error}"
    );
    let loaded = engine.load(artefact(&model), &LoadOptions::default());
    loaded.map(drop).unwrap();
}
