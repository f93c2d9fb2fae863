//! Precision over recall, a plot for each class and measure.

use std::fmt::Write as _;

use super::Judged;
use super::markup::{close_panel, escaped, figure, open_panel};
use crate::curve::Curve;

const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 30.0;
const BOTTOM: f64 = 24.0;
const MARGIN: f64 = 8.0;
/// So many plots stand side by side in half the page's width.
const BESIDE: usize = 3;

/// A panel for each measure. Several criteria of a measure are lines of one colour, the first the
/// faintest.
pub(super) fn push(detectors: &[Judged<'_>], page: &mut String) {
    let Some(first) = detectors.first() else {
        return;
    };
    for mean in &first.evaluation.means {
        let title = format!("Precision over recall: {}", mean.measure);
        let classes = first.evaluation.classes.iter();
        let classes: Vec<_> = classes.filter(|c| c.measure == mean.measure).collect();
        let kind = if classes.len() > BESIDE {
            "panel wide"
        } else {
            "panel"
        };
        open_panel(kind, &title, "", page);
        push_legend(detectors, page);
        page.push_str("<div class=\"curves\">");
        for result in classes {
            let criteria: Vec<&str> = result.parts.iter().map(|p| p.criterion.as_str()).collect();
            let _ = write!(
                page,
                "<figure><figcaption><b>{}</b> {} · {}</figcaption>",
                escaped(&result.class),
                figure(result.ap_percent, 1),
                escaped(&criteria.join(", "))
            );
            open_plot(&format!("{} {}", result.class, result.measure), page);
            for (colour, judged) in detectors.iter().enumerate().rev() {
                let same = judged
                    .evaluation
                    .classes
                    .iter()
                    .find(|c| c.class == result.class && c.measure == result.measure);
                for (i, part) in same.iter().flat_map(|c| c.parts.iter().enumerate()) {
                    push_line(&part.curve, colour, (i + 1, result.parts.len()), page);
                }
            }
            page.push_str("</svg></figure>");
        }
        page.push_str("</div>");
        close_panel(page);
    }
}

fn push_legend(detectors: &[Judged<'_>], page: &mut String) {
    if detectors.len() < 2 {
        return;
    }
    page.push_str("<p class=\"legend\">");
    for (colour, judged) in detectors.iter().enumerate() {
        let _ = write!(
            page,
            "<span><span class=\"swatch c{}\"></span>{}</span>",
            colour % 4,
            escaped(judged.name)
        );
    }
    page.push_str("</p>");
}

fn x(recall: f64) -> f64 {
    LEFT + recall * (WIDTH - LEFT - MARGIN)
}

fn y(precision: f64) -> f64 {
    MARGIN + (1.0 - precision) * (HEIGHT - BOTTOM - MARGIN)
}

fn open_plot(label: &str, page: &mut String) {
    let _ = write!(
        page,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"precision over recall of {}\">",
        escaped(label)
    );
    for tick in 0..=4 {
        let share = f64::from(tick) / 4.0;
        let kind = if tick == 0 { "axis" } else { "rule" };
        let _ = write!(
            page,
            "<path class=\"{kind}\" d=\"M{:.1} {:.1}H{:.1}M{:.1} {:.1}V{:.1}\"/>",
            x(0.0),
            y(share),
            x(1.0),
            x(share),
            y(0.0),
            y(1.0)
        );
        let _ = write!(
            page,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{share}</text><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{share}</text>",
            LEFT - 4.0,
            y(share) + 3.5,
            x(share),
            HEIGHT - BOTTOM + 13.0
        );
    }
}

/// The curve up to the largest recall that was reached.
fn push_line(curve: &Curve, colour: usize, (part, parts): (usize, usize), page: &mut String) {
    let reached = curve.precision.iter().rposition(|&p| p > 0.0);
    let Some(last) = reached else {
        return;
    };
    let mut path = String::new();
    let points = curve.recall.iter().zip(&curve.precision).take(last + 1);
    for (i, (&recall, &precision)) in points.enumerate() {
        let letter = if i == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{:.1} {:.1}", x(recall), y(precision));
    }
    #[allow(clippy::cast_precision_loss)] // a handful
    let opacity = 0.25 + 0.75 * part as f64 / parts as f64;
    let _ = write!(
        page,
        "<path class=\"line s{}\" stroke-opacity=\"{opacity:.2}\" d=\"{path}\"/>",
        colour % 4
    );
}
