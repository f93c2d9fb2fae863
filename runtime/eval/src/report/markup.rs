//! The small pieces of markup that all panels use.

use std::fmt::Write as _;

/// Text that cannot be taken for markup.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(c),
        }
    }
    safe
}

/// A number with so many decimals, without a minus before nothing.
pub(super) fn figure(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(bare) if bare.chars().all(|c| c == '0' || c == '.') => bare.to_owned(),
        _ => text,
    }
}

/// Begins a panel; `kind` is `panel` or `panel wide`.
pub(super) fn open_panel(kind: &str, title: &str, aside: &str, page: &mut String) {
    let title = escaped(title);
    let _ = write!(
        page,
        "<section class=\"{kind}\" aria-label=\"{title}\"><div class=\"head\"><h2>{title}</h2><span class=\"muted small\">{}</span></div>",
        escaped(aside)
    );
}

/// Ends a panel.
pub(super) fn close_panel(page: &mut String) {
    page.push_str("</section>\n");
}

/// A table: each heading with whether its column holds numbers; rows of ready markup, each with its
/// class.
pub(super) fn push_table(
    headings: &[(String, bool)],
    rows: &[(&str, Vec<String>)],
    page: &mut String,
) {
    let kind = |numeric: bool| if numeric { " class=\"n\"" } else { "" };
    page.push_str("<div class=\"scroll\"><table><thead><tr>");
    for (heading, numeric) in headings {
        let _ = write!(
            page,
            "<th scope=\"col\"{}>{}</th>",
            kind(*numeric),
            escaped(heading)
        );
    }
    page.push_str("</tr></thead><tbody>");
    for (name, cells) in rows {
        let _ = write!(page, "<tr class=\"{name}\">");
        for (cell, (_, numeric)) in cells.iter().zip(headings) {
            let _ = write!(page, "<td{}>{cell}</td>", kind(*numeric));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div>");
}
