//! What was checked, when, on which revision, and how it ended: kept in docs/verification.json, and
//! shown in docs/verification.md below what people wrote there.

use std::fmt::Write as _;
use std::fs;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::machine;
use crate::step::Outcome;
use crate::workspace;

/// Ends the part of the document that people write.
const MARKER: &str = "<!-- `cargo xtask ci full` writes what follows. -->\n";

/// The last result of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StepResult {
    step: String,
    command: String,
    passed: bool,
    seconds: u64,
    date: String,
    revision: String,
    machine: String,
    compiler: String,
    output: String,
}

impl From<&Outcome> for StepResult {
    fn from(outcome: &Outcome) -> Self {
        Self {
            step: outcome.name.clone(),
            command: outcome.command.clone(),
            passed: outcome.passed,
            seconds: outcome.took.as_secs(),
            date: machine::date(),
            revision: machine::revision(),
            machine: machine::processor(),
            compiler: machine::compiler(),
            output: anywhere(outcome.output.trim_end()),
        }
    }
}

/// The output without the folders of this machine.
fn anywhere(output: &str) -> String {
    let root = format!("{}/", workspace::root().display());
    let output = output.replace(&root, "");
    match std::env::var("HOME") {
        Ok(home) if home.len() > 1 => output.replace(&home, "~"),
        _ => output,
    }
}

/// Writes the result of a step over its former one; those of the other steps stay. `order` names
/// all steps there are.
pub(crate) fn write(outcome: &Outcome, order: &[String]) -> anyhow::Result<()> {
    let docs = workspace::root().join("docs");
    let (record, page) = (docs.join("verification.json"), docs.join("verification.md"));
    let former = match fs::read_to_string(&record) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("{} cannot be read; remove it", record.display()))?,
        Err(_) => Vec::new(),
    };
    let results = join(former, outcome.into(), order);
    fs::write(&record, serde_json::to_string_pretty(&results)? + "\n")
        .with_context(|| format!("{} could not be written", record.display()))?;
    let written = fs::read_to_string(&page).unwrap_or_default();
    let people = written.split(MARKER).next().unwrap_or_default();
    fs::write(&page, format!("{people}{MARKER}{}", text(&results)))
        .with_context(|| format!("{} could not be written", page.display()))
}

/// The results with a new one among them, in the order of the steps.
fn join(former: Vec<StepResult>, new: StepResult, order: &[String]) -> Vec<StepResult> {
    let mut results: Vec<_> = former
        .into_iter()
        .filter(|result| result.step != new.step && order.contains(&result.step))
        .collect();
    results.push(new);
    results.sort_by_key(|result| order.iter().position(|step| *step == result.step));
    results
}

/// The generated part of the document.
fn text(results: &[StepResult]) -> String {
    let mut text = String::from(
        "\n## Last results of `cargo xtask ci full`\n\n\
         | step | result | seconds | date | revision | command |\n|---|---|---:|---|---|---|\n",
    );
    for result in results {
        let verdict = if result.passed { "passed" } else { "FAILED" };
        let StepResult {
            step,
            seconds,
            date,
            revision,
            command,
            ..
        } = result;
        let _ = writeln!(
            text,
            "| {step} | {verdict} | {seconds} | {date} | {revision} | `{command}` |"
        );
    }
    for result in results.iter().filter(|result| !result.output.is_empty()) {
        let _ = writeln!(
            text,
            "\n### {}\n\n{}, {}\n\n```\n{}\n```",
            result.step, result.machine, result.compiler, result.output
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(step: &str, passed: bool) -> StepResult {
        StepResult {
            step: step.to_owned(),
            command: format!("run {step}"),
            passed,
            seconds: 2,
            date: "today".to_owned(),
            revision: "abc".to_owned(),
            machine: "a machine".to_owned(),
            compiler: "rustc".to_owned(),
            output: if passed { "figure" } else { "" }.to_owned(),
        }
    }

    #[test]
    fn folders_of_this_machine_are_not_told() {
        let here = workspace::root().join("target/bundles/a.tar.zst");
        let told = anywhere(&format!("bundle   {}", here.display()));
        assert_eq!(told, "bundle   target/bundles/a.tar.zst");
    }

    #[test]
    fn a_failed_step_is_named() {
        let text = text(&[result("one", true), result("two", false)]);
        assert!(text.contains("| one | passed | 2 | today | abc | `run one` |"));
        assert!(text.contains("| two | FAILED | 2 | today | abc | `run two` |"));
        assert!(text.contains("### one\n\na machine, rustc\n\n```\nfigure\n```"));
        assert!(!text.contains("### two"));
    }

    #[test]
    fn a_step_replaces_its_own_result_alone() {
        let order = ["one", "two", "three"].map(str::to_owned);
        let former = vec![
            result("one", true),
            result("gone", true),
            result("two", true),
        ];
        let joined = join(former, result("one", false), &order);
        assert_eq!(joined, [result("one", false), result("two", true)]);
        let joined = join(joined, result("three", true), &order);
        assert_eq!(joined.len(), 3);
        assert_eq!(joined[2].step, "three");
    }
}
