//! A picture of what each layer costs when it alone is quantised.

use drafthorse_quantise::sensitivity::LayerLoss;
use std::fmt::Write as _;

const ROW: usize = 22;
const NAMES: usize = 320;
const BARS: usize = 480;

/// An SVG of horizontal bars on a logarithmic scale, from 1e-9 to the worst, as they come.
pub(super) fn plot(layers: &[LayerLoss]) -> String {
    const LEAST: f64 = 1e-9;
    let worst = layers.iter().map(|layer| layer.cosine_loss);
    let worst = worst.fold(LEAST * 10.0, f64::max);
    let decades = (worst / LEAST).log10();
    let (width, height) = (NAMES + BARS + 110, layers.len() * ROW + 50);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"22\" font-size=\"15\">1 - cosine of the worst output when only this layer is quantised (logarithmic)</text>\n"
    );
    for (index, layer) in layers.iter().enumerate() {
        let y = 38 + index * ROW;
        let part = (layer.cosine_loss.max(LEAST) / LEAST).log10() / decades;
        let length = part * BARS as f64;
        // Writing into a String cannot fail.
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{NAMES}\" y=\"{y}\" width=\"{length:.1}\" height=\"16\" fill=\"#2a6f97\"/>\
             <text x=\"{:.1}\" y=\"{}\">{:.1e}</text>",
            NAMES - 8,
            y + 13,
            escape(&layer.layer),
            NAMES as f64 + length + 6.0,
            y + 13,
            layer.cosine_loss
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn escape(text: &str) -> String {
    let short: String = text.chars().take(44).collect();
    short
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
