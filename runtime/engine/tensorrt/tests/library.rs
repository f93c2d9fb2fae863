//! A library that is missing, foreign or of another version, and whether both sides of the interface
//! mean the same by it.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use common::{MODE, config, open};
use drafthorse_engine::{Backend, EngineError};
use drafthorse_engine_tensorrt::{TensorRt, TensorRtConfig};
use std::path::{Path, PathBuf};
use std::process::Command;

fn refused(library: &Path) -> EngineError {
    let config = TensorRtConfig {
        library: Some(library.to_owned()),
        ..TensorRtConfig::default()
    };
    let opened = TensorRt::open_in_mode(&config, MODE.to_owned());
    opened.map(drop).unwrap_err()
}

/// A library of one C file.
fn library(dir: &Path, name: &str, source: &str) -> PathBuf {
    let (code, file) = (
        dir.join(format!("{name}.c")),
        dir.join(format!("lib{name}.so")),
    );
    std::fs::write(&code, source).unwrap();
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&file, &code])
        .status()
        .unwrap();
    assert!(status.success());
    file
}

#[test]
fn a_library_that_is_missing_foreign_or_of_another_version_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("libnothing.so");
    let error = refused(&missing);
    assert!(
        matches!(&error, EngineError::Absent { why, instead, .. }
            if why.contains("libnothing.so") && instead.contains("drafthorse engine shim")),
        "{error}"
    );
    let text = dir.path().join("libtext.so");
    std::fs::write(&text, "no library at all").unwrap();
    assert!(matches!(refused(&text), EngineError::Absent { .. }));

    let error = refused(&library(
        dir.path(),
        "foreign",
        "int it(void) { return 1; }\n",
    ));
    assert!(
        matches!(&error, EngineError::Absent { why, .. } if why.contains("dht_abi_version")),
        "{error}"
    );
    let version = |number: u32| format!("unsigned dht_abi_version(void) {{ return {number}u; }}\n");
    let error = refused(&library(dir.path(), "old", &version(0)));
    assert!(
        matches!(&error, EngineError::TooOld { found, needed, .. }
            if found == "interface 0" && needed == "interface 2"),
        "{error}"
    );
    let error = refused(&library(dir.path(), "new", &version(3)));
    assert!(
        matches!(&error, EngineError::Absent { why, .. } if why.contains("newer than this program's")),
        "{error}"
    );
    let error = refused(&library(dir.path(), "half", &version(2)));
    assert!(
        matches!(&error, EngineError::Absent { why, .. } if why.contains("dht_get_versions")),
        "{error}"
    );
}

#[test]
fn the_stand_in_is_never_taken_for_tensorrt() {
    let Some(engine) = open(&config(None), MODE) else {
        return;
    };
    assert_eq!(engine.name(), "tensorrt-stand-in");
    assert_eq!(
        engine.environment().implementation,
        "stand-in over ONNX Runtime"
    );
    assert!(
        engine
            .version()
            .starts_with("stand-in over ONNX Runtime: 10.3.0")
    );
    assert_eq!(engine.dla_cores(), 0);
    assert_eq!(engine.path(), common::library());
}
