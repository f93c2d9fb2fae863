//! The exported model repository; that Triton runs it, tests/triton shows.

use crate::common::{trained, untrained};
use drafthorse_protocol::{GENERATE_INPUTS, VERIFY_INPUTS, VERIFY_OUTPUTS};
use drafthorse_target::repository::{RepositoryError, RepositoryOptions, export};
use std::fs;

#[test]
fn both_models_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("repository");
    let files = trained();
    export(&files, &out, &RepositoryOptions::default()).unwrap();
    for model in ["scene_verify", "scene_generate"] {
        let version = out.join(model).join("1");
        for file in [
            "config.json",
            "onnx/decoder_model_merged.onnx",
            "onnx/embed_tokens.onnx",
        ] {
            let copied = fs::read(version.join("target").join(file)).unwrap();
            assert!(
                copied == fs::read(files.model.join(file)).unwrap(),
                "{file}"
            );
        }
        for code in ["model.py", "block.py", "scene_target.py"] {
            assert!(version.join(code).exists(), "{code}");
        }
    }
    let config = |model: &str| fs::read_to_string(out.join(model).join("config.pbtxt")).unwrap();
    let (verify, generate) = (config("scene_verify"), config("scene_generate"));
    for tensor in VERIFY_INPUTS.iter().chain(&VERIFY_OUTPUTS) {
        assert!(
            verify.contains(&format!("name: \"{}\"", tensor.name)),
            "{}",
            tensor.name
        );
    }
    assert_eq!(
        verify.matches("allow_ragged_batch: true").count(),
        VERIFY_INPUTS.len()
    );
    assert_eq!(
        generate.matches("allow_ragged_batch: true").count(),
        GENERATE_INPUTS.len()
    );
    assert!(!generate.contains("\"accepted\"") && !generate.contains("\"draft\""));
    for line in [
        "max_batch_size: 32",
        "preferred_batch_size: [ 8, 16, 32 ]",
        "max_queue_size: 64",
        "timeout_action: REJECT",
    ] {
        assert!(verify.contains(line), "{line}");
    }
    assert!(
        fs::read_dir(folder.path()).unwrap().count() == 1,
        "nothing is left beside it"
    );
}

#[test]
fn nothing_is_overwritten_and_nothing_half_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let options = RepositoryOptions::default();
    let error = export(&untrained(), folder.path(), &options).unwrap_err();
    assert!(matches!(error, RepositoryError::Exists(_)), "{error}");

    let mut files = untrained();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for file in ["config.json", "generation_config.json"] {
        fs::copy(files.model.join(file), model.join(file)).unwrap();
    }
    files.model = model;
    let out = folder.path().join("repository");
    let error = export(&files, &out, &options).unwrap_err().to_string();
    assert!(error.contains("embed_tokens.onnx"), "{error}");
    assert!(
        fs::read_dir(folder.path()).unwrap().count() == 1,
        "only the model"
    );
}

#[test]
fn options_that_triton_would_refuse_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("repository");
    let right = RepositoryOptions::default();
    for wrong in [
        RepositoryOptions {
            max_batch: 0,
            ..right
        },
        RepositoryOptions { queue: 8, ..right },
        RepositoryOptions {
            threads: 0,
            ..right
        },
        RepositoryOptions {
            queue_timeout: right.queue_delay,
            ..right
        },
    ] {
        let error = export(&untrained(), &out, &wrong).unwrap_err();
        assert!(matches!(error, RepositoryError::Options(_)), "{error}");
    }
    assert!(!out.exists());
}
