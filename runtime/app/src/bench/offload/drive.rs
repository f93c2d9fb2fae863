//! The drive: keyframes of several frames, each frame drafted and coded as in a run, each block judged by the server.

use super::facts::Told;
use super::line::Line;
use super::server::Program;
use super::{Folders, alone};
use crate::describe::{Drafted, Drafting, VisionSettings};
use anyhow::{Context, Result};
use drafthorse_core::Image;
use drafthorse_draft::{Block as Routable, Decision, Order, Routed, Router, RouterConfig};
use drafthorse_draft::{Seen, Target, TargetOptions};
use drafthorse_engine::Backend;
use drafthorse_protocol::{
    BlockId, Code, Draft, Frame as Coded, Scene, TargetShape, VerifyRequest,
};
use drafthorse_relay::Conditions;
use drafthorse_synth::scenes::{HEIGHT_PX, Scenes, ScenesConfig, Split, WIDTH_PX};
use drafthorse_vision::prune::{Features, Tokens};
use drafthorse_vision::{ModelFolder, PictureTokens};
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

/// Frames of a keyframe, and the time between them, s.
pub(super) const FRAMES: usize = 4;
const EVERY_S: f64 = 0.4;
/// Share of a picture's tokens that drafter and target see.
const KEEP: f64 = 0.5;
/// Precision of the drafter's matrices.
const PRECISION: &str = "q4";
/// Quality of a picture that is uploaded.
const QUALITY: u8 = 75;

/// A drive with its verdicts.
pub(super) struct Drive {
    pub(super) blocks: Vec<Block>,
    pub(super) shape: TargetShape,
    /// What stands behind a picture to ask for a description.
    pub(super) prompt: Vec<u32>,
    /// The threshold that blocks met.
    pub(super) router: RouterConfig,
}

pub(super) struct Block {
    pub(super) frames: Vec<Frame>,
    pub(super) routed: Routed,
    /// Over the wire, there and back, where it is sent.
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
}

pub(super) struct Frame {
    /// The block of this frame alone.
    pub(super) request: VerifyRequest,
    /// How likely the target agrees with the draft.
    pub(super) score: f64,
    /// The picture as the encoder sees it, and as the camera records it, JPEG.
    pub(super) small: Vec<u8>,
    pub(super) recorded: Vec<u8>,
    /// Facts that the draft tells, the server's text, and the target's own from the whole picture.
    pub(super) drafted: Told,
    pub(super) verified: Told,
    pub(super) alone: Told,
    /// Draft tokens, and those of them that are the target's from the first on.
    pub(super) words: usize,
    pub(super) accepted: usize,
    /// What the vehicle spends: on looking, on draft and score, on the code, on the small JPEG.
    pub(super) spent: Spent,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Spent {
    pub(super) look: Duration,
    pub(super) draft: Duration,
    pub(super) code: Duration,
    pub(super) jpeg: Duration,
}

/// Plays a drive of so many keyframes.
pub(super) fn play(
    folders: &Folders,
    backend: &dyn Backend,
    threads: usize,
    program: &Program,
    split: Split,
    blocks: usize,
    bar: &ProgressBar,
) -> Result<Drive> {
    let mut car = Car::open(folders, backend, threads)?;
    let shape = car.drafting.target_shape()?;
    let server = program.serve(0.0, false)?;
    let mut line = Line::open(program, &server, shape, Conditions::default())?;
    let mut scenes = Scenes::new(ScenesConfig {
        split,
        seed: 0,
        captions: 1,
        verified: true,
    });
    let mut router = Router::new(RouterConfig::default());
    let mut played = Vec::with_capacity(blocks);
    let mut prompt = Vec::new();
    for number in 0..blocks {
        let frames = scenes.take_frames(FRAMES, EVERY_S);
        let facts: Vec<_> = frames
            .iter()
            .map(|frame| frame.scene.facts.clone())
            .collect();
        let mut seen = Vec::with_capacity(FRAMES);
        for frame in frames {
            let (frame, asked) = car.frame(frame)?;
            prompt = asked;
            seen.push(frame);
        }
        let whole = together(&seen, number)?;
        let judged = line.ask(&whole)?;
        let verdicts = judged
            .ruling
            .verdict
            .frames
            .iter()
            .zip(&judged.ruling.texts);
        for ((frame, facts), (verdict, text)) in seen.iter_mut().zip(&facts).zip(verdicts) {
            let ids: Vec<u32> = text.iter().copied().map(u32::from).collect();
            frame.verified = Told::by(&car.drafting.text(&ids)?, facts);
            frame.accepted = usize::from(verdict.accepted);
        }
        let scores: Vec<f64> = seen.iter().map(|frame| frame.score).collect();
        let routed = router.route(&Routable {
            id: &format!("bench.{number}"),
            order: Order::Independent,
            frames: &scores,
        });
        played.push(Block {
            frames: seen,
            routed,
            sent_bytes: judged.sent_bytes,
            received_bytes: judged.received_bytes,
        });
        bar.inc(1);
    }
    Ok(Drive {
        blocks: played,
        shape,
        prompt,
        router: *router.config(),
    })
}

impl Block {
    pub(super) fn stays(&self) -> bool {
        self.routed.decision == Decision::Accept
    }
}

/// One block of all frames.
fn together(frames: &[Frame], number: usize) -> Result<VerifyRequest> {
    let first = frames.first().context("a keyframe has no frame")?;
    let coded = frames.iter().flat_map(|f| f.request.scene.frames.clone());
    let drafts = frames.iter().flat_map(|f| f.request.drafts.clone());
    Ok(VerifyRequest {
        scene: Scene {
            block: BlockId::new(format!("drive.{number}"))?,
            frames: coded.collect(),
            ..first.request.scene.clone()
        },
        drafts: drafts.collect(),
    })
}

/// The vehicle's models, and the target beside them for its own opinion of whole pictures.
struct Car {
    settings: VisionSettings,
    drafting: Drafting,
    target: Target,
}

impl Car {
    fn open(folders: &Folders, backend: &dyn Backend, threads: usize) -> Result<Self> {
        let mut settings = VisionSettings::new(&folders.target);
        settings.keep = KEEP;
        settings.drafter_precision = Some(PRECISION.to_owned());
        let files = ModelFolder::find(&folders.target, None)?;
        let options = TargetOptions {
            threads,
            ..TargetOptions::default()
        };
        Ok(Self {
            drafting: Drafting::open(&settings, &folders.drafter, backend, threads)
                .with_context(|| format!("{} cannot be used", files.folder.display()))?,
            target: Target::open(&folders.target, backend, &options)?,
            settings,
        })
    }

