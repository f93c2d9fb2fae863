//! Average precisions, errors and slices as tables.

use super::Judged;
use super::markup::{close_panel, escaped, figure, open_panel, push_table};
use crate::evaluation::Evaluation;
use crate::true_positives::ClassErrors;

/// Average precision by class and measure, the first detector's large, the others' small beside it.
pub(super) fn push_precisions(detectors: &[Judged<'_>], page: &mut String) {
    let Some((first, others)) = detectors.split_first() else {
        return;
    };
    let measures = first.evaluation.means.iter().map(|m| m.measure.as_str());
    let measures: Vec<&str> = measures.collect();
    let mut classes: Vec<&str> = Vec::new();
    for class in &first.evaluation.classes {
        if !classes.contains(&class.class.as_str()) {
            classes.push(&class.class);
        }
    }
    let mut headings = vec![("Class".to_owned(), false), ("Truths".to_owned(), true)];
    headings.extend(measures.iter().map(|m| ((*m).to_owned(), true)));
    let cell = |percent: &dyn Fn(&Evaluation) -> Option<f64>| {
        let mut cell = String::new();
        for (i, judged) in detectors.iter().enumerate() {
            let told = percent(judged.evaluation).map_or_else(|| "–".to_owned(), |p| figure(p, 1));
            cell.push_str(&if i == 0 {
                told
            } else {
                format!("<small>{told}</small>")
            });
        }
        cell
    };
    let result = |e: &Evaluation, class: &str, measure: &str| {
        let mut results = e.classes.iter();
        let found = results.find(|r| r.class == class && r.measure == measure);
        found.map(|r| (r.truths, r.ap_percent))
    };
    let mut rows = Vec::new();
    for class in classes {
        let first_measure = measures.first().copied().unwrap_or_default();
        let truths = result(first.evaluation, class, first_measure);
        let truths = truths.map_or_else(String::new, |(truths, _)| truths.to_string());
        let mut cells = vec![escaped(class), truths];
        for measure in &measures {
            cells.push(cell(&|e| result(e, class, measure).map(|r| r.1)));
        }
        rows.push(("", cells));
    }
    let mut cells = vec!["mean".to_owned(), String::new()];
    for measure in &measures {
        cells.push(cell(&|e| {
            let mut means = e.means.iter();
            let mean = means.find(|m| m.measure == *measure);
            mean.map(|m| m.map_percent)
        }));
    }
    rows.push(("total", cells));
    let names: Vec<&str> = others.iter().map(|judged| judged.name).collect();
    let aside = if names.is_empty() {
        "truths as the first measure counts them".to_owned()
    } else {
        format!(
            "{}; small: {}; truths as the first measure counts them",
            first.name,
            names.join(", ")
        )
    };
    open_panel("panel wide", "Average precision, %", &aside, page);
    push_table(&headings, &rows, page);
    close_panel(page);
}

/// Errors of true positives, where there are any.
pub(super) fn push_errors(evaluation: &Evaluation, page: &mut String) {
    if evaluation.errors.is_empty() {
        return;
    }
    let headings = [
        ("Class", false),
        ("Translation, m", true),
        ("Scale, 1 - IoU", true),
        ("Heading, rad", true),
        ("Velocity, m/s", true),
        ("Attribute", true),
    ];
    let headings: Vec<(String, bool)> = headings.map(|(h, n)| (h.to_owned(), n)).to_vec();
    let of = |e: &ClassErrors| {
        [
            e.translation_m,
            e.scale,
            e.orientation_rad,
            e.velocity_mps,
            e.attribute,
        ]
    };
    // What no class has, labels or detections do not give.
    let means = evaluation.mean_errors.as_ref().map(of).unwrap_or_default();
    let row = |e: &ClassErrors| {
        let told = |(error, mean): (Option<f64>, Option<f64>)| match (error, mean) {
            (Some(error), _) => figure(error, 3),
            (None, Some(_)) => "–".to_owned(),
            (None, None) => "not given".to_owned(),
        };
        let mut cells = vec![escaped(&e.class)];
        cells.extend(of(e).into_iter().zip(means).map(told));
        cells
    };
    let mut rows: Vec<_> = evaluation.errors.iter().map(|e| ("", row(e))).collect();
    rows.extend(evaluation.mean_errors.iter().map(|e| ("total", row(e))));
    open_panel(
        "panel wide",
        "Errors of true positives",
        "matched within 2 m; 1 where too little was found",
        page,
    );
    push_table(&headings, &rows, page);
    close_panel(page);
}

/// One table for each way to cut the truth and each measure.
pub(super) fn push_slices(evaluation: &Evaluation, page: &mut String) {
    let mut tables: Vec<(&str, &str)> = Vec::new();
    let mut classes: Vec<&str> = Vec::new();
    for slice in &evaluation.slices {
        if !tables.contains(&(slice.by, &slice.measure)) {
            tables.push((slice.by, &slice.measure));
        }
        if !classes.contains(&slice.class.as_str()) {
            classes.push(&slice.class);
        }
    }
    tables.sort_by_key(|&(by, _)| ["returns", "motion", "range"].iter().position(|&o| o == by));
    for (by, measure) in tables {
        let of_table = |by: &str, measure: &str| {
            let slices = evaluation.slices.iter();
            let (by, measure) = (by.to_owned(), measure.to_owned());
            slices.filter(move |s| s.by == by && s.measure == measure)
        };
        let mut parts: Vec<&str> = Vec::new();
        for slice in of_table(by, measure) {
            if !parts.contains(&slice.part) {
                parts.push(slice.part);
            }
        }
        sort_parts(&mut parts);
        let mut headings = vec![(heading_of(by).to_owned(), false)];
        headings.extend(classes.iter().map(|c| ((*c).to_owned(), true)));
        let mut rows = Vec::new();
        for part in parts {
            let mut cells = vec![part.to_owned()];
            for class in &classes {
                let slice = of_table(by, measure).find(|s| s.part == part && s.class == *class);
                cells.push(slice.map_or_else(
                    || "–".to_owned(),
                    |s| {
                        format!(
                            "{} <small>{} % of {}</small>",
                            figure(s.ap_percent, 1),
                            figure(s.recall_percent, 0),
                            s.truths
                        )
                    },
                ));
            }
            rows.push(("", cells));
        }
        let title = format!("By {by}: {measure}");
        let aside = "average precision, %; small: share found, of so many";
        open_panel("panel", &title, aside, page);
        push_table(&headings, &rows, page);
        page.push_str(
            "<p class=\"note\">Detections of other parts are left out; false alarms count in every part (by range: in theirs).</p>",
        );
        close_panel(page);
    }
}

fn heading_of(by: &str) -> &str {
    match by {
        "returns" => "Returns of the newest scan",
        "motion" => "Motion",
        _ => "Range",
    }
}

/// By the number they begin with, where they do.
fn sort_parts(parts: &mut [&str]) {
    let first = |part: &str| -> u32 {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    parts.sort_by_key(|part| first(part));
}
