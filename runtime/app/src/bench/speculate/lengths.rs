//! Lengths of drafts: fixed ones, and two that are chosen online.

use super::pace::{median, say};
use super::{Bench, Figure, ways};
use anyhow::Result;
use drafthorse_draft::{Lengths, length};
use std::time::Duration;

/// The longest draft that is chosen online.
const LONGEST: usize = 8;

pub(super) fn figures(bench: &Bench<'_>) -> Result<Vec<Figure>> {
    let [beside, _] = ways::forms();
    let Some(mut proposer) = beside.open(bench)? else {
        return Ok(Vec::new());
    };
    let mut target = bench.open_target(false)?;
    let fixed = |length: usize| (format!("fixed_{length}"), Lengths::Fixed(length));
    let mut ways: Vec<(String, Lengths)> = [1, 2, 3, 4, 5, 6, 8].map(fixed).into();
    let expected = length::Expected::new(LONGEST, Duration::ZERO);
    ways.push(("expected".to_owned(), Lengths::Expected(expected)));
    let bandit = length::Bandit::new(LONGEST, Duration::ZERO);
    ways.push(("bandit".to_owned(), Lengths::Bandit(bandit)));
    let mut ratios = vec![Vec::new(); ways.len()];
    let count = ways.len();
    for (number, picture) in bench.pictures.iter().enumerate() {
        for turn in 0..count {
            let at = (number + turn) % count;
            let (_, alone_s) = say(&mut target, None, &mut Lengths::Fixed(0), picture)?;
            let proposer = Some(proposer.as_mut());
            let (_, said_s) = say(&mut target, proposer, &mut ways[at].1, picture)?;
            ratios[at].push(alone_s / said_s);
        }
    }
    let figure = |((name, _), ratios): (&(String, Lengths), &Vec<f64>)| {
        Figure::alone(&format!("speculate.length.{name}"), median(ratios), "x")
    };
    Ok(ways.iter().zip(&ratios).map(figure).collect())
}
