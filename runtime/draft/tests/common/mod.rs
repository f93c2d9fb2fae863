//! The real target, pictures of test scenes, and proposers that are right often enough to be refused too.
#![allow(dead_code)] // Each test file takes what it needs.

pub(crate) mod tiny;

use drafthorse_core::Image;
use drafthorse_draft::{Draft, DraftError, Draws, Plan, Proposer, Seen, Settled, Target};
use drafthorse_engine::Backend;
use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig};
use drafthorse_engine_tract::Tract;
use drafthorse_synth::scenes::{HEIGHT_PX, Scenes, ScenesConfig, Split, WIDTH_PX};
use drafthorse_vision::{PictureTokens, Vlm, VlmOptions};
use std::path::PathBuf;

/// The prompt of a description.
pub(crate) const CAPTION: u32 = 3;

pub(crate) fn model(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../models")
        .join(name)
}

pub(crate) fn target_folder() -> PathBuf {
    model("scene-vlm-s")
}

/// ONNX Runtime, where it is here; tests of hundreds of texts take it, since tract takes ten times as long.
#[allow(clippy::print_stdout)]
pub(crate) fn onnxruntime() -> Option<Box<dyn Backend>> {
    let named = std::env::var_os("DRAFTHORSE_ONNXRUNTIME").map(PathBuf::from);
    let must = named.is_some();
    let config = OnnxRuntimeConfig {
        library: named,
        ..OnnxRuntimeConfig::default()
    };
    match OnnxRuntime::open(&config) {
        Ok(backend) => Some(Box::new(backend)),
        Err(error) if must => panic!("{error}"),
        Err(error) => {
            println!("ONNX Runtime is left out: {error}");
            None
        }
    }
}

pub(crate) fn backends() -> Vec<Box<dyn Backend>> {
    let tract: Box<dyn Backend> = Box::new(Tract);
    std::iter::once(tract).chain(onnxruntime()).collect()
}

/// The fastest engine that is here.
pub(crate) fn fastest() -> Box<dyn Backend> {
    onnxruntime().unwrap_or_else(|| Box::new(Tract))
}

pub(crate) fn vlm(backend: &dyn Backend) -> Vlm {
    Vlm::open(&target_folder(), backend, &VlmOptions::default()).unwrap()
}

/// The first scenes of the town that nothing was trained on.
pub(crate) fn pictures(count: usize) -> Vec<Image> {
    let mut scenes = Scenes::new(ScenesConfig {
        split: Split::Test,
        seed: 0,
        captions: 1,
        verified: false,
    });
    let picture = |_| Image {
        width: WIDTH_PX as u32,
        height: HEIGHT_PX as u32,
        rgb: scenes.take().rgb,
        ..Image::default()
    };
    (0..count).map(picture).collect()
}

/// Views of pictures: each with all tokens, then with ever others pruned. Every one is another prompt.
pub(crate) fn views(vlm: &mut Vlm, pictures: usize, each: usize) -> Vec<PictureTokens> {
    let mut views = Vec::new();
    for (number, picture) in (0..).zip(self::pictures(pictures)) {
        let whole = vlm.look(&picture).unwrap();
        for view in 0..each as u64 {
            let mut draws = Draws::new(number * 1000 + view);
            let share = 1.0 - 0.6 * draws.unit();
            let mut kept: Vec<usize> = (0..whole.len())
                .filter(|_| view == 0 || draws.unit() < share)
                .collect();
            if kept.is_empty() {
                kept.push(0);
            }
            views.push(whole.keep(&kept).unwrap());
        }
    }
    views
}

/// Drafts what the target itself would say, with a random word in the place of some: a drafter that is right
/// and wrong everywhere. It draws from the target's distribution at another temperature where it draws.
pub(crate) struct Garbled {
    pub(crate) target: Target,
    pub(crate) wrong: f64,
    pub(crate) draws: Draws,
    /// Tokens in its cache.
    held: Vec<u32>,
    row: usize,
}

impl Garbled {
    pub(crate) fn new(target: Target, wrong: f64, seed: u64) -> Self {
        Self {
            target,
            wrong,
            draws: Draws::new(seed),
            held: Vec::new(),
            row: 0,
        }
    }

    /// Logits after a token is fed.
    fn step(&mut self, token: u32) -> Vec<f32> {
        self.target.feed(&[token], &[None]).unwrap();
        self.target.keep(1, &[0]).unwrap();
        self.held.push(token);
        self.target.logits(0).unwrap().to_vec()
    }

    fn word(&mut self) -> u32 {
        let words = self.target.words().vocabulary() as u64;
        (self.draws.bits() % words) as u32
    }
}

impl Proposer for Garbled {
    fn begin(&mut self, seen: &Seen<'_>) -> Result<(), DraftError> {
        self.held.clear();
        self.row = seen.places().len();
        self.target.begin(seen, &[CAPTION])
    }

    fn draft(
        &mut self,
        settled: &Settled<'_>,
        plan: &Plan,
        draws: &mut Draws,
        draft: &mut Draft,
    ) -> Result<(), DraftError> {
        draft.clear();
        let said = settled.said();
        let mut logits = match said.len() {
            0 => self.target.logits(self.row)?.to_vec(),
            _ => Vec::new(),
        };
        for &word in &said[self.held.len()..] {
            logits = self.step(word);
        }
        let (mut at, mut stand) = (None, said.to_vec());
        while draft.len() < plan.length {
            let barred = drafthorse_vision::repeated(&stand, self.target.rules().no_repeat);
            if plan.temperature > 0.0 && plan.branches == 1 {
                let q =
                    drafthorse_draft::Distribution::of(&logits, &barred, 1.6 * plan.temperature);
                let token = q.draw(draws);
                at = Some(draft.push(token, at, q.of_token(token).ln() as f32));
                draft.drawn_from.push(q);
            } else {
                let (likely, log_p) = drafthorse_vision::likeliest(&logits, &barred);
                let token = match self.draws.unit() < self.wrong {
                    true => self.word(),
                    false => likely,
                };
                let above = at;
                at = Some(draft.push(token, above, log_p));
                for branch in 1..plan.branches {
                    // The right one now and then where the first was wrong.
                    let other = if branch == 1 { likely } else { self.word() };
                    if draft
                        .children(above)
                        .all(|child| draft.tokens[child] != other)
                    {
                        let child = draft.push(other, above, log_p - branch as f32);
                        // A path may go on below any of them.
                        if self.draws.unit() < 0.3 {
                            at = Some(child);
                        }
                    }
                }
            }
            let last = at.map_or(0, |at| draft.tokens[at]);
            stand.push(last);
            if self.target.rules().end_tokens.contains(&last) {
                break;
            }
            if draft.len() < plan.length {
                logits = self.step(last);
            }
        }
        // Back to what is settled.
        let extra = self.held.len() - said.len();
        self.held.truncate(said.len());
        self.target.back(extra)
    }
}
