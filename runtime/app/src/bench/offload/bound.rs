//! How soon a verdict can be there at best.
//!
//! A rejected block takes a round trip and the target's runs. Its first run is over image, prompt and draft, and gives the
//! target's word behind the part of the draft that stands. From there on the drafter beside the target guesses; each run
//! confirms its guesses up to the first wrong one and puts that right. With guesses of any length, for nothing, a text takes
//! as many further runs as the drafter has wrong guesses in it, given the right words before each, and one for what follows
//! the last of them.

use super::Folders;
use anyhow::{Context, Result};
use drafthorse_draft::{
    Draft, Drafter, DrafterFolder, DrafterOptions, Draws, Form, Plan, Proposer as _, Seen, Settled,
    Target, TargetOptions,
};
use drafthorse_engine::{Backend, LoadOptions};
use drafthorse_protocol::{TargetShape, VerifyRequest};
use drafthorse_vision::Graph;
use std::time::{Duration, Instant};

/// What it takes to find out.
pub(super) struct Bounds {
    target: Target,
    drafter: Drafter,
    code: Graph,
    shape: TargetShape,
}

/// What a frame needs of the target at least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Needs {
    /// Runs behind the first.
    pub(super) further: usize,
    /// Time of the first run, and of one of a single word, without a pace.
    pub(super) first: Duration,
    pub(super) single: Duration,
}

impl Needs {
    /// Round trip and runs, each of which takes the pace, or the model's own time where that is longer.
    pub(super) fn time(&self, round_trip: Duration, pace: Duration) -> Duration {
        round_trip + self.first.max(pace) + self.single.max(pace) * self.further as u32
    }
}

impl Bounds {
    pub(super) fn open(
        folders: &Folders,
        backend: &dyn Backend,
        threads: usize,
        shape: TargetShape,
    ) -> Result<Self> {
        let options = TargetOptions {
            threads,
            ..TargetOptions::default()
        };
        let target = Target::open(&folders.target, backend, &options)?;
        let folder = DrafterFolder::open(&folders.drafter)?;
        let colocated = DrafterOptions {
            threads,
            ..DrafterOptions::of(Form::Colocated)
        };
        let (words, rules) = (target.words(), target.rules());
        let drafter = Drafter::open(&folder, words, rules, backend, &colocated)?;
        let load = LoadOptions {
            threads,
            ..LoadOptions::default()
        };
        Ok(Self {
            code: Graph::open(&folder.graph("fsq_decode", None)?, backend, &load)?,
            target,
            drafter,
            shape,
        })
    }

    /// Of a block of one frame, whose text by the target is given: so many of the draft's words stand.
    pub(super) fn of(
        &mut self,
        request: &VerifyRequest,
        text: &[u16],
        accepted: usize,
    ) -> Result<Needs> {
        let scene = &request.scene;
        let (frame, draft) = scene
            .frames
            .first()
            .zip(request.drafts.first())
            .context("a block has no frame")?;
        let features = features(
            &mut self.code,
            &scene.indices(frame, &self.shape)?,
            &self.shape,
        )?;
        let places: Vec<usize> = frame.kept.places().collect();
        let seen = Seen::new(&features, &places, self.shape.image_tokens())?;
        let ids = |of: &[u16]| of.iter().copied().map(u32::from).collect::<Vec<_>>();
        let prompt = ids(&scene.prompt);
        let begun = Instant::now();
        self.target
            .begin(&seen, &[prompt.clone(), ids(&draft.tokens)].concat())?;
        let first = begun.elapsed();

        let all = [prompt.clone(), ids(text)].concat();
        let before = places.len() - 1;
        let width = seen.width();
        self.target.begin(&seen, &all)?;
        let mut states = Vec::with_capacity(all.len() * width);
        for row in before..before + all.len() {
            states.extend_from_slice(self.target.hidden_state(row)?);
        }
        let begun = Instant::now();
        self.target.feed(&all[all.len() - 1..], &[None])?;
        let single = begun.elapsed();

        self.drafter.begin(&seen)?;
        let mut guess = Draft::default();
        let rest = (prompt.len() + accepted + 1).min(all.len())..all.len();
        let mut further = 0;
        let mut open = false;
        for next in rest {
            let settled = Settled {
                tokens: &all[..next],
                prompt: prompt.len(),
                states: &states[..next * width],
            };
            let chain = Plan::chain(1);
            self.drafter
                .draft(&settled, &chain, &mut Draws::new(0), &mut guess)?;
            open = guess.tokens.first() == Some(&all[next]);
            further += usize::from(!open);
        }
        Ok(Needs {
            further: further + usize::from(open),
            first,
            single,
        })
    }
}

/// Features of the tokens as the server has them.
fn features(code: &mut Graph, levels: &[u8], shape: &TargetShape) -> Result<Vec<f32>> {
    let fsq = shape.fsq().context("the drafter has no narrow code")?;
    let dims = fsq.dimensions();
    let (input, output) = (code.input("codes")?, code.output("image_features")?);
    let given = code.fill::<u8>(input, &[1, levels.len() / dims, dims])?;
    given.copy_from_slice(levels);
    code.run()?;
    Ok(code.floats(output)?.1.to_vec())
}
