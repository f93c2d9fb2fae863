//! A network in the pipeline: on each engine, over the sample drive's camera, replayed and asked again.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod command;

use command::{drafthorse, json};
use drafthorse::pipeline::ask_picture::PictureAsker;
use drafthorse::pipeline::channels::Channel;
use drafthorse::pipeline::faults::FaultLog;
use drafthorse::pipeline::network::{Answers, NetworkStage};
use drafthorse::pipeline::staged::{Cause, Staged};
use drafthorse::plan::NetworkPlan;
use drafthorse_core::{Image, RawFormat, RawMessage, SensorId};
use drafthorse_engine::{
    Artefact, Backend, EngineError, Kept, LoadOptions, Manifest, Meaning, Model, ModelFile, Port,
    Precision, Reference, Tolerance, View, ViewMut, run_once,
};
use drafthorse_engine_auto::{Engines, Loaded, plan_of};
use drafthorse_engine_tract::Tract;
use drafthorse_samples::{Sample, Size, bev_cnn, decoder, vit};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A network in a folder of `models/`, with a reference that tract gave.
fn model(dir: &Path, sample: &Sample) {
    let folder = dir.join("models").join(sample.name);
    std::fs::create_dir_all(&folder).unwrap();
    let bytes = sample.bytes();
    std::fs::write(folder.join("it.onnx"), &bytes).unwrap();
    let artefact = Artefact {
        name: "it",
        bytes: &bytes,
    };
    let mut model = Tract.load(artefact, &sample.options(1)).unwrap();
    let inputs = sample.inputs(3);
    let outputs = run_once(model.as_mut(), &inputs).unwrap();
    let reference = Reference {
        folder: "reference".into(),
    };
    reference.write(&folder, &inputs, &outputs).unwrap();
    let normalised = Meaning {
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
        ..Meaning::default()
    };
    let tolerance = Tolerance {
        max_error: 1e-4,
        min_cosine: 0.999_999,
    };
    let manifest = Manifest {
        name: sample.name.to_owned(),
        description: "a network with random weights".to_owned(),
        licence: "MIT OR Apache-2.0".to_owned(),
        origin: "seeded weights".to_owned(),
        files: vec![ModelFile::of("it.onnx", Precision::F32, &bytes)],
        state: sample.state.clone(),
        inputs: BTreeMap::from([(model.inputs()[0].name.clone(), normalised)]),
        references: vec![reference],
        tolerance: BTreeMap::from([(Precision::F32, tolerance)]),
        ..Manifest::default()
    };
    manifest.write(&folder).unwrap();
}

fn config(dir: &Path, name: &str, network: &str, engine: &str) -> String {
    let text = format!(
        "[[sensors]]\nname = \"world\"\nsource = \"synth:?seed=3&seconds=3\"\n\n[[networks]]\n{network}\n\n[engine]\n{engine}\n"
    );
    let file = format!("{name}.toml");
    std::fs::write(dir.join(&file), text).unwrap();
    file
}

const VIT: &str = "model = \"models/vit\"\nhz = 5.0";

/// The engines that are here, as [engine] tables.
fn engines(dir: &Path) -> Vec<(&'static str, String)> {
    let mut found = vec![("tract", "backend = \"tract\"".to_owned())];
    let Some(library) = std::env::var_os("DRAFTHORSE_ONNXRUNTIME").map(PathBuf::from) else {
        return found;
    };
    let onnxruntime = format!("backend = \"onnxruntime\"\nonnxruntime_library = {library:?}");
    found.push(("onnxruntime", onnxruntime));
    let this = std::env::current_exe().unwrap();
    let standin = this.with_file_name("libdrafthorse_engine_tensorrt_standin.so");
    let table = format!("backend = \"tensorrt\"\ntensorrt_library = {standin:?}");
    let file = config(dir, "build", VIT, &table);
    let built = drafthorse(dir, &["engine", "build", "--config", &file, "--json"]);
    json(&built).unwrap();
    found.push(("tensorrt", table));
    found
}

