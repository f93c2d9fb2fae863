//! The target's model, and what it makes of drafts.

use crate::error::TargetError;
use crate::files::TargetFiles;
use crate::pace::Pace;
use crate::tokens::{self, FsqDecoder};
use crate::verify::{Asked, Runs, verify};
use drafthorse_draft::{Drafter, DrafterFolder, DrafterOptions, Form, Proposer, Seen};
use drafthorse_engine::{Backend, LoadOptions};
use drafthorse_engine_auto::Engines;
use drafthorse_protocol::{
    Frame, FrameVerdict, GenerateRequest, Scene, TargetShape, Verdict, VerifyRequest,
};
use std::time::{Duration, Instant};

/// How a target is run.
#[derive(Clone, Copy, Debug)]
pub struct TargetOptions {
    /// Threads of one run.
    pub threads: usize,
    /// The least time that a decoding run takes: a stand-in for a target of real size. Zero for none.
    pub pace: Duration,
    /// Tokens that the drafter beside the target drafts at most between two runs, where the files hold one; 0 for a token
    /// a run. The text is the same.
    pub ahead: usize,
}

impl Default for TargetOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            pace: Duration::ZERO,
            ahead: 64,
        }
    }
}

/// A target on an engine. What it answers depends on the request alone.
pub struct Target {
    model: drafthorse_draft::Target,
    drafter: Option<Drafter>,
    fsq: Option<FsqDecoder>,
    files: TargetFiles,
    pace: Pace,
    ahead: usize,
}

impl Target {
    /// Loads a target on the first engine that runs it; gives the engine's name too.
    ///
    /// # Errors
    /// [`TargetError::NoEngine`] with what each engine says.
    pub fn open_on_first(
        files: &TargetFiles,
        engines: &Engines,
        options: &TargetOptions,
    ) -> Result<(Self, String), TargetError> {
        let open = |backend: &dyn Backend| Self::open(files, backend, options);
        engines.first(open).map_err(TargetError::NoEngine)
    }

    /// Loads a target.
    ///
    /// # Errors
    /// [`TargetError::Model`], [`TargetError::Engine`], [`TargetError::File`].
    pub fn open(
        files: &TargetFiles,
        backend: &dyn Backend,
        options: &TargetOptions,
    ) -> Result<Self, TargetError> {
        let load = LoadOptions {
            threads: options.threads,
            ..LoadOptions::default()
        };
        let fsq = match &files.fsq_decode {
            Some(path) => Some(FsqDecoder::load(path, backend, &load)?),
            None => None,
        };
        let chains = drafthorse_draft::TargetOptions {
            threads: options.threads,
            ..drafthorse_draft::TargetOptions::default()
        };
        let model = drafthorse_draft::Target::open(&files.model, backend, &chains)?;
        let drafter = files.drafter.as_ref().filter(|_| options.ahead > 0);
        let drafter = drafter.map(|folder| {
            let folder = DrafterFolder::open(folder)?;
            let colocated = DrafterOptions {
                threads: options.threads,
                ..DrafterOptions::of(Form::Colocated)
            };
            Drafter::open(&folder, model.words(), model.rules(), backend, &colocated)
        });
        Ok(Self {
            fsq,
            files: files.clone(),
            pace: Pace(options.pace),
            ahead: options.ahead,
            drafter: drafter.transpose()?,
            model,
        })
    }

    /// What requests are checked against.
    #[must_use]
    pub fn shape(&self) -> &TargetShape {
        &self.files.shape
    }

    /// What the target makes of a block's drafts.
    ///
    /// # Errors
    /// [`TargetError`]; [`TargetError::Late`] where the deadline passes between two runs.
    pub fn verify(
        &mut self,
        request: &VerifyRequest,
        deadline: Option<Instant>,
    ) -> Result<Verdict, TargetError> {
        request.check(&self.files.shape)?;
        let drafts = request.drafts.iter().map(|draft| &draft.tokens[..]);
        self.block(&request.scene, drafts, deadline)
    }

    /// What the target writes alone.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn generate(
        &mut self,
        request: &GenerateRequest,
        deadline: Option<Instant>,
    ) -> Result<Verdict, TargetError> {
        request.scene.check(&self.files.shape)?;
        self.block(&request.scene, std::iter::repeat(&[][..]), deadline)
    }

    fn block<'a>(
        &mut self,
        scene: &Scene,
        drafts: impl Iterator<Item = &'a [u16]>,
        deadline: Option<Instant>,
    ) -> Result<Verdict, TargetError> {
        let frames = scene.frames.iter().zip(drafts);
        let frames = frames.map(|(frame, draft)| self.frame(scene, frame, draft, deadline));
        Ok(Verdict {
            frames: frames.collect::<Result<_, TargetError>>()?,
        })
    }

    fn frame(
        &mut self,
        scene: &Scene,
        frame: &Frame,
        draft: &[u16],
        deadline: Option<Instant>,
    ) -> Result<FrameVerdict, TargetError> {
        let files = &self.files;
        let (image, prompt) = (files.shape.image_tokens(), scene.prompt.len());
        if image + prompt + files.longest > files.positions {
            return Err(TargetError::TooLong {
                positions: files.positions,
                image,
                prompt,
                text: files.longest,
            });
        }
        let features = tokens::features(scene, frame, &files.shape, self.fsq.as_mut())?;
        let places: Vec<usize> = frame.kept.places().collect();
        let ids = |of: &[u16]| of.iter().copied().map(u32::from).collect::<Vec<_>>();
        let asked = Asked {
            seen: Seen::new(&features, &places, image)?,
            prompt: &ids(&scene.prompt),
            draft: &ids(draft),
            longest: files.longest,
        };
        let runs = Runs {
            pace: self.pace,
            deadline,
            ahead: self.ahead,
        };
        let drafter = self.drafter.as_mut();
        let drafter = drafter.map(|drafter| drafter as &mut (dyn Proposer + Send));
        verify(&mut self.model, drafter, &asked, runs)
    }
}
