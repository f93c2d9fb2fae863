//! Choosing among engines and handing over between them.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_engine::{
    Artefact, Backend, EngineError, Kept, LoadOptions, Manifest, Model, ModelFile, Port, Precision,
    Reference, Tensor, View, ViewMut, run_once,
};
use drafthorse_engine_auto::{Engines, Loaded, Verdict, forget, plan_of};
use drafthorse_engine_tract::Tract;
use drafthorse_samples::{Sample, Size, bev_cnn, vit};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a stand-in does with tract's answers.
#[derive(Clone, Copy)]
enum Habit {
    /// Fails from that run on.
    FailsAfter(usize),
    /// Is off by a little.
    Wrong,
}

/// tract under another name, with a habit.
struct StandIn {
    name: &'static str,
    habit: Habit,
    runs: Arc<AtomicUsize>,
}

struct StandInModel {
    model: Box<dyn Model>,
    habit: Habit,
    runs: Arc<AtomicUsize>,
    outputs: Vec<Tensor>,
}

impl Backend for StandIn {
    fn name(&self) -> &'static str {
        self.name
    }
    fn version(&self) -> String {
        "1".to_owned()
    }
    fn load(&self, file: Artefact<'_>, how: &LoadOptions) -> Result<Box<dyn Model>, EngineError> {
        Ok(Box::new(StandInModel {
            model: Tract.load(file, how)?,
            habit: self.habit,
            runs: Arc::clone(&self.runs),
            outputs: Vec::new(),
        }))
    }
}

impl Model for StandInModel {
    fn inputs(&self) -> &[Port] {
        self.model.inputs()
    }
    fn outputs(&self) -> &[Port] {
        self.model.outputs()
    }
    fn resize(&mut self, input: usize, shape: &[usize]) -> Result<(), EngineError> {
        self.model.resize(input, shape)
    }
    fn input_mut(&mut self, input: usize) -> ViewMut<'_> {
        self.model.input_mut(input)
    }
    fn run(&mut self) -> Result<(), EngineError> {
        let runs = self.runs.fetch_add(1, Ordering::Relaxed);
        if matches!(self.habit, Habit::FailsAfter(after) if runs >= after) {
            return Err(EngineError::Failed {
                backend: "flaky",
                why: "the device fell off the bus".to_owned(),
            });
        }
        self.model.run()?;
        let outputs = 0..self.model.outputs().len();
        self.outputs = outputs.map(|i| self.model.output(i).to_tensor()).collect();
        if matches!(self.habit, Habit::Wrong)
            && let ViewMut::F32(_, data) = self.outputs[0].view_mut()
        {
            data[0] += 0.5;
        }
        Ok(())
    }
    fn output(&self, output: usize) -> View<'_> {
        self.outputs[output].view()
    }
    fn keep(&mut self, kept: Kept<'_>) -> Result<(), EngineError> {
        self.model.keep(kept)
    }
    fn reset(&mut self) -> Result<(), EngineError> {
        self.model.reset()
    }
}

fn stand_in(name: &'static str, habit: Habit) -> Box<dyn Backend> {
    Box::new(StandIn {
        name,
        habit,
        runs: Arc::default(),
    })
}

/// A model's folder with one reference, as tract answers it.
fn folder(dir: &Path, sample: &Sample) -> Vec<Tensor> {
    let bytes = sample.bytes();
    let artefact = Artefact {
        name: "it",
        bytes: &bytes,
    };
    let mut model = Tract.load(artefact, &sample.options(1)).unwrap();
    let inputs = sample.inputs(1);
    let outputs = run_once(model.as_mut(), &inputs).unwrap();
    let reference = Reference {
        folder: "reference".into(),
    };
    reference.write(dir, &inputs, &outputs).unwrap();
    std::fs::write(dir.join("it.onnx"), &bytes).unwrap();
    let manifest = Manifest {
        name: "it".to_owned(),
        description: "a test".to_owned(),
        licence: "MIT".to_owned(),
        origin: "made here".to_owned(),
        files: vec![ModelFile::of("it.onnx", Precision::F32, &bytes)],
        references: vec![reference],
        ..Manifest::default()
    };
    manifest.write(dir).unwrap();
    outputs
}