#[test]
fn each_engine_answers_alike_and_its_log_replays() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), &vit(Size::Tiny));
    let engines = engines(dir.path());
    if engines.len() == 1 {
        println!("skipped: ONNX Runtime and the stand-in need DRAFTHORSE_ONNXRUNTIME");
    }
    for (name, table) in &engines {
        config(dir.path(), name, VIT, table);
    }
    for (name, _) in &engines {
        let file = format!("{name}.toml");
        let run = ["run", "--config", &file, "--out", name, "--json"];
        let summary = json(&drafthorse(dir.path(), &run)).unwrap();
        let network = &summary["networks"]["vit"];
        let by = network["answers"].as_object().unwrap();
        let (by, count) = by.iter().next().unwrap();
        assert!(by.starts_with(name) && by.ends_with("it.onnx"), "{by}");
        let frames = summary["frames"].as_u64().unwrap();
        // 5 a second of 3 s.
        let count = count.as_u64().unwrap();
        assert!((12..=16).contains(&count) && count < frames, "{count}");
        assert_eq!(
            (&network["failures"], &network["handovers"]),
            (&0.into(), &0.into())
        );
        assert!(summary["latency_ms"]["camera.network"].is_object());

        let log = summary["log"].as_str().unwrap();
        let replayed = json(&drafthorse(
            dir.path(),
            &["replay", log, "--check", "--json"],
        ))
        .unwrap();
        assert_eq!(replayed["check"]["identical"], true);
        assert_eq!(replayed["networks"], summary["networks"]);
        for (other, _) in &engines {
            let file = format!("{other}.toml");
            let again = ["replay", log, "--networks", "--config", &file, "--json"];
            let replayed = json(&drafthorse(dir.path(), &again)).unwrap();
            let check = &replayed["networks"]["vit"]["check"];
            let compared = check["compared"].as_object().unwrap();
            let (by, all) = compared.iter().next().unwrap();
            assert!(by.starts_with(other) && *all == count, "{check}");
            assert_eq!(
                (&check["outside"], &check["failures"]),
                (&0.into(), &0.into())
            );
            if name == other {
                assert_eq!(check["identical"], count, "{check}");
            }
        }
    }
}

/// What gave the answers of a run.
fn by(summary: &Value) -> String {
    let answers = summary["networks"]["vit"]["answers"].as_object().unwrap();
    answers.keys().next().unwrap().clone()
}

#[test]
fn a_rewritten_log_keeps_the_answers() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), &vit(Size::Tiny));
    let file = config(dir.path(), "it", VIT, "backend = \"tract\"");
    let run = ["run", "--config", &file, "--out", "first", "--json"];
    let first = json(&drafthorse(dir.path(), &run)).unwrap();
    let log = first["log"].as_str().unwrap();
    let rewrite = ["replay", log, "--out", "second", "--json"];
    let second = json(&drafthorse(dir.path(), &rewrite)).unwrap();
    let check = [
        "replay",
        second["log"].as_str().unwrap(),
        "--check",
        "--json",
    ];
    let checked = json(&drafthorse(dir.path(), &check)).unwrap();
    assert_eq!(checked["networks"], first["networks"]);
    assert_eq!(checked["check"]["identical"], true);

    // A file beside changes nothing; another model under the same name is not asked.
    let path = dir.path().join("models/vit/it.onnx");
    let mut manifest = Manifest::read(&dir.path().join("models/vit")).unwrap();
    let other = vit(Size::Bench).bytes();
    std::fs::write(dir.path().join("models/vit/more.onnx"), &other).unwrap();
    let more = ModelFile::of("more.onnx", Precision::F32, &other);
    manifest.files.push(more);
    manifest.write(&dir.path().join("models/vit")).unwrap();
    let again = ["replay", log, "--networks", "--config", &file, "--json"];
    let again = json(&drafthorse(dir.path(), &again)).unwrap();
    let check = &again["networks"]["vit"]["check"];
    assert_eq!(
        check["identical"],
        first["networks"]["vit"]["answers"][&by(&first)]
    );
    manifest.files = vec![ModelFile::of("it.onnx", Precision::F32, &other)];
    std::fs::write(path, other).unwrap();
    manifest.write(&dir.path().join("models/vit")).unwrap();
    let again = json(&drafthorse(dir.path(), &["replay", log, "--networks"])).unwrap_err();
    assert!(
        again.contains("does not hold the it.onnx that gave answers of the network vit"),
        "{again}"
    );
}

