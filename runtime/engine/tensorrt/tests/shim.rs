//! Compiling the library: what is missing is told, and the header is what this crate means by it.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_engine_tensorrt::{ShimError, Toolchain, compile_shim};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with these headers and nothing in them.
fn headers(folder: &Path, names: &[&str]) -> Toolchain {
    let include = folder.join("include");
    std::fs::create_dir_all(&include).unwrap();
    for name in names {
        std::fs::write(include.join(name), "").unwrap();
    }
    Toolchain {
        includes: vec![folder.join("nowhere"), include],
        ..Toolchain::default()
    }
}

#[test]
fn a_missing_header_is_named_with_its_package() {
    let folder = tempfile::tempdir().unwrap();
    let all = ["NvInfer.h", "NvOnnxParser.h", "cuda_runtime_api.h"];
    for (count, missing) in all.iter().enumerate() {
        let toolchain = headers(folder.path(), &all[..count]);
        let error = compile_shim(&folder.path().join("out"), &toolchain).unwrap_err();
        assert!(
            matches!(&error, ShimError::Header { header, looked, .. }
                if header == missing && looked.contains("nowhere")),
            "{error}"
        );
        assert!(!folder.path().join("out").exists());
    }
}

#[test]
fn a_missing_compiler_and_headers_that_do_not_serve_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let all = ["NvInfer.h", "NvOnnxParser.h", "cuda_runtime_api.h"];
    let toolchain = Toolchain {
        compiler: PathBuf::from("/nowhere/c++"),
        ..headers(folder.path(), &all)
    };
    let out = folder.path().join("out");
    let error = compile_shim(&out, &toolchain).unwrap_err();
    assert!(matches!(error, ShimError::Compiler { .. }), "{error}");

    // A library that is there stays where a new one cannot be compiled.
    let library = out.join("libdrafthorse_tensorrt.so");
    std::fs::write(&library, "the old one").unwrap();
    let toolchain = headers(folder.path(), &all);
    let error = compile_shim(&out, &toolchain).unwrap_err();
    assert!(
        matches!(&error, ShimError::Refused { said } if said.contains("TensorRT 10 or newer is needed")),
        "{error}"
    );
    assert_eq!(std::fs::read(&library).unwrap(), b"the old one");
}

#[test]
fn the_header_is_c_and_cplusplus() {
    let folder = tempfile::tempdir().unwrap();
    let header = concat!(env!("CARGO_MANIFEST_DIR"), "/shim/drafthorse_tensorrt.h");
    for (compiler, language, standard) in [("cc", "c", "c11"), ("c++", "c++", "c++17")] {
        let status = Command::new(compiler)
            .args(["-x", language, &format!("-std={standard}")])
            .args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only", header])
            .current_dir(folder.path())
            .status();
        assert!(status.unwrap().success(), "{compiler}");
    }
}
