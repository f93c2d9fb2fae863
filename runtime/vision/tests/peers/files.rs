//! What is said where a model's files are not as they should be.

use crate::common::folder;
use drafthorse_engine_tract::Tract;
use drafthorse_vision::{Vlm, VlmOptions};
use std::path::Path;

/// A copy of a fixture with one file changed.
fn changed(file: &str, change: impl Fn(&str) -> String) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("onnx")).unwrap();
    let from = folder("scene_vlm");
    for part in [from.clone(), from.join("onnx")] {
        for entry in std::fs::read_dir(part).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let to = copy.path().join(path.strip_prefix(&from).unwrap());
                std::fs::copy(&path, to).unwrap();
            }
        }
    }
    let path = copy.path().join(file);
    let text = change(&std::fs::read_to_string(&path).unwrap_or_default());
    std::fs::write(path, text).unwrap();
    copy
}

#[track_caller]
fn error(folder: &Path) -> String {
    match Vlm::open(folder, &Tract, &VlmOptions::default()) {
        Ok(_) => panic!("{} was loaded", folder.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_unknown_kind_of_model_is_named() {
    let folder = changed("config.json", |text| {
        text.replace("drafthorse-scene-vlm", "llava")
    });
    let error = error(folder.path());
    assert!(
        error.contains("`llava`") && error.contains("qwen2_5_vl"),
        "{error}"
    );
}

#[test]
fn settings_that_make_no_pictures_are_named() {
    let cases = [
        (
            "\"height\": 144",
            "\"height\": 100",
            "cannot be cut out of [100, 256]",
        ),
        ("\"do_resize\": true", "\"resample\": 9", "resample 9"),
        ("\"crop_size\"", "\"crop\"", "lacks a height or width"),
        ("{", "", "is not as expected"),
    ];
    for (from, to, said) in cases {
        let folder = changed("preprocessor_config.json", |text| {
            text.replacen(from, to, 1)
        });
        let error = error(folder.path());
        assert!(
            error.contains(said) && error.contains("preprocessor_config.json"),
            "{error}"
        );
    }
}

#[test]
fn graphs_that_are_something_else_are_named() {
    let graph = "onnx/decoder_model_merged.onnx";
    let folder = changed(graph, |_| "no graph".to_owned());
    assert!(error(folder.path()).contains("decoder_model_merged.onnx is no graph"));
    let folder = changed(graph, |_| String::new());
    let embed = folder.path().join("onnx/embed_tokens.onnx");
    std::fs::copy(embed, folder.path().join(graph)).unwrap();
    let error = error(folder.path());
    assert!(error.contains("no inputs past_key_values.N.key"), "{error}");
}

#[test]
fn a_tokenizer_without_the_models_marks_is_named() {
    let folder = changed("tokenizer.json", |text| text.replace("<answer>", "<reply>"));
    let text = error(folder.path());
    assert!(
        text.contains("tokenizer.json has no token <answer>"),
        "{text}"
    );
    let folder = changed("config.json", |text| {
        text.replace("\"image_token_id\": 2", "\"image_token_id\": 4")
    });
    let text = error(folder.path());
    assert!(
        text.contains("has <image> as 2, config.json as 4"),
        "{text}"
    );
}