#[test]
fn what_answered_is_asked_again_and_not_what_is_fastest_now() {
    let dir = tempfile::tempdir().unwrap();
    let sample = vit(Size::Tiny);
    model(dir.path(), &sample);
    // The same network in a file of other bytes.
    let folder = dir.path().join("models/vit");
    let mut twin = drafthorse_onnx::parse(&sample.bytes()).unwrap();
    twin.producer_name = "somebody else".to_owned();
    let twin = drafthorse_onnx::encode(&twin);
    std::fs::write(folder.join("twin.onnx"), &twin).unwrap();
    let mut manifest = Manifest::read(&folder).unwrap();
    let twin = ModelFile::of("twin.onnx", Precision::F32, &twin);
    manifest.files.push(twin);
    manifest.write(&folder).unwrap();
    let file = config(dir.path(), "it", VIT, "backend = \"tract\"");
    let run = ["run", "--config", &file, "--out", "log", "--json"];
    let summary = json(&drafthorse(dir.path(), &run)).unwrap();
    // What was the slower one is the fastest from now on.
    let records = std::fs::read_dir(dir.path().join("drafthorse-cache")).unwrap();
    let record = records.map(|entry| entry.unwrap().path()).next().unwrap();
    let mut choice: Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    choice["trials"].as_array_mut().unwrap().reverse();
    std::fs::write(&record, choice.to_string()).unwrap();
    let list = ["engine", "list", "--config", &file, "--json"];
    let listed = json(&drafthorse(dir.path(), &list)).unwrap();
    let fastest = &listed["models"][0];
    assert_eq!(fastest["recorded"], true);
    let fastest = fastest["trials"][0]["file"].as_str().unwrap();
    assert!(!by(&summary).ends_with(fastest), "{fastest}");

    let again = ["replay", "log", "--networks", "--config", &file, "--json"];
    let again = json(&drafthorse(dir.path(), &again)).unwrap();
    let network = &again["networks"]["vit"];
    assert_eq!(network["check"]["compared"], network["answers"]);
    assert_eq!(network["answers"], summary["networks"]["vit"]["answers"]);

    // Where that file is gone, another one of the model does not stand in for it.
    manifest
        .files
        .retain(|file| file.path == Path::new(fastest));
    manifest.write(&folder).unwrap();
    let gone = ["replay", "log", "--networks", "--config", &file];
    let gone = json(&drafthorse(dir.path(), &gone)).unwrap_err();
    assert!(gone.contains("does not hold the"), "{gone}");
}

#[test]
fn what_cannot_run_is_refused_before_the_run() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), &vit(Size::Tiny));
    model(dir.path(), &bev_cnn(Size::Tiny));
    let tract = "backend = \"tract\"";
    let refused = |network: &str, because: &str| {
        let file = config(dir.path(), "bad", network, tract);
        let output = drafthorse(dir.path(), &["run", "--config", &file, "--out", "log"]);
        assert_eq!(output.status.code(), Some(2), "{network}");
        let errors = json(&output).unwrap_err();
        assert!(errors.contains(because), "{errors}");
    };
    refused("model = \"models/none\"", "models/none");
    refused("model = \"models/vit\"\nhz = 0.0", "above 0");
    refused(
        "model = \"models/vit\"\nsensors = [\"radar\"]",
        "no camera of this run",
    );
    refused("model = \"models/bev_cnn\"", "takes one picture");
    let folder = dir.path().join("models/vit");
    let whole = Manifest::read(&folder).unwrap();
    let with = |change: &dyn Fn(&mut Manifest), because: &str| {
        let mut manifest = whole.clone();
        change(&mut manifest);
        manifest.write(&folder).unwrap();
        refused(VIT, because);
        whole.write(&folder).unwrap();
    };
    let image = |m: &mut Manifest| m.inputs.remove("image").unwrap();
    with(
        &|m| m.inputs.get_mut("image").unwrap().std[1] = 0.0,
        "not above 0",
    );
    with(
        &|m| m.inputs.get_mut("image").unwrap().mean.truncate(1),
        "each channel",
    );
    with(
        &|m| m.inputs.get_mut("image").unwrap().layout = Some("NHWC".to_owned()),
        "NHWC",
    );
    with(
        &|m| {
            let meaning = image(m);
            m.inputs.insert("imge".to_owned(), meaning);
        },
        "no input or output of that name",
    );
    with(
        &|m| m.files[0].backends = vec!["ort".to_owned()],
        "engines are tract",
    );
    model(dir.path(), &decoder(Size::Tiny));
    refused("model = \"models/decoder\"", "keeps state");
    let path = dir.path().join("models/vit/it.onnx");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    refused(VIT, "models pull");
    // The same is seen without running.
    let file = config(dir.path(), "bad", VIT, tract);
    let checked = drafthorse(dir.path(), &["config", "check", &file]);
    assert_eq!(checked.status.code(), Some(2));
}

