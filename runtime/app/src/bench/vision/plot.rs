//! A picture of accuracy kept against tokens kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Width and height of the field, and its place, px.
const FIELD: [f64; 2] = [520.0, 380.0];
const AT: [f64; 2] = [60.0, 46.0];
/// What the field shows, percent.
const TOKENS: [f64; 2] = [10.0, 80.0];
const KEPT: [f64; 2] = [40.0, 104.0];
/// Height of a line of the legend, px.
const LINE: f64 = 21.0;
const COLOURS: [&str; 8] = [
    "#d1495b", "#2a6f97", "#3a7d44", "#b8860b", "#7b4fa3", "#e07a2f", "#4c9a9a", "#5c5c5c",
];
const DASHES: [&str; 2] = ["none", "6 4"];

/// An SVG with a line a method, from points of tokens and accuracy kept, both in percent.
pub(super) fn plot(points: &[(&str, f64, f64)]) -> String {
    let mut lines: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for &(method, tokens, kept) in points {
        lines.entry(method).or_default().push((tokens, kept));
    }
    // The best at the fewest tokens first, as the lines end on the left.
    let mut lines: Vec<_> = lines.into_iter().collect();
    for (_, line) in &mut lines {
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    lines.sort_by(|a, b| b.1[0].1.total_cmp(&a.1[0].1));
    let (width, height) = (AT[0] + FIELD[0] + 270.0, AT[1] + FIELD[1] + 50.0);
    // Writing into a String cannot fail.
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{}\" y=\"24\" font-size=\"15\">accuracy kept, percent of what the picture adds</text>\n",
        AT[0]
    );
    for kept in [40.0, 60.0, 80.0, 100.0] {
        let y = place(1, kept);
        let _ = writeln!(
            svg,
            "<path d=\"M{} {y:.1}h{}\" stroke=\"#ccc\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{kept}</text>",
            AT[0],
            FIELD[0],
            AT[0] - 8.0,
            y + 4.0
        );
    }
    for tokens in [15.0, 25.0, 35.0, 50.0, 75.0] {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tokens} %</text>",
            place(0, tokens),
            AT[1] + FIELD[1] + 20.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">tokens kept</text>",
        AT[0] + FIELD[0] / 2.0,
        AT[1] + FIELD[1] + 40.0
    );
    for (index, (method, line)) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let dash = DASHES[index / COLOURS.len() % DASHES.len()];
        let mut path = String::new();
        for (tokens, kept) in line {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(
                path,
                "{command}{:.1} {:.1}",
                place(0, *tokens),
                place(1, *kept)
            );
        }
        let (x, y) = (AT[0] + FIELD[0] + 16.0, AT[1] + 14.0 + index as f64 * LINE);
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <path d=\"M{x} {y}h26\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            x + 34.0,
            y + 4.0,
            method.replace('&', "&amp;").replace('<', "&lt;")
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Where a value lies along the tokens (axis 0) or the accuracy (axis 1), px; at the edge what lies beyond.
fn place(axis: usize, value: f64) -> f64 {
    let [from, to] = [TOKENS, KEPT][axis];
    let part = ((value - from) / (to - from)).clamp(0.0, 1.0);
    match axis {
        0 => AT[0] + part * FIELD[0],
        _ => AT[1] + (1.0 - part) * FIELD[1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_is_a_line_and_more_accuracy_is_higher() {
        let svg = plot(&[("a", 50.0, 90.0), ("a", 15.0, 60.0), ("b & c", 50.0, 99.0)]);
        assert_eq!(svg.matches("fill=\"none\"").count(), 2);
        assert!(svg.contains("b &amp; c") && svg.ends_with("</svg>\n"));
        assert!(place(1, 99.0) < place(1, 60.0) && place(0, 15.0) < place(0, 50.0));
        assert_eq!(place(1, 3.0), place(1, 40.0));
    }
}
