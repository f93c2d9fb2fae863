//! One self-contained HTML page of an evaluation: figures, precision over recall, the comparison of
//! two detectors, and bird's-eye pictures of the worst mistakes. No script: everything is drawn here.

mod comparison;
mod curves;
mod markup;
mod picture;
mod tables;

use std::fmt::Write as _;
use std::path::Path;

use crate::error::EvalError;
use crate::evaluation::{Evaluation, Rules};
use crate::gate::Verdict;
use crate::misses::worst_misses;
use crate::scene::Scene;
use markup::{escaped, figure};

const PAGE: &str = include_str!("page/report.html");
const STYLE: &str = include_str!("page/report.css");
/// Pictures of truths that were not found.
const MISSED: usize = 8;
/// Pictures of false alarms.
const ALARMS: usize = 4;

/// One detector's result under its name. At most four have colours of their own.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// What it is called.
    pub name: &'a str,
    /// How good it is.
    pub evaluation: &'a Evaluation,
}

/// What the page tells. The first detector is the page's subject, the others are beside it.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Title of the page.
    pub title: &'a str,
    /// Sentences that a reader must know, like where a model's training data comes from.
    pub notices: &'a [String],
    /// The rules of all evaluations.
    pub rules: &'a Rules,
    /// The detectors.
    pub detectors: &'a [Judged<'a>],
    /// The gate's answer about the first detector.
    pub verdict: Option<&'a Verdict>,
    /// The first detector's scenes, for the pictures.
    pub scenes: &'a [Scene<'a>],
}

impl Report<'_> {
    /// Writes the page.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), EvalError> {
        std::fs::write(path, self.render()).map_err(EvalError::write(path))
    }

    /// The page as HTML.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = String::with_capacity(200_000);
        let mut rest = PAGE;
        while let Some((before, after)) = rest.split_once("{{") {
            page.push_str(before);
            let (slot, after) = after.split_once("}}").unwrap_or((after, ""));
            self.fill(slot, &mut page);
            rest = after;
        }
        page.push_str(rest);
        page
    }

    fn fill(&self, slot: &str, page: &mut String) {
        match slot {
            "title" => page.push_str(&escaped(self.title)),
            "style" => page.push_str(STYLE),
            "rules" => page.push_str(self.rules.name()),
            "subtitle" => self.push_subtitle(page),
            "badges" => self.push_badges(page),
            "notices" => self.push_notices(page),
            "tiles" => self.push_tiles(page),
            "panels" => self.push_panels(page),
            _ => {}
        }
    }

    fn push_subtitle(&self, page: &mut String) {
        if let Some(first) = self.detectors.first() {
            let e = first.evaluation;
            let _ = write!(
                page,
                "rules of {} · {} scenes · {} labelled objects · {} detections of {}",
                e.rules,
                e.scenes,
                e.truths,
                e.detections,
                escaped(first.name)
            );
        }
    }

    fn push_badges(&self, page: &mut String) {
        if let Some(verdict) = self.verdict {
            let (kind, text) = if verdict.yes {
                ("good", "Gate: yes")
            } else {
                ("bad", "Gate: no")
            };
            let _ = write!(page, "<span class=\"badge {kind}\">{text}</span>");
        }
    }

    fn push_notices(&self, page: &mut String) {
        for notice in self.notices {
            let _ = write!(page, "<p class=\"notice\">{}</p>", escaped(notice));
        }
        if let Some(verdict) = self.verdict {
            let kind = if verdict.yes { "good" } else { "bad" };
            for reason in &verdict.reasons {
                let _ = write!(page, "<p class=\"notice {kind}\">{}</p>", escaped(reason));
            }
        }
    }

    fn push_tiles(&self, page: &mut String) {
        let mut tile = |value: &str, name: &str, more: &str| {
            let _ = write!(
                page,
                "<div class=\"tile\"><b>{value}</b><span>{}</span><i>{}</i></div>",
                escaped(name),
                escaped(more)
            );
        };
        for judged in self.detectors {
            for mean in judged.evaluation.means.iter().take(2) {
                let name = format!("mAP {}", mean.measure);
                tile(&figure(mean.map_percent, 1), &name, judged.name);
            }
        }
        let Some(first) = self.detectors.first() else {
            return;
        };
        if let Some(score) = first.evaluation.detection_score_percent {
            tile(&figure(score, 1), "NDS", first.name);
        }
        if let Some(errors) = &first.evaluation.mean_errors {
            for (value, name, unit) in [
                (errors.translation_m, "translation error", "m"),
                (errors.scale, "scale error", "1 - IoU"),
                (errors.orientation_rad, "heading error", "rad"),
                (errors.velocity_mps, "velocity error", "m/s"),
                (errors.attribute, "attribute error", "share"),
            ] {
                if let Some(value) = value {
                    tile(&figure(value, 2), name, unit);
                }
            }
        }
    }

    fn push_panels(&self, page: &mut String) {
        if let Some(verdict) = self.verdict {
            comparison::push(verdict, page);
        }
        tables::push_precisions(self.detectors, page);
        if let Some(first) = self.detectors.first() {
            tables::push_errors(first.evaluation, page);
            tables::push_slices(first.evaluation, page);
        }
        curves::push(self.detectors, page);
        let misses = worst_misses(self.scenes, self.rules, MISSED, ALARMS);
        picture::push(self.scenes, self.rules, &misses, page);
    }
}