#[test]
fn a_drive_is_recorded_also_where_no_engine_runs_the_network() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), &vit(Size::Tiny));
    let folder = dir.path().join("models/vit");
    // What the self-test finds wrong is not taken.
    let mut manifest = Manifest::read(&folder).unwrap();
    manifest.tolerance.insert(
        Precision::F32,
        Tolerance {
            max_error: -1.0,
            min_cosine: 1.0,
        },
    );
    manifest.write(&folder).unwrap();
    let file = config(dir.path(), "it", VIT, "backend = \"tract\"");
    let run = ["run", "--config", &file, "--out", "log", "--json"];
    let summary = json(&drafthorse(dir.path(), &run)).unwrap();
    assert!(summary["frames"].as_u64().unwrap() > 30);
    assert!(summary["networks"]["vit"]["failures"].as_u64().unwrap() > 10);
    assert_eq!(summary["faults_by_kind"]["network_failed"], 1);
    let log = summary["log"].as_str().unwrap();
    let replayed = json(&drafthorse(
        dir.path(),
        &["replay", log, "--check", "--json"],
    ))
    .unwrap();
    assert_eq!(replayed["check"]["identical"], true);
    assert_eq!(replayed["faults_by_kind"]["network_failed"], 1);
    // What was not answered then is not answered now, and there is nothing to compare.
    assert_eq!(replayed["networks"], summary["networks"]);
    std::fs::remove_dir_all(folder).unwrap();
    model(dir.path(), &vit(Size::Tiny));
    let again = json(&drafthorse(dir.path(), &["replay", log, "--networks"])).unwrap_err();
    assert!(again.contains("no answer of a network"), "{again}");
}

/// tract, until the device is lost after 20 runs.
struct Lost;

struct LostModel(Box<dyn Model>, usize);

impl Backend for Lost {
    fn name(&self) -> &'static str {
        "lost"
    }
    fn version(&self) -> String {
        "1".to_owned()
    }
    fn load(&self, file: Artefact<'_>, how: &LoadOptions) -> Result<Box<dyn Model>, EngineError> {
        Ok(Box::new(LostModel(Tract.load(file, how)?, 0)))
    }
}

impl Model for LostModel {
    fn inputs(&self) -> &[Port] {
        self.0.inputs()
    }
    fn outputs(&self) -> &[Port] {
        self.0.outputs()
    }
    fn resize(&mut self, input: usize, shape: &[usize]) -> Result<(), EngineError> {
        self.0.resize(input, shape)
    }
    fn input_mut(&mut self, input: usize) -> ViewMut<'_> {
        self.0.input_mut(input)
    }
    fn run(&mut self) -> Result<(), EngineError> {
        self.1 += 1;
        match self.1 > 20 {
            false => self.0.run(),
            true => Err(EngineError::Failed {
                backend: "lost",
                why: "the device fell off the bus".to_owned(),
            }),
        }
    }
    fn output(&self, output: usize) -> View<'_> {
        self.0.output(output)
    }
    fn keep(&mut self, kept: Kept<'_>) -> Result<(), EngineError> {
        self.0.keep(kept)
    }
    fn reset(&mut self) -> Result<(), EngineError> {
        self.0.reset()
    }
}

#[test]
fn an_engine_that_fails_in_the_drive_hands_over_and_the_log_says_so() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), &vit(Size::Tiny));
    let folder = dir.path().join("models/vit");
    let engines = Arc::new(Engines::of(vec![Box::new(Lost), Box::new(Tract)]));
    let mut chosen = plan_of(&engines, &folder, 1, None).unwrap();
    chosen.choice.trials.sort_by_key(|t| t.backend != "lost");
    let loaded = Loaded::open(&engines, &folder, &chosen, 1).unwrap();
    let plan = NetworkPlan {
        folder,
        sensors: Vec::new(),
        hz: None,
        manifest: chosen.manifest,
        radar: None,
    };
    let asker = Box::new(PictureAsker::new(loaded, &plan).unwrap());
    let answers = Channel(40);
    let mut stage = NetworkStage::new(&plan, answers, Answers::Engine(asker));
    let mut events = FaultLog::new(vec!["camera".to_owned()]);
    let (mut staged, mut order) = (Staged::default(), Vec::new());
    for sequence in 0..30 {
        let image = Image {
            sequence,
            width: 8,
            height: 8,
            rgb: vec![sequence as u8; 8 * 8 * 3],
            ..Image::default()
        };
        staged.clear();
        staged.push(Channel::STEP, Cause::at(0), |_| {});
        let cause = Cause::from(&RawMessage {
            sequence,
            ..RawMessage::empty(SensorId(0), RawFormat::Jpeg)
        });
        stage.look(&image, SensorId(0), cause, &mut events, &mut staged);
        order.extend(staged.iter().map(|(entry, _)| entry.channel));
        // The step comes after what it was answered.
        assert_eq!(order.last(), Some(&Channel::STEP));
    }
    let count = |channel| order.iter().filter(|&&c| c == channel).count();
    assert_eq!((count(answers), count(Channel::EVENTS)), (30, 1));
    let (_, summary) = stage.summary();
    assert_eq!((summary.handovers, summary.failures), (1, 0));
    let by: Vec<_> = summary.answers.iter().collect();
    assert!(by[0].0.starts_with("lost 1") && *by[0].1 == 20, "{by:?}");
    assert!(by[1].0.starts_with("tract") && *by[1].1 == 10, "{by:?}");
    assert_eq!(events.counts["network_handed_over"], 1);
}
