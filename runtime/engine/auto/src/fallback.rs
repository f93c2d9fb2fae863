//! A model on the engine that was chosen for it, with the others behind it.

use crate::choice::Trial;
use crate::engines::Engines;
use crate::selftest::Plan;
use drafthorse_engine::{
    EngineError, Kept, Manifest, Model, ModelFile, Port, Tensor, View, ViewMut,
};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long it is before engines that all failed are tried again, at first and at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// An engine that failed and the one that stepped in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// What failed.
    pub from: String,
    /// How.
    pub why: String,
    /// What runs now.
    pub to: String,
}

/// A loaded model. Where a run fails, the next engine that can takes over with the same inputs. A
/// model with state begins anew then, and the run says so with [`EngineError::StateLost`].
pub struct Loaded {
    model: Box<dyn Model>,
    /// What runs it.
    running: Trial,
    /// What may step in, next first.
    others: VecDeque<Trial>,
    engines: Arc<Engines>,
    folder: PathBuf,
    manifest: Manifest,
    threads: usize,
    handovers: Vec<Handover>,
    /// Where none could step in: when the others are tried again, and how long that was put off.
    retry_at: Option<Instant>,
    wait: Duration,
}

impl Loaded {
    /// Loads the model on the first engine of the plan that loads it.
    ///
    /// # Errors
    /// Where none does: what the last one said, or that none passed the self-test.
    pub fn open(
        engines: &Arc<Engines>,
        folder: &Path,
        plan: &Plan,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let mut others: VecDeque<Trial> = plan.choice.usable().cloned().collect();
        let mut handovers = Vec::new();
        let mut last = None;
        while let Some(trial) = others.pop_front() {
            match load(engines, folder, &plan.manifest, &trial, threads) {
                Ok(model) => {
                    settle(&mut handovers, &title(&trial));
                    return Ok(Self {
                        engines: Arc::clone(engines),
                        folder: folder.to_owned(),
                        manifest: plan.manifest.clone(),
                        model,
                        running: trial,
                        others,
                        threads,
                        handovers,
                        retry_at: None,
                        wait: Duration::ZERO,
                    });
                }
                Err(error) => {
                    handovers.push(failure(title(&trial), &error));
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| EngineError::Load {
            backend: "auto",
            model: plan.manifest.name.clone(),
            why:
                "no engine on this machine passes its self-test; `drafthorse engine list` says why"
                    .to_owned(),
        }))
    }

    /// Backend and file that run it now, in words.
    #[must_use]
    pub fn running(&self) -> String {
        title(&self.running)
    }

    /// Backend, version, file and precision that run it now.
    #[must_use]
    pub fn trial(&self) -> &Trial {
        &self.running
    }

    /// Takes what has happened since the last call.
    pub fn take_handovers(&mut self) -> Vec<Handover> {
        std::mem::take(&mut self.handovers)
    }

    /// Runs the next engine that can, with this one's inputs, and goes on with it. Where none can, all
    /// stays as it was: the fault may lie in the inputs.
    fn hand_over(&mut self, error: EngineError) -> Result<(), EngineError> {
        // To load all others for each input would keep a lane busy with nothing.
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return Err(error);
        }
        let mut failed = vec![failure(self.running(), &error)];
        let mut tried = VecDeque::new();
        while let Some(trial) = self.others.pop_front() {
            match self.try_other(&trial) {
                Ok(next) => {
                    self.model = next;
                    self.running = trial;
                    settle(&mut failed, &self.running());
                    self.handovers.append(&mut failed);
                    return self.begin_anew(&error);
                }
                Err(error) => failed.push(failure(title(&trial), &error)),
            }
            tried.push_back(trial);
        }
        self.others = tried;
        self.wait = (self.wait * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
        self.retry_at = Some(Instant::now() + self.wait);
        Err(error)
    }

    fn try_other(&mut self, trial: &Trial) -> Result<Box<dyn Model>, EngineError> {
        let (engines, folder) = (&self.engines, &self.folder);
        let mut next = load(engines, folder, &self.manifest, trial, self.threads)?;
        copy_inputs(self.model.as_mut(), next.as_mut())?;
        next.run()?;
        Ok(next)
    }

    /// After a hand-over: a model with state has lost it, and what it says now means nothing.
    fn begin_anew(&mut self, error: &EngineError) -> Result<(), EngineError> {
        if self.manifest.state.is_empty() {
            return Ok(());
        }
        self.model.reset()?;
        Err(EngineError::StateLost {
            to: self.running(),
            why: error.to_string(),
        })
    }
}

fn failure(from: String, error: &EngineError) -> Handover {
    Handover {
        from,
        why: error.to_string(),
        to: String::new(),
    }
}

/// Says of all that failed what stepped in.
fn settle(failed: &mut [Handover], running: &str) {
    for handover in failed {
        running.clone_into(&mut handover.to);
    }
}

fn title(trial: &Trial) -> String {
    format!("{} with {}", trial.backend, trial.file.display())
}

fn load(
    engines: &Engines,
    folder: &Path,
    manifest: &Manifest,
    trial: &Trial,
    threads: usize,
) -> Result<Box<dyn Model>, EngineError> {
    let missing = || EngineError::Load {
        backend: "auto",
        model: manifest.name.clone(),
        why: format!("{} is not here any more", title(trial)),
    };
    let backend = engines.by_name(&trial.backend).ok_or_else(missing)?;
    let is_it = |file: &&ModelFile| file.path == trial.file;
    let file = manifest.files.iter().find(is_it).ok_or_else(missing)?;
    file.load(folder, backend, &manifest.options(threads))
}

fn copy_inputs(from: &mut dyn Model, to: &mut dyn Model) -> Result<(), EngineError> {
    for input in 0..from.inputs().len() {
        let copy: Tensor = from.input_mut(input).as_view().to_tensor();
        to.resize(input, copy.shape())?;
        if !to.input_mut(input).copy_from(copy.view()) {
            return Err(EngineError::Shape {
                port: to.inputs()[input].to_string(),
                given: format!("{}{:?}", copy.dtype(), copy.shape()),
            });
        }
    }
    Ok(())
}

impl Model for Loaded {
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
        match self.model.run() {
            Ok(()) => {
                self.retry_at = None;
                self.wait = Duration::ZERO;
                Ok(())
            }
            Err(error) => self.hand_over(error),
        }
    }

    fn output(&self, output: usize) -> View<'_> {
        self.model.output(output)
    }

    fn keep(&mut self, kept: Kept<'_>) -> Result<(), EngineError> {
        self.model.keep(kept)
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        self.model.reset()
    }
}