    /// Drafts and codes a frame; gives the prompt too.
    fn frame(&mut self, frame: drafthorse_synth::scenes::Frame) -> Result<(Frame, Vec<u32>)> {
        let scene = frame.scene;
        let begun = Instant::now();
        let small = jpeg(&scene.rgb)?;
        let jpeg = begun.elapsed();
        let picture = Image {
            width: WIDTH_PX as u32,
            height: HEIGHT_PX as u32,
            rgb: scene.rgb,
            ..Image::default()
        };
        let begun = Instant::now();
        let all = self.drafting.look(&picture)?;
        let seen = self.prune(&all)?;
        let look = begun.elapsed();
        let begun = Instant::now();
        let (text, drafted) = self.drafting.draft(seen)?;
        let draft = begun.elapsed();
        let begun = Instant::now();
        let (coded, words) = self.drafting.coded(&drafted, Code::Fsq)?;
        let code = begun.elapsed();
        let alone = alone::say(
            &mut self.target,
            &Seen::of(&all)?,
            &drafted.prompt,
            Duration::ZERO,
        )?;
        let prompt = drafted.prompt.clone();
        let frame = Frame {
            score: drafted.score,
            drafted: Told::by(&text, &scene.facts),
            verified: Told::default(),
            alone: Told::by(&self.drafting.text(&alone)?, &scene.facts),
            words: words.tokens.len(),
            accepted: 0,
            request: request(&drafted, coded, words)?,
            small,
            recorded: frame.recorded,
            spent: Spent {
                look,
                draft,
                code,
                jpeg,
            },
        };
        Ok((frame, prompt))
    }

    fn prune(&self, all: &PictureTokens) -> Result<PictureTokens> {
        let places = all.places();
        let features = Features::new(&all.features, all.width)
            .context("the model's features are no whole number of tokens")?;
        let tokens = Tokens::new(&places, features);
        let keep = self.settings.kept_of(all.len());
        Ok(all.keep(&self.settings.pruning.keep(&tokens, keep)?)?)
    }
}

fn request(drafted: &Drafted, frame: Coded, draft: Draft) -> Result<VerifyRequest> {
    let prompt = drafted.prompt.iter().map(|&id| u16::try_from(id));
    Ok(VerifyRequest {
        scene: Scene {
            block: BlockId::new("frame")?,
            prompt: prompt.collect::<Result<_, _>>()?,
            code: Code::Fsq,
            frames: vec![frame],
        },
        drafts: vec![draft],
    })
}

/// A picture at the encoder's resolution as JPEG.
fn jpeg(rgb: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, QUALITY);
    let (width, height) = (WIDTH_PX as u16, HEIGHT_PX as u16);
    encoder.encode(rgb, width, height, jpeg_encoder::ColorType::Rgb)?;
    Ok(bytes)
}
