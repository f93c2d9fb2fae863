//! Speculative decoding of descriptions, the target alone beside it: how much sooner a text is there, how many tokens a
//! run of the target gives, and how often drafted words that carry facts are right.
//!
//! Pictures are generated scenes of the town that nothing was trained on. Every way is timed in turn with the
//! target alone on the same picture, and figures are medians of those ratios. Every text is compared with the target's
//! own.

mod agreement;
mod lengths;
mod pace;
mod ways;

use super::{Figure, engines, preferred};
use crate::cli::SpeculateBench;
use anyhow::Result;
use drafthorse_draft::{DrafterFolder, Rules, Target, TargetOptions, Words};
use drafthorse_engine::Backend;
use drafthorse_synth::scenes::{HEIGHT_PX, Scenes, ScenesConfig, Split, WIDTH_PX};
use drafthorse_vision::{PictureTokens, Vlm, VlmOptions};
use pace::Pace;
use std::path::PathBuf;
use std::sync::Arc;

/// What stands behind the picture to ask for a description.
const CAPTION: u32 = 3;
/// Length of drafts where it is not chosen online.
const LENGTH: usize = 5;

/// What every measurement needs.
struct Bench<'a> {
    backend: &'a dyn Backend,
    threads: usize,
    target: PathBuf,
    drafter: DrafterFolder,
    /// Drafters to compare with; the drafter's own folder where none is named.
    ladder: DrafterFolder,
    words: Arc<Words>,
    rules: Rules,
    pictures: Vec<PictureTokens>,
}

impl Bench<'_> {
    fn open_target(&self, trees: bool) -> Result<Target> {
        open_target(self.backend, self.threads, &self.target, trees)
    }
}

fn open_target(
    backend: &dyn Backend,
    threads: usize,
    folder: &std::path::Path,
    trees: bool,
) -> Result<Target> {
    let options = TargetOptions {
        trees,
        threads,
        precision: None,
    };
    Ok(Target::open(folder, backend, &options)?)
}

pub(super) fn run(
    args: &SpeculateBench,
    json: bool,
    print: &mut dyn FnMut(Figure) -> Result<()>,
) -> Result<()> {
    let engines = engines(&args.engine)?;
    let backend = preferred(&engines)?;
    let ladder = args.ladder.as_ref().unwrap_or(&args.drafter);
    let target = open_target(backend, args.engine.threads, &args.model, false)?;
    let bench = Bench {
        backend,
        threads: args.engine.threads,
        pictures: pictures(backend, args)?,
        target: args.model.clone(),
        ladder: DrafterFolder::open(ladder)?,
        drafter: DrafterFolder::open(&args.drafter)?,
        words: Arc::clone(target.words()),
        rules: target.rules().clone(),
    };
    drop(target);
    let mut paces: Vec<Pace> = Vec::new();
    for way in ways::all() {
        match way.open(&bench)? {
            Some(proposer) => paces.push(Pace::new(way.name, proposer)),
            None => eprintln!("{} is left out: its graph is not there", way.name),
        }
    }
    pace::measure(&bench, &mut paces)?;
    for pace in &paces {
        pace.figures(json).into_iter().try_for_each(&mut *print)?;
    }
    for figure in ways::against_lookup(&paces) {
        print(figure)?;
    }
    for figure in agreement::figures(&bench)? {
        print(figure)?;
    }
    lengths::figures(&bench)?.into_iter().try_for_each(print)
}

/// Image tokens of generated scenes.
fn pictures(backend: &dyn Backend, args: &SpeculateBench) -> Result<Vec<PictureTokens>> {
    let mut vlm = Vlm::open(&args.model, backend, &VlmOptions::default())?;
    let mut scenes = Scenes::new(ScenesConfig {
        split: match args.tuning {
            true => Split::Val,
            false => Split::Test,
        },
        seed: 0,
        captions: 1,
        verified: true,
    });
    let picture = |_| {
        let picture = drafthorse_core::Image {
            width: WIDTH_PX as u32,
            height: HEIGHT_PX as u32,
            rgb: scenes.take().rgb,
            ..drafthorse_core::Image::default()
        };
        Ok(vlm.look(&picture)?)
    };
    (0..args.scenes.max(1)).map(picture).collect()
}
