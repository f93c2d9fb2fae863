//! How often a drafted word is the target's, given the target's words before it; words that carry facts apart.

use super::pace::say;
use super::{Bench, CAPTION, Figure, ways};
use anyhow::Result;
use drafthorse_draft::{Draft, Draws, Lengths, Plan, Seen, Settled};

/// Words that agreed, and all of them.
#[derive(Clone, Copy, Default)]
struct Agreed {
    agreed: usize,
    all: usize,
}

impl Agreed {
    fn share(self) -> f64 {
        self.agreed as f64 / self.all.max(1) as f64
    }
}

pub(super) fn figures(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let mut target = bench.open_target(false)?;
    let mut figures = Vec::new();
    for way in ways::forms() {
        let Some(mut proposer) = way.open(bench)? else {
            continue;
        };
        let (mut facts, mut others) = (Agreed::default(), Agreed::default());
        for picture in &bench.pictures {
            let (said, _) = say(&mut target, None, &mut Lengths::Fixed(0), picture)?;
            let seen = Seen::of(picture)?;
            let mut tokens = vec![CAPTION];
            tokens.extend(&said.ids);
            // One run over all of it gives the state before each word.
            target.begin(&seen, &tokens)?;
            let width = seen.width();
            let before = seen.places().len() - 1;
            let mut states = Vec::with_capacity(tokens.len() * width);
            for row in before..before + tokens.len() {
                states.extend_from_slice(target.hidden_state(row)?);
            }
            proposer.begin(&seen)?;
            let mut draft = Draft::default();
            for next in 1..tokens.len() {
                let settled = Settled {
                    tokens: &tokens[..next],
                    prompt: 1,
                    states: &states[..next * width],
                };
                let plan = Plan::chain(1);
                proposer.draft(&settled, &plan, &mut Draws::new(0), &mut draft)?;
                let word = tokens[next];
                let kind = match bench.drafter.config.fact_tokens.contains(&word) {
                    true => &mut facts,
                    false => &mut others,
                };
                kind.all += 1;
                kind.agreed += usize::from(draft.tokens.first() == Some(&word));
            }
        }
        let name = format!("speculate.fact_agreement.{}", way.name);
        let mut figure =
            Figure::beside(&name, facts.share(), "share", "other_words", others.share());
        figure.ratio = None;
        figures.push(figure);
    }
    Ok(figures)
}