#[test]
fn the_fastest_that_is_right_is_chosen_and_the_choice_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    folder(dir.path(), &bev_cnn(Size::Tiny));
    let engines = Engines::of(vec![
        stand_in("wrong", Habit::Wrong),
        stand_in("broken", Habit::FailsAfter(0)),
        Box::new(Tract),
    ]);
    let plan = plan_of(&engines, dir.path(), 1, Some(&cache)).unwrap();
    assert!(!plan.recorded);
    let order: Vec<&str> = plan.choice.trials.iter().map(|t| &*t.backend).collect();
    assert_eq!(order, ["tract", "wrong", "broken"]);
    let verdicts: Vec<&Verdict> = plan.choice.trials.iter().map(|t| &t.verdict).collect();
    assert!(matches!(verdicts[0], Verdict::Passed { median_ms, .. } if *median_ms > 0.0));
    assert!(matches!(verdicts[1], Verdict::Differs { agreement } if agreement.max_error > 0.4));
    assert!(matches!(verdicts[2], Verdict::Failed { why } if why.contains("fell off")));

    // The same machine and model: the same choice without another test.
    let again = plan_of(&engines, dir.path(), 1, Some(&cache)).unwrap();
    assert!(again.recorded);
    assert_eq!(again.choice, plan.choice);
    // A file that is missing is not a lasting answer.
    std::fs::rename(dir.path().join("it.onnx"), dir.path().join("away")).unwrap();
    let other = Engines::of(vec![Box::new(Tract)]);
    let gone = plan_of(&other, dir.path(), 1, Some(&cache)).unwrap();
    assert!(gone.choice.usable().next().is_none());
    std::fs::rename(dir.path().join("away"), dir.path().join("it.onnx")).unwrap();
    let back = plan_of(&other, dir.path(), 1, Some(&cache)).unwrap();
    assert!(!back.recorded && back.choice.usable().next().is_some());
    // Another number of threads is another question, and a damaged record is no record.
    assert!(
        !plan_of(&engines, dir.path(), 2, Some(&cache))
            .unwrap()
            .recorded
    );
    for record in std::fs::read_dir(&cache).unwrap() {
        std::fs::write(record.unwrap().path(), "{").unwrap();
    }
    assert!(
        !plan_of(&engines, dir.path(), 1, Some(&cache))
            .unwrap()
            .recorded
    );
}

#[test]
fn models_of_one_name_have_a_record_each() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    std::fs::create_dir_all(&first).unwrap();
    std::fs::create_dir_all(&second).unwrap();
    folder(&first, &bev_cnn(Size::Tiny));
    folder(&second, &vit(Size::Tiny));
    let engines = Engines::of(vec![Box::new(Tract)]);
    let plan = |model: &Path| plan_of(&engines, model, 1, Some(&cache)).unwrap();
    let measured = [plan(&first), plan(&second)];
    assert_eq!(measured[0].manifest.name, measured[1].manifest.name);
    assert!(measured.iter().all(|plan| !plan.recorded));
    let again = [plan(&first), plan(&second)];
    assert!(again.iter().all(|plan| plan.recorded));
    for (again, measured) in again.iter().zip(&measured) {
        assert_eq!(again.choice, measured.choice);
    }
    // One is measured anew, and the other's record stays.
    forget(&cache, &measured[0].manifest);
    assert!(plan(&second).recorded && !plan(&first).recorded);
}

#[test]
fn an_engine_that_fails_hands_over_with_its_inputs() {
    let dir = tempfile::tempdir().unwrap();
    let sample = bev_cnn(Size::Tiny);
    let expected = folder(dir.path(), &sample);
    // The self-test runs it 18 times at most, and the drive twice.
    let flaky = Habit::FailsAfter(20);
    let engines = Arc::new(Engines::of(vec![stand_in("flaky", flaky), Box::new(Tract)]));
    let mut plan = plan_of(&engines, dir.path(), 1, None).unwrap();
    // Whichever was faster: the flaky one is taken first.
    plan.choice
        .trials
        .sort_by_key(|trial| trial.backend != "flaky");
    let mut model = Loaded::open(&engines, dir.path(), &plan, 1).unwrap();
    assert_eq!(model.running(), "flaky with it.onnx");
    let mut handovers = Vec::new();
    for _ in 0..6 {
        let outputs = run_once(&mut model, &sample.inputs(1)).unwrap();
        assert_eq!(outputs, expected);
        handovers.append(&mut model.take_handovers());
    }
    assert_eq!(handovers.len(), 1);
    assert_eq!(handovers[0].from, "flaky with it.onnx");
    assert_eq!(handovers[0].to, "tract with it.onnx");
    assert!(handovers[0].why.contains("fell off the bus"));
    assert_eq!(model.running(), "tract with it.onnx");
}

#[test]
fn where_none_is_right_or_left_that_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let sample = bev_cnn(Size::Tiny);
    let expected = folder(dir.path(), &sample);
    let engines = Arc::new(Engines::of(vec![stand_in("wrong", Habit::Wrong)]));
    let plan = plan_of(&engines, dir.path(), 1, None).unwrap();
    let error = Loaded::open(&engines, dir.path(), &plan, 1)
        .map(drop)
        .unwrap_err();
    assert!(error.to_string().contains("self-test"), "{error}");

    let engines = Arc::new(Engines::of(vec![stand_in("flaky", Habit::FailsAfter(20))]));
    let plan = plan_of(&engines, dir.path(), 1, None).unwrap();
    let mut model = Loaded::open(&engines, dir.path(), &plan, 1).unwrap();
    let failed = (0..6).find_map(|_| run_once(&mut model, &sample.inputs(1)).err());
    assert!(failed.unwrap().to_string().contains("fell off"));
    // What it said before still stands, and it can be asked again.
    assert_eq!(model.output(0).shape(), expected[0].shape());
    assert!(run_once(&mut model, &sample.inputs(1)).is_err());
    assert_eq!(model.running(), "flaky with it.onnx");
    assert_eq!(model.take_handovers(), []);
}
