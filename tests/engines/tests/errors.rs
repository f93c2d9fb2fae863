//! Each way in which a model or an engine can be wrong gives an error of its own kind.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_engine::{
    Artefact, Backend, EngineError, LoadOptions, Manifest, ModelFile, Precision, StatePair, Tensor,
    run_once,
};
use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig};
use drafthorse_engine_tests::{backends, cases, onnxruntime};
use drafthorse_engine_tract::Tract;
use drafthorse_onnx::{OnnxError, encode};
use drafthorse_samples::{Sample, Size, bev_cnn};
use std::path::{Path, PathBuf};
use std::process::Command;

fn load(backend: &dyn Backend, bytes: &[u8]) -> Result<(), EngineError> {
    let artefact = Artefact { name: "it", bytes };
    backend.load(artefact, &LoadOptions::default()).map(drop)
}

fn sample() -> Sample {
    bev_cnn(Size::Tiny)
}

#[test]
fn a_file_that_is_cut_anywhere_is_no_model_on_any_backend() {
    let bytes = encode(&sample().model);
    for candidate in backends().0 {
        let backend = candidate.backend.as_ref();
        let step = bytes.len() / 97;
        for cut in (0..bytes.len()).step_by(step) {
            let error = load(backend, &bytes[..cut]).unwrap_err();
            assert!(
                matches!(error, EngineError::NotAModel { .. }),
                "{} cut at {cut}: {error}",
                backend.name()
            );
        }
        for garbage in [&b"hello"[..], &[0xff; 64], &[]] {
            let error = load(backend, garbage).unwrap_err();
            assert!(matches!(error, EngineError::NotAModel { .. }), "{error}");
        }
        load(backend, &bytes).unwrap();
    }
}

#[test]
fn a_weight_that_does_not_fit_and_a_value_from_nowhere_are_named() {
    let mut model = sample().model;
    let graph = model.graph.as_mut().unwrap();
    graph.initializer[0].raw_data.truncate(7);
    let name = graph.initializer[0].name.clone();
    let error = load(&Tract, &encode(&model)).unwrap_err();
    assert!(
        matches!(&error, EngineError::NotAModel { why: OnnxError::Weight { name: it, held: 7, .. }, .. } if *it == name),
        "{error}"
    );
    let mut model = sample().model;
    model.graph.as_mut().unwrap().node[1].input[0] = "nobody".to_owned();
    let error = load(&Tract, &encode(&model)).unwrap_err();
    assert!(
        matches!(&error, EngineError::NotAModel { why: OnnxError::Dangling { value, .. }, .. } if value == "nobody"),
        "{error}"
    );
}

#[test]
fn tract_refuses_what_it_gets_wrong_by_the_nodes_name() {
    for (case, refused) in [
        ("softmax_between_quantised", "attention"),
        ("qlinear_matmul", "product"),
    ] {
        let case = cases().into_iter().find(|c| c.name == case).unwrap();
        let error = load(&Tract, &encode(&case.model)).unwrap_err();
        assert!(
            matches!(&error, EngineError::Refused { node, .. } if node == refused),
            "{error}"
        );
    }
}

#[test]
fn an_operator_that_does_not_exist_is_named() {
    let mut model = sample().model;
    let node = &mut model.graph.as_mut().unwrap().node[0];
    node.op_type = "Frobnicate".to_owned();
    for candidate in backends().0 {
        let error = load(candidate.backend.as_ref(), &encode(&model)).unwrap_err();
        assert!(
            matches!(&error, EngineError::Load { why, .. } if why.contains("Frobnicate")),
            "{error}"
        );
    }
}

#[test]
fn shapes_types_and_state_that_do_not_fit_are_told() {
    let bytes = encode(&sample().model);
    for candidate in backends().0 {
        let backend = candidate.backend.as_ref();
        let artefact = Artefact {
            name: "it",
            bytes: &bytes,
        };
        let mut model = backend.load(artefact, &LoadOptions::default()).unwrap();
        let shape: Vec<usize> = model.inputs()[0].shape_with(1);
        for wrong in [
            Tensor::new(&[1, 2], vec![0.0f32; 2]),
            Tensor::new(&shape, vec![0u8; shape.iter().product()]),
        ] {
            let error = run_once(model.as_mut(), &[wrong]).unwrap_err();
            assert!(matches!(error, EngineError::Shape { .. }), "{error}");
        }
        let options = LoadOptions {
            state: vec![StatePair {
                input: "bev".to_owned(),
                output: "nobody".to_owned(),
                initial: vec![],
            }],
            ..LoadOptions::default()
        };
        let error = backend.load(artefact, &options).map(drop).unwrap_err();
        assert!(
            matches!(&error, EngineError::Port { port, .. } if port == "nobody"),
            "{error}"
        );
    }
}

