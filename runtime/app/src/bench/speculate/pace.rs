//! How much sooner a text is there.

use super::{Bench, CAPTION, Figure, LENGTH};
use anyhow::Result;
use drafthorse_draft::{Decoding, Lengths, Proposer, Said, Seen, Speculator, Target};
use drafthorse_vision::PictureTokens;
use std::time::{Duration, Instant};

/// A way to draft, and what came of it.
pub(super) struct Pace {
    pub(super) name: &'static str,
    proposer: Box<dyn Proposer>,
    /// The target's time alone over the time with drafts, a picture each: of the whole text, and of what comes
    /// behind the prompt.
    whole: Vec<f64>,
    behind: Vec<f64>,
    /// Texts that are not the target's own.
    other: usize,
    all: Totals,
}

#[derive(Default)]
struct Totals {
    tokens: usize,
    calls: usize,
    drafted: usize,
    stayed: usize,
    drafting: Duration,
    verifying: Duration,
}

impl Totals {
    fn add(&mut self, said: &Said) {
        self.tokens += said.ids.len() + usize::from(said.ended) - 1;
        self.calls += said.calls - 1;
        self.drafted += said.drafted;
        self.stayed += said.stayed;
        self.drafting += said.drafting;
        self.verifying += said.verifying;
    }

    fn tokens_per_call(&self) -> f64 {
        self.tokens as f64 / self.calls.max(1) as f64
    }
}

impl Pace {
    pub(super) fn new(name: &'static str, proposer: Box<dyn Proposer>) -> Self {
        Self {
            name,
            proposer,
            whole: Vec::new(),
            behind: Vec::new(),
            other: 0,
            all: Totals::default(),
        }
    }

    /// Of the whole text.
    pub(super) fn speedup(&self) -> f64 {
        median(&self.whole)
    }

    pub(super) fn figures(&self, json: bool) -> Vec<Figure> {
        if !json {
            let Totals {
                calls,
                drafted,
                stayed,
                drafting,
                verifying,
                ..
            } = self.all;
            let a = |time: Duration, count: usize| 1e3 * time.as_secs_f64() / count.max(1) as f64;
            eprintln!(
                "{}: {stayed} of {drafted} drafted tokens stayed; {:.2} ms a drafted token, {:.2} ms a run of the target; {} texts differ",
                self.name,
                a(drafting, drafted),
                a(verifying, calls),
                self.other,
            );
        }
        let speedup = format!("speculate.speedup.{}", self.name);
        let mut figures = vec![Figure::beside(
            &speedup,
            self.speedup(),
            "x",
            "behind_the_prompt",
            median(&self.behind),
        )];
        figures[0].ratio = None;
        let name = match self.name {
            "target_data" => "colocated",
            "standalone" | "no_vision" => self.name,
            _ => return figures,
        };
        let name = format!("speculate.tokens_per_call.{name}");
        figures.push(Figure::alone(&name, self.all.tokens_per_call(), "tokens"));
        figures
    }
}

/// Says all texts: each way beside the target alone, in turn.
pub(super) fn measure(bench: &Bench<'_>, paces: &mut [Pace]) -> Result<()> {
    let mut target = bench.open_target(false)?;
    for (number, picture) in bench.pictures.iter().enumerate() {
        // The engine's first runs prepare its memory.
        if number == 0 {
            say(&mut target, None, &mut Lengths::Fixed(0), picture)?;
            for pace in paces.iter_mut() {
                let proposer = Some(pace.proposer.as_mut());
                say(&mut target, proposer, &mut Lengths::Fixed(LENGTH), picture)?;
            }
        }
        let count = paces.len();
        for turn in 0..count {
            let pace = &mut paces[(number + turn) % count];
            let (alone, alone_s) = say(&mut target, None, &mut Lengths::Fixed(0), picture)?;
            let proposer = Some(pace.proposer.as_mut());
            let lengths = &mut Lengths::Fixed(LENGTH);
            let (said, said_s) = say(&mut target, proposer, lengths, picture)?;
            let behind = |said: &Said| (said.drafting + said.verifying).as_secs_f64();
            pace.whole.push(alone_s / said_s);
            pace.behind.push(behind(&alone) / behind(&said));
            pace.other += usize::from(said.ids != alone.ids);
            pace.all.add(&said);
        }
    }
    Ok(())
}

/// A text, greedy, and how long it took.
pub(super) fn say(
    target: &mut Target,
    proposer: Option<&mut (dyn Proposer + 'static)>,
    lengths: &mut Lengths,
    picture: &PictureTokens,
) -> Result<(Said, f64)> {
    let seen = Seen::of(picture)?;
    let begun = Instant::now();
    let mut speculator = Speculator::new(target, proposer, lengths);
    let said = speculator.say(&seen, &[CAPTION], &Decoding::default())?;
    Ok((said, begun.elapsed().as_secs_f64()))
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count => f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]),
    }
}
