//! The target's model, and what it makes of drafts.

use crate::error::TargetError;
use crate::files::TargetFiles;
use crate::pace::Pace;
use crate::text::Rule;
use crate::tokens::{self, FsqDecoder};
use crate::verify::{Context, verify};
use drafthorse_engine::{Backend, LoadOptions};
use drafthorse_engine_auto::Engines;
use drafthorse_protocol::{
    Frame, FrameVerdict, GenerateRequest, Scene, TargetShape, Verdict, VerifyRequest,
};
use drafthorse_vision::{Layout, PictureTokens, Vlm, VlmOptions, Window};
use std::time::{Duration, Instant};

/// How a target is run.
#[derive(Clone, Copy, Debug)]
pub struct TargetOptions {
    /// Threads of one run.
    pub threads: usize,
    /// The least time that a decoding run takes: a stand-in for a target of real size. Zero for none.
    pub pace: Duration,
}

impl Default for TargetOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            pace: Duration::ZERO,
        }
    }
}

/// A target on an engine. What it answers depends on the request alone.
pub struct Target {
    vlm: Vlm,
    fsq: Option<FsqDecoder>,
    files: TargetFiles,
    ends: Vec<u32>,
    no_repeat: usize,
    placeholder: u32,
    pace: Pace,
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
    /// [`TargetError::Vision`].
    pub fn open(
        files: &TargetFiles,
        backend: &dyn Backend,
        options: &TargetOptions,
    ) -> Result<Self, TargetError> {
        let vlm_options = VlmOptions {
            threads: options.threads,
            ..VlmOptions::default()
        };
        let load = LoadOptions {
            threads: options.threads,
            ..LoadOptions::default()
        };
        let fsq = match &files.fsq_decode {
            Some(path) => Some(FsqDecoder::load(path, backend, &load)?),
            None => None,
        };
        let vlm = Vlm::open(&files.model, backend, &vlm_options)?;
        let settings = vlm.settings();
        Ok(Self {
            fsq,
            files: files.clone(),
            ends: settings.end_tokens.clone(),
            no_repeat: settings.no_repeat,
            placeholder: settings.image_token,
            pace: Pace(options.pace),
            vlm,
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
        let frames = frames.map(|(frame, draft)| {
            let picture = self.picture(scene, frame)?;
            self.judge(&picture, &scene.prompt, draft, deadline)
        });
        Ok(Verdict {
            frames: frames.collect::<Result<_, TargetError>>()?,
        })
    }

    fn picture(&mut self, scene: &Scene, frame: &Frame) -> Result<PictureTokens, TargetError> {
        let shape = &self.files.shape;
        Ok(PictureTokens {
            width: shape.width(),
            features: tokens::features(scene, frame, shape, self.fsq.as_mut())?,
            // Rows and columns are no matter: positions count on.
            layout: Layout::single(1, shape.image_tokens(), Window::WHOLE),
            kept: frame.kept.places().collect(),
        })
    }

    fn judge(
        &mut self,
        picture: &PictureTokens,
        prompt: &[u16],
        draft: &[u16],
        deadline: Option<Instant>,
    ) -> Result<FrameVerdict, TargetError> {
        let files = &self.files;
        let (image, text) = (files.shape.image_tokens(), draft.len().max(files.longest));
        if image + prompt.len() + text > files.positions {
            return Err(TargetError::TooLong {
                positions: files.positions,
                image,
                prompt: prompt.len(),
                text,
            });
        }
        let rule = Rule {
            ends: &self.ends,
            no_repeat: self.no_repeat,
            longest: files.longest,
        };
        let context = Context {
            picture,
            placeholder: self.placeholder,
            prompt: prompt.iter().copied().map(u32::from).collect(),
            image: image as i64,
            pace: self.pace,
            deadline,
        };
        verify(&mut self.vlm, &context, rule, draft)
    }
}