fn manifest(folder: &Path, sha256: &str) -> Result<Manifest, EngineError> {
    let text = format!(
        "name = \"it\"\ndescription = \"a test\"\nlicence = \"MIT\"\norigin = \"made here\"\n\
         [[files]]\npath = \"it.onnx\"\nprecision = \"f32\"\nsha256 = \"{sha256}\"\n"
    );
    std::fs::write(folder.join("model.toml"), text).unwrap();
    Manifest::read(folder)
}

#[test]
fn a_wrong_hash_an_absent_file_and_a_bad_manifest_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let options = LoadOptions::default();
    let wrong = "0".repeat(64);
    let file = manifest(folder, &wrong).unwrap().files.remove(0);
    let error = file.load(folder, &Tract, &options).map(drop).unwrap_err();
    assert!(matches!(error, EngineError::Read { .. }), "{error}");

    std::fs::write(folder.join("it.onnx"), encode(&sample().model)).unwrap();
    let error = file.load(folder, &Tract, &options).map(drop).unwrap_err();
    let EngineError::Hash { found, .. } = &error else {
        unreachable!("{error}");
    };
    let file = manifest(folder, found).unwrap().files.remove(0);
    file.load(folder, &Tract, &options).unwrap();

    let error = manifest(folder, "abc").unwrap_err();
    assert!(matches!(error, EngineError::Manifest { .. }), "{error}");
    let outside = ModelFile {
        path: PathBuf::from("../it.onnx"),
        precision: Precision::F32,
        backends: Vec::new(),
        sha256: wrong,
        url: None,
    };
    let text = std::fs::read_to_string(folder.join("model.toml")).unwrap();
    for folder_outside in ["..", "/etc", "reference/../..", ""] {
        let more = format!("{text}[[references]]\nfolder = \"{folder_outside}\"\n");
        std::fs::write(folder.join("model.toml"), more).unwrap();
        let error = Manifest::read(folder).unwrap_err();
        assert!(matches!(error, EngineError::Manifest { .. }), "{error}");
    }
    let path = outside.path.to_str().unwrap();
    std::fs::write(folder.join("model.toml"), text.replace("it.onnx", path)).unwrap();
    let error = Manifest::read(folder).unwrap_err();
    assert!(matches!(error, EngineError::Manifest { .. }), "{error}");
}

/// A library that says of itself that it is an ONNX Runtime of that version.
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

/// These come before the process has loaded a library that serves: later ones are refused by that.
#[test]
fn a_library_that_is_missing_foreign_or_too_old_is_told() {
    let open = |library: &Path| {
        OnnxRuntime::open(&OnnxRuntimeConfig {
            library: Some(library.to_owned()),
            ..OnnxRuntimeConfig::default()
        })
    };
    if onnxruntime().is_ok() {
        let error = open(Path::new("/elsewhere/libonnxruntime.so"))
            .map(drop)
            .unwrap_err();
        assert!(
            matches!(&error, EngineError::Absent { why, .. } if why.contains("already")),
            "{error}"
        );
    }
    // In a process of its own, which holds no library yet.
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this)
        .args(["--ignored", "--exact", "libraries_of_a_fresh_process"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
#[ignore = "runs in a process of its own, see above"]
fn libraries_of_a_fresh_process() {
    let open = |library: &Path| {
        OnnxRuntime::open(&OnnxRuntimeConfig {
            library: Some(library.to_owned()),
            ..OnnxRuntimeConfig::default()
        })
        .map(drop)
        .unwrap_err()
    };
    let dir = tempfile::tempdir().unwrap();
    let error = open(&dir.path().join("libonnxruntime.so"));
    assert!(matches!(error, EngineError::Absent { .. }), "{error}");
    let foreign = library(dir.path(), "foreign", "int something(void) { return 1; }\n");
    let error = open(&foreign);
    assert!(
        matches!(&error, EngineError::Absent { why, .. } if why.contains("OrtGetApiBase")),
        "{error}"
    );
    let old = library(
        dir.path(),
        "old",
        "static const char* version(void) { return \"1.16.3\"; }\n\
         static const struct { const void* (*api)(unsigned); const char* (*version)(void); } base = {0, version};\n\
         const void* OrtGetApiBase(void) { return &base; }\n",
    );
    let error = open(&old);
    assert!(
        matches!(&error, EngineError::TooOld { found, .. } if found == "1.16.3"),
        "{error}"
    );
}
