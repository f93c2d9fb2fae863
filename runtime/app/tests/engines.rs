//! The commands on engines and models.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod command;

use command::drafthorse;
use drafthorse_engine::{
    Artefact, Backend as _, Manifest, ModelFile, Precision, Reference, run_once,
};
use drafthorse_engine_tract::Tract;
use drafthorse_samples::{Size, bev_cnn, vit};
use serde_json::Value;
use std::path::Path;

/// A folder of models with one model.
fn models(dir: &Path) {
    let folder = dir.join("models/bev");
    std::fs::create_dir_all(&folder).unwrap();
    let sample = bev_cnn(Size::Tiny);
    let bytes = sample.bytes();
    std::fs::write(folder.join("bev.onnx"), &bytes).unwrap();
    let artefact = Artefact {
        name: "bev",
        bytes: &bytes,
    };
    let mut model = Tract.load(artefact, &sample.options(1)).unwrap();
    let inputs = sample.inputs(3);
    let outputs = run_once(model.as_mut(), &inputs).unwrap();
    let reference = Reference {
        folder: "reference".into(),
    };
    reference.write(&folder, &inputs, &outputs).unwrap();
    let manifest = Manifest {
        name: "bev".to_owned(),
        description: "a bird's-eye-view network with random weights".to_owned(),
        licence: "MIT OR Apache-2.0".to_owned(),
        origin: "seeded weights".to_owned(),
        files: vec![ModelFile::of("bev.onnx", Precision::F32, &bytes)],
        references: vec![reference],
        ..Manifest::default()
    };
    manifest.write(&folder).unwrap();
}

