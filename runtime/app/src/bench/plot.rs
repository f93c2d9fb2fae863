//! A picture of lines: one value against another, by name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Width and height of the field, and its place, px.
const FIELD: [f64; 2] = [520.0, 380.0];
const AT: [f64; 2] = [60.0, 46.0];
/// Height of a line of the legend, px.
const LINE: f64 = 21.0;
const COLOURS: [&str; 8] = [
    "#d1495b", "#2a6f97", "#3a7d44", "#b8860b", "#7b4fa3", "#e07a2f", "#4c9a9a", "#5c5c5c",
];
const DASHES: [&str; 2] = ["none", "6 4"];

/// What is drawn against what.
pub(super) struct Plot {
    /// What is drawn.
    pub(super) title: &'static str,
    /// Along the picture.
    pub(super) x: Axis,
    /// Up the picture; its label is the title.
    pub(super) y: Axis,
}

/// A direction of the field.
pub(super) struct Axis {
    /// What stands beneath it.
    pub(super) label: &'static str,
    /// What the field shows; at its edge stands what lies beyond.
    pub(super) ends: [f64; 2],
    /// Values that are named; those beyond the ends are left out.
    pub(super) ticks: &'static [f64],
    /// Behind each of them.
    pub(super) unit: &'static str,
}

impl Axis {
    /// Values to name.
    fn named(&self) -> impl Iterator<Item = f64> + '_ {
        let [from, to] = self.ends;
        self.ticks
            .iter()
            .copied()
            .filter(move |tick| (from..=to).contains(tick))
    }

    /// Where a value lies, 0 to 1.
    fn part(&self, value: f64) -> f64 {
        let [from, to] = self.ends;
        ((value - from) / (to - from)).clamp(0.0, 1.0)
    }
}

impl Plot {
    /// An SVG with a line a name, from points of names and both values.
    pub(super) fn draw(&self, points: &[(&str, f64, f64)]) -> String {
        let mut lines: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        for &(name, x, y) in points {
            lines.entry(name).or_default().push((x, y));
        }
        // The highest at its left end first, as the lines lie there.
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
         <text x=\"{}\" y=\"24\" font-size=\"15\">{}</text>\n",
            AT[0], self.title
        );
        for value in self.y.named() {
            let y = self.y_px(value);
            let _ = writeln!(
                svg,
                "<path d=\"M{} {y:.1}h{}\" stroke=\"#ccc\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}{}</text>",
                AT[0],
                FIELD[0],
                AT[0] - 8.0,
                y + 4.0,
                self.y.unit
            );
        }
        for value in self.x.named() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}{}</text>",
                self.x_px(value),
                AT[1] + FIELD[1] + 20.0,
                self.x.unit
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            AT[0] + FIELD[0] / 2.0,
            AT[1] + FIELD[1] + 40.0,
            self.x.label
        );
        for (index, (name, line)) in lines.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let dash = DASHES[index / COLOURS.len() % DASHES.len()];
            let mut path = String::new();
            for (x, y) in line {
                let command = if path.is_empty() { 'M' } else { 'L' };
                let _ = write!(path, "{command}{:.1} {:.1}", self.x_px(*x), self.y_px(*y));
            }
            let (x, y) = (AT[0] + FIELD[0] + 16.0, AT[1] + 14.0 + index as f64 * LINE);
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <path d=\"M{x} {y}h26\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
                x + 34.0,
                y + 4.0,
                name.replace('&', "&amp;").replace('<', "&lt;")
            );
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn x_px(&self, value: f64) -> f64 {
        AT[0] + self.x.part(value) * FIELD[0]
    }

    fn y_px(&self, value: f64) -> f64 {
        AT[1] + (1.0 - self.y.part(value)) * FIELD[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_a_line_and_more_is_higher() {
        let axis = |ends| Axis {
            label: "tokens kept",
            ends,
            ticks: &[10.0, 50.0, 100.0],
            unit: " %",
        };
        let plot = Plot {
            title: "kept",
            x: axis([10.0, 80.0]),
            y: axis([40.0, 104.0]),
        };
        let svg = plot.draw(&[("a", 50.0, 90.0), ("a", 15.0, 60.0), ("b & c", 50.0, 99.0)]);
        assert_eq!(svg.matches("fill=\"none\"").count(), 2);
        assert!(svg.contains("b &amp; c") && svg.ends_with("</svg>\n"));
        assert!(svg.contains(">10 %<") && svg.contains(">100 %<") && svg.contains(">tokens kept<"));
        assert!(plot.y_px(99.0) < plot.y_px(60.0) && plot.x_px(15.0) < plot.x_px(50.0));
        assert_eq!(plot.y_px(3.0), plot.y_px(40.0));
    }
}
