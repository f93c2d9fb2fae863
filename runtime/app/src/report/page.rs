//! Puts the data and the page's own style and scripts into one HTML file that loads nothing.

use super::data::ReportData;
use anyhow::Context as _;

const PAGE: &str = include_str!("page/report.html");
const STYLE: &str = include_str!("page/report.css");
/// In the order they run; all share one scope.
const SCRIPTS: [&str; 7] = [
    include_str!("page/model.js"),
    include_str!("page/scene.js"),
    include_str!("page/camera.js"),
    include_str!("page/charts.js"),
    include_str!("page/keyframes.js"),
    include_str!("page/tables.js"),
    include_str!("page/report.js"),
];

/// The page as HTML text.
pub(super) fn render(data: &ReportData) -> anyhow::Result<String> {
    let json = serde_json::to_string(data).context("the report's data cannot be written")?;
    fill(PAGE, |slot, page| {
        match slot {
            "title" => push_text(&data.title, page),
            "style" => page.push_str(STYLE),
            "data" => push_json(&json, page),
            "scripts" => SCRIPTS.iter().for_each(|s| page.push_str(s)),
            _ => return false,
        }
        true
    })
}

/// A template with its slots `{{name}}` filled; `slot` says whether it knows a name.
pub(crate) fn fill(
    template: &str,
    mut slot: impl FnMut(&str, &mut String) -> bool,
) -> anyhow::Result<String> {
    let mut page = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after
            .split_once("}}")
            .context("a slot of the page's template is not closed")?;
        page.push_str(before);
        if !slot(name, &mut page) {
            anyhow::bail!("the page's template has an unknown slot {name}");
        }
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// JSON inside a script element: no character that could end the element or open a comment.
pub(crate) fn push_json(json: &str, page: &mut String) {
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                page.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => page.push(c),
        }
    }
}

/// Text between tags.
pub(crate) fn push_text(text: &str, page: &mut String) {
    for c in text.chars() {
        match c {
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '&' => page.push_str("&amp;"),
            _ => page.push(c),
        }
    }
}