#[test]
fn engines_are_listed_with_what_they_run_and_why() {
    let dir = tempfile::tempdir().unwrap();
    models(dir.path());
    let list = |args: &[&str]| {
        let output = drafthorse(dir.path(), &[&["engine", "list", "--json"], args].concat());
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let first = list(&[]);
    let names: Vec<&str> = first["engines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"tract"), "{names:?}");
    let absent = first["absent"].as_array().unwrap().len();
    // TensorRT itself is there on boards only; ONNX Runtime's CUDA is not in this library, or the
    // whole library is not here.
    assert_eq!(absent, 2);
    assert!((1..=2).contains(&names.len()));
    let bev = &first["models"][0];
    assert_eq!(
        (&bev["model"], &bev["recorded"]),
        (&"bev".into(), &false.into())
    );
    assert_eq!(bev["trials"].as_array().unwrap().len(), names.len());
    assert!(
        bev["trials"][0]["verdict"]["passed"]["median_ms"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    let second = list(&[]);
    assert_eq!(second["models"][0]["recorded"], true);
    assert_eq!(second["models"][0]["trials"], bev["trials"]);
    assert_eq!(list(&["--again"])["models"][0]["recorded"], false);
    let words = drafthorse(dir.path(), &["engine", "list"]);
    assert!(String::from_utf8_lossy(&words.stdout).contains("chosen:"));
}

#[test]
fn models_are_verified_and_a_damaged_one_fails() {
    let dir = tempfile::tempdir().unwrap();
    models(dir.path());
    let verified = drafthorse(dir.path(), &["models", "verify", "--json"]);
    assert_eq!(verified.status.code(), Some(0));
    for line in String::from_utf8_lossy(&verified.stdout).lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["passed"], true, "{row}");
    }
    let listed = drafthorse(dir.path(), &["models", "list"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("whole"));

    // A reference that the network does not reproduce.
    let answer = dir.path().join("models/bev/reference/output_0.pb");
    let whole = std::fs::read(&answer).unwrap();
    let mut wrong = whole.clone();
    // The most significant bytes of the last number.
    let end = wrong.len();
    wrong[end - 1] = 0x41;
    std::fs::write(&answer, wrong).unwrap();
    let verified = drafthorse(dir.path(), &["models", "verify"]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("FAILED"));
    std::fs::write(&answer, whole).unwrap();

    // References that are not here: what to do is said, also where an engine is to be chosen.
    let reference = dir.path().join("models/bev/reference");
    std::fs::rename(&reference, dir.path().join("away")).unwrap();
    for command in [["models", "verify"], ["engine", "list"]] {
        let output = drafthorse(dir.path(), &command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("put back the vectors"), "{command:?}: {told}");
    }
    std::fs::rename(dir.path().join("away"), &reference).unwrap();

    // A byte of the file itself.
    let file = dir.path().join("models/bev/bev.onnx");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let verified = drafthorse(dir.path(), &["models", "verify"]);
    assert_eq!(verified.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("SHA-256"));

    let pulled = drafthorse(dir.path(), &["models", "pull"]);
    assert_eq!(pulled.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&pulled.stdout).contains("names no url"));

    // A manifest that cannot be read is told, and the others have their turn.
    std::fs::create_dir_all(dir.path().join("models/a")).unwrap();
    std::fs::write(dir.path().join("models/a/model.toml"), "name = 3").unwrap();
    for command in [["models", "list"], ["engine", "list"], ["models", "verify"]] {
        let output = drafthorse(dir.path(), &command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("bev"));
        assert!(String::from_utf8_lossy(&output.stderr).contains("models/a/model.toml"));
    }

    let nowhere = drafthorse(dir.path(), &["models", "verify", "--dir", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(2));
}

#[test]
fn engines_are_built_kept_and_refused_when_damaged() {
    let dir = tempfile::tempdir().unwrap();
    models(dir.path());
    // Without JetPack's headers the way to TensorRT cannot be compiled, and that is said.
    let shim = drafthorse(dir.path(), &["engine", "shim", "--to", "lib"]);
    assert_eq!(shim.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&shim.stderr).contains("NvInfer.h"));
    let absent = drafthorse(dir.path(), &["engine", "build", "--tensorrt", "nowhere.so"]);
    assert_eq!(absent.status.code(), Some(2));

    if std::env::var_os("DRAFTHORSE_ONNXRUNTIME").is_none() {
        println!("skipped: the stand-in for TensorRT needs DRAFTHORSE_ONNXRUNTIME");
        return;
    }
    let this = std::env::current_exe().unwrap();
    let standin = this.with_file_name("libdrafthorse_engine_tensorrt_standin.so");
    let build = |more: &[&str]| {
        let args = [
            "engine",
            "build",
            "--tensorrt",
            standin.to_str().unwrap(),
            "--json",
        ];
        let output = drafthorse(dir.path(), &[&args, more].concat());
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let first = build(&[]);
    assert_eq!(
        (&first["model"], &first["reused"]),
        (&"bev".into(), &false.into())
    );
    let engine = dir.path().join(first["engine"].as_str().unwrap());
    assert_eq!(build(&[])["reused"], true);
    assert_eq!(build(&["--again"])["reused"], false);
    let mut bytes = std::fs::read(&engine).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&engine, bytes).unwrap();
    let mended = build(&[]);
    assert_eq!(mended["reused"], false);
    assert!(mended["refused"].is_string(), "{mended}");
    assert_eq!(build(&[])["reused"], true);
}

#[test]
fn no_configuration_is_read_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    models(dir.path());
    std::fs::write(dir.path().join("drafthorse.toml"), "no = \"configuration\"").unwrap();
    let source = "synth:?seconds=1&camera_fps=0";
    let commands = [
        vec!["run", "--source", source, "--no-report"],
        vec!["models", "list"],
        vec!["models", "verify"],
        vec!["engine", "list"],
    ];
    for command in commands {
        let output = drafthorse(dir.path(), &command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {errors}");
    }
    let named = ["engine", "list", "--config", "drafthorse.toml"];
    assert_eq!(drafthorse(dir.path(), &named).status.code(), Some(2));
    for command in [vec!["run", "--help"], vec!["models", "verify", "--help"]] {
        let help = drafthorse(dir.path(), &command).stdout;
        let help = String::from_utf8_lossy(&help).into_owned();
        assert!(help.contains("read by itself"), "{command:?}: {help}");
    }
}

/// Samples of the sample network, in folders.
fn samples(dir: &Path) {
    let sample = bev_cnn(Size::Tiny);
    std::fs::write(dir.join("bev.onnx"), sample.bytes()).unwrap();
    for index in 0..24 {
        let reference = Reference {
            folder: format!("samples/{index:02}").into(),
        };
        reference.write(dir, &sample.inputs(index), &[]).unwrap();
    }
}

#[test]
fn a_model_is_calibrated_checked_and_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    samples(dir.path());
    let calibrate = |out: &str, more: &[&str]| {
        let args = [
            "calibrate",
            "bev.onnx",
            "--samples",
            "samples",
            "-o",
            out,
            "--json",
        ];
        drafthorse(dir.path(), &[&args, more].concat())
    };
    let small = ["--count", "12", "--hold-out", "6", "--min-cosine", "0.99"];
    for out in ["a.onnx", "b.onnx"] {
        let output = calibrate(out, &small);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(outcome["report"]["passed"], true);
        assert_eq!(
            (&outcome["observed"], &outcome["report"]["samples"]),
            (&12.into(), &6.into())
        );
    }
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("a.onnx"), read("b.onnx"));
    assert!(drafthorse_onnx::parse(&read("a.onnx")).is_ok());

    // What is not good enough is refused, with its report; an earlier result keeps its own.
    std::fs::write(dir.path().join("c.json"), "earlier").unwrap();
    let output = calibrate(
        "c.onnx",
        &["--count", "12", "--hold-out", "6", "--min-cosine", "1"],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(!dir.path().join("c.onnx").exists());
    assert_eq!(read("c.json"), b"earlier");
    let said: Value = serde_json::from_slice(&read("c.refused.json")).unwrap();
    assert_eq!(said["report"]["passed"], false);
    // Layers are kept float until it is good enough, and what each costs is drawn.
    let better = [
        "--count",
        "12",
        "--hold-out",
        "6",
        "--min-cosine",
        "0.9999",
        "--mixed",
    ];
    let output = calibrate("d.onnx", &better);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{errors}");
    assert!(!outcome["float"].as_array().unwrap().is_empty());
    assert!(
        outcome["layers"].as_array().unwrap().len() > outcome["float"].as_array().unwrap().len()
    );
    let picture = String::from_utf8(read("d.svg")).unwrap();
    assert!(
        picture.starts_with("<svg") && picture.contains("neck"),
        "{picture}"
    );

    // Where all would have to stay, that is no result.
    let output = calibrate("g.onnx", &[&better[..5], &["0.999999", "--mixed"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("nothing of the model would be quantised"),
        "{errors}"
    );

    // Pictures from a log.
    let run = [
        "run",
        "--source",
        "synth:?seed=3&seconds=2",
        "--out",
        "drive",
        "--no-report",
    ];
    assert!(drafthorse(dir.path(), &run).status.success());
    std::fs::write(dir.path().join("vit.onnx"), vit(Size::Tiny).bytes()).unwrap();
    let from_log = |out: &str| {
        let mut args = vec![
            "calibrate",
            "vit.onnx",
            "--samples",
            "drive",
            "-o",
            out,
            "--target",
        ];
        args.extend([
            "tensorrt",
            "--count",
            "8",
            "--hold-out",
            "4",
            "--min-cosine",
            "0.9",
        ]);
        args.extend(["--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25", "--json"]);
        let output = drafthorse(dir.path(), &args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        std::fs::read(dir.path().join(out)).unwrap()
    };
    assert_eq!(from_log("v.onnx"), from_log("w.onnx"));

    // A network of convolutions alone has no products for 4 bits.
    let (out, hold) = ("f.onnx", ["--hold-out", "6"]);
    for more in [&hold[..], &[hold[0], hold[1], "--gptq"]] {
        let output = calibrate(out, &[more, &["--target", "w4"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(
            errors.contains("nothing of the model would be quantised"),
            "{errors}"
        );
        assert!(errors.contains("--target x86"), "{errors}");
        assert!(output.stdout.is_empty() && !dir.path().join(out).exists());
    }

    std::fs::create_dir(dir.path().join("empty")).unwrap();
    for (place, fault) in [("empty", "holds no samples"), ("nowhere", "is not there")] {
        let words = ["calibrate", "bev.onnx", "--samples", place, "-o", out];
        let output = drafthorse(dir.path(), &words);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(
            errors.contains(fault) && errors.contains("input_0.pb"),
            "{errors}"
        );
    }

    for (more, hint) in [
        (vec!["--hold-out", "24"], "--hold-out"),
        (vec!["--keep", "nobody", "--hold-out", "6"], "nobody"),
        (
            vec!["--tensorrt-cache", "8601", "--hold-out", "6"],
            "--target tensorrt",
        ),
    ] {
        let output = calibrate("e.onnx", &more);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(hint), "{errors}");
    }
}
