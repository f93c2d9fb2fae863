//! The gate's comparisons: each difference with its interval.

use std::fmt::Write as _;

use super::markup::{close_panel, escaped, figure, open_panel, push_table};
use crate::bootstrap::Comparison;
use crate::gate::Verdict;

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 22.0;

pub(super) fn push(verdict: &Verdict, page: &mut String) {
    let known = verdict.comparisons.iter();
    let reach = known
        .flat_map(|c| [c.low, c.high, c.difference])
        .filter(|v| v.is_finite())
        .fold(1.0f64, |reach, v| reach.max(v.abs()));
    let headings = [
        ("Measure", false),
        ("Class", false),
        ("Candidate", true),
        ("Incumbent", true),
        ("Difference", true),
        ("Interval", true),
        ("", false),
    ];
    let headings: Vec<(String, bool)> = headings.map(|(h, n)| (h.to_owned(), n)).to_vec();
    let rows: Vec<(&str, Vec<String>)> = verdict
        .comparisons
        .iter()
        .map(|c| {
            let cells = vec![
                escaped(&c.measure),
                escaped(c.class.as_deref().unwrap_or("mean")),
                figure(c.candidate_percent, 1),
                figure(c.incumbent_percent, 1),
                format!("{:+.2}", c.difference),
                format!("[{:+.2}, {:+.2}]", c.low, c.high),
                span(c, reach),
            ];
            (if c.class.is_none() { "total" } else { "" }, cells)
        })
        .collect();
    let aside = format!(
        "points of average precision, paired bootstrap; the bar spans {} points each way",
        figure(reach, 1)
    );
    open_panel("panel wide", "Candidate against incumbent", &aside, page);
    push_table(&headings, &rows, page);
    close_panel(page);
}

/// The interval as a bar about zero.
fn span(c: &Comparison, reach: f64) -> String {
    let x = |value: f64| WIDTH / 2.0 + value / reach * (WIDTH / 2.0 - 6.0);
    let kind = if c.low > 0.0 {
        "good"
    } else if c.high < 0.0 {
        "bad"
    } else {
        ""
    };
    let middle = HEIGHT / 2.0;
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"interval\"><path class=\"axis\" d=\"M{0} 0V{HEIGHT}\"/>",
        WIDTH / 2.0
    );
    if c.low.is_finite() && c.high.is_finite() {
        let _ = write!(
            svg,
            "<path class=\"span {kind}\" d=\"M{:.1} {middle}H{:.1}\"/><circle class=\"mid\" cx=\"{:.1}\" cy=\"{middle}\" r=\"3.2\"/>",
            x(c.low),
            x(c.high),
            x(c.difference)
        );
    }
    svg.push_str("</svg>");
    svg
}
