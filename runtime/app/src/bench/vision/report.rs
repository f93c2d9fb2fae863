//! Tables of a trial.

use super::FIGURES;
use super::methods::Named;
use super::scenes::key;
use super::score::{Blind, Estimate, Score, score};
use super::trial::{Asked, Cell, Trial};
use crate::bench::Figure;
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// Scores of every method at every budget.
pub(super) struct Report {
    rows: Vec<Row>,
    prefill: Vec<(f64, f64)>,
    projecting_us: f64,
}

#[derive(serde::Serialize)]
struct Row {
    method: String,
    against: Option<String>,
    keep: f64,
    /// `all`, what questions are about, or their kind.
    group: String,
    /// Share of the tokens showing a road user that are kept.
    shown: f64,
    /// Time that choosing takes, us.
    choosing_us: f64,
    score: Score,
}

impl Report {
    pub(super) fn new(trial: &Trial<'_>, blind: &Blind) -> Self {
        let asked = trial.asked();
        let abouts: BTreeSet<&str> = asked.iter().map(|a| a.question.about).collect();
        let kinds: BTreeSet<&str> = asked.iter().map(|a| a.question.kind.as_str()).collect();
        let groups: Vec<&str> = ["all"].into_iter().chain(abouts).chain(kinds).collect();
        let mut rows = Vec::new();
        for cell in &trial.cells {
            let same = |other: &&Cell| {
                Some(&other.method) == cell.against.as_ref() && other.keep == cell.keep
            };
            let other = trial
                .cells
                .iter()
                .find(same)
                .map(|other| other.right.as_slice());
            for group in &groups {
                let belongs = |asked: &Asked| {
                    *group == "all"
                        || asked.question.about == *group
                        || asked.question.kind == *group
                };
                let shares = [trial.full.as_slice(), &blind.right, &cell.right];
                let Some(score) = score(asked, belongs, shares, other) else {
                    continue;
                };
                rows.push(Row {
                    method: cell.method.clone(),
                    against: cell.against.clone(),
                    keep: cell.keep,
                    group: (*group).to_owned(),
                    shown: cell.shown[1] as f64 / cell.shown[0].max(1) as f64,
                    choosing_us: median_us(&cell.choosing),
                    score,
                });
            }
        }
        let of = |(keep, times): &(f64, Vec<Duration>)| (*keep, median_us(times) / 1e3);
        Self {
            rows,
            prefill: trial.prefill.iter().map(of).collect(),
            projecting_us: median_us(&trial.projecting),
        }
    }

    pub(super) fn json(&self, trial: &Trial<'_>) -> Result<String> {
        let cell =
            |cell: &Cell| json!({ "method": cell.method, "keep": cell.keep, "right": cell.right });
        let question = |asked: &Asked| {
            json!([
                asked.scene,
                key(&asked.question),
                asked.question.about,
                asked.question.answer
            ])
        };
        let value = json!({
            "scores": self.rows,
            "prefill_ms": self.prefill,
            "projecting_us": self.projecting_us,
            "questions": trial.asked().iter().map(question).collect::<Vec<_>>(),
            "full": trial.full,
            "cells": trial.cells.iter().map(cell).collect::<Vec<_>>(),
        });
        Ok(serde_json::to_string(&value)?)
    }

    /// Accuracy kept of all questions by the methods that are figures, and what choosing costs of what it saves.
    pub(super) fn figures(&self, methods: &[Named]) -> Vec<Figure> {
        let mut figures = Vec::new();
        for keep in FIGURES {
            for method in methods {
                let same = |row: &&Row| {
                    row.group == "all" && row.method == method.name && row.keep == keep
                };
                let Some(row) = self.rows.iter().find(same) else {
                    continue;
                };
                let kept = &row.score.kept;
                let ends = [("low".to_owned(), kept.low), ("high".to_owned(), kept.high)];
                figures.extend(method.figures.iter().map(|figure| Figure {
                    beside: ends.clone().into(),
                    ..Figure::alone(
                        &format!("vision.accuracy_kept.{keep}.{figure}"),
                        kept.value,
                        "of 1",
                    )
                }));
            }
        }
        figures
    }

    /// Tokens and accuracy kept of all questions, in percent, by method.
    pub(super) fn points(&self) -> Vec<(&str, f64, f64)> {
        let of_all = self.rows.iter().filter(|row| row.group == "all");
        of_all
            .map(|row| (row.method.as_str(), row.keep, 100.0 * row.score.kept.value))
            .collect()
    }

    /// Accuracy kept in percent, of all questions and by what they are about; the gain over the method that each is
    /// compared with, in points; and what choosing costs.
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        let Some(first) = self.rows.first() else {
            return text;
        };
        let score = &first.score;
        let _ = writeln!(
            text,
            "{} questions; right with all tokens {:.3}, without a picture {:.3}\n",
            score.questions, score.full, score.blind
        );
        text += "| method | tokens | right | kept | objects | road | scene | gain | on objects | road users' tokens | choosing |\n";
        text += "|---|---:|---:|---|---:|---:|---:|---|---|---:|---:|\n";
        for row in self.rows.iter().filter(|row| row.group == "all") {
            let of = |group: &str| {
                let same =
                    |r: &&Row| r.group == group && r.method == row.method && r.keep == row.keep;
                self.rows.iter().find(same).map(|r| &r.score)
            };
            let kept = |group: &str| of(group).map_or_else(String::new, |s| percent(s.kept.value));
            let gain = |group: &str| {
                let gain = of(group).and_then(|s| s.gain.as_ref());
                gain.map_or_else(String::new, between)
            };
            let _ = writeln!(
                text,
                "| {} | {} % | {:.3} | {} | {} | {} | {} | {} | {} | {:.2} | {:.0} us |",
                row.method,
                row.keep,
                row.score.pruned,
                between(&row.score.kept),
                kept("objects"),
                kept("road"),
                kept("scene"),
                gain("all"),
                gain("objects"),
                row.shown,
                row.choosing_us
            );
        }
        let _ = writeln!(
            text,
            "\nway and radar are found in {:.0} us a picture",
            self.projecting_us
        );
        text += "\n| tokens | one question's first run |\n|---:|---:|\n";
        for (keep, ms) in &self.prefill {
            let _ = writeln!(text, "| {keep} % | {ms:.2} ms |");
        }
        text
    }
}

/// The median, which a busy machine moves least, us.
fn median_us(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    let middle = times.get(times.len() / 2);
    middle.map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

/// A share in percent; a dash where there is none.
fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{:.1}", 100.0 * share)
    } else {
        "-".to_owned()
    }
}

/// A value in percent with its interval.
fn between(of: &Estimate) -> String {
    let [value, low, high] = [of.value, of.low, of.high].map(percent);
    format!("{value} ({low} to {high})")
}
