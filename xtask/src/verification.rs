//! Writes docs/verification.md: what was checked, when, on which revision, and how it ended.

use std::fmt::Write as _;

use anyhow::Context;

use crate::machine;
use crate::step::Outcome;
use crate::workspace;

/// Writes the results of a full check over the former ones.
pub(crate) fn write(outcomes: &[Outcome]) -> anyhow::Result<()> {
    let path = workspace::root().join("docs/verification.md");
    std::fs::write(&path, text(outcomes))
        .with_context(|| format!("{} could not be written", path.display()))
}

/// The document's text.
fn text(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "# Verification\n\n\
         The last result of `cargo xtask ci full`, which writes this file.\n\n",
    );
    let _ = writeln!(text, "- date: {}", machine::date());
    let _ = writeln!(text, "- revision: {}", machine::revision());
    let _ = writeln!(text, "- machine: {}", machine::processor());
    let _ = writeln!(text, "- compiler: {}", machine::compiler());
    let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
    let _ = writeln!(
        text,
        "- result: {passed} of {} steps passed\n",
        outcomes.len()
    );
    text.push_str("| step | result | seconds | command |\n|---|---|---:|---|\n");
    for outcome in outcomes {
        let verdict = if outcome.passed { "passed" } else { "FAILED" };
        let seconds = outcome.took.as_secs_f64();
        let _ = writeln!(
            text,
            "| {} | {verdict} | {seconds:.0} | `{}` |",
            outcome.name, outcome.command
        );
    }
    for outcome in outcomes.iter().filter(|outcome| !outcome.output.is_empty()) {
        let _ = writeln!(
            text,
            "\n## {}\n\n```\n{}\n```",
            outcome.name,
            outcome.output.trim_end()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_failed_step_is_counted_and_named() {
        let outcome = |name: &str, passed| Outcome {
            name: name.to_owned(),
            command: format!("run {name}"),
            passed,
            took: Duration::from_millis(1600),
            output: if passed {
                "figure\n".to_owned()
            } else {
                String::new()
            },
        };
        let text = text(&[outcome("one", true), outcome("two", false)]);
        assert!(text.contains("- result: 1 of 2 steps passed"));
        assert!(text.contains("| two | FAILED | 2 | `run two` |"));
        assert!(text.contains("## one\n\n```\nfigure\n```"));
        assert!(!text.contains("## two"));
    }
}
