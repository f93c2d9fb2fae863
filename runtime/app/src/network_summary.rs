//! What a network did in a run, and how an engine asked again compares with the log.

use drafthorse_engine::{Agreement, Tolerance};
use drafthorse_record::messages::drafthorse::NetworkAnswer;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a network did, over all cameras.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NetworkSummary {
    /// Pictures answered, by engine and file.
    pub answers: BTreeMap<String, u64>,
    /// Pictures that no engine could answer.
    pub failures: u64,
    /// Times that an engine failed and another stepped in; counted in runs, not in replays.
    pub handovers: u64,
    /// In a replay: answers of the log to pictures that were not asked about.
    pub unasked: u64,
    /// Present where a replay asked an engine again.
    pub check: Option<NetworkCheck>,
}

/// Fresh answers against recorded ones.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkCheck {
    /// Answers compared, by the engine that was asked again.
    pub compared: BTreeMap<String, u64>,
    /// Those of the same bytes.
    pub identical: u64,
    /// Those further off than the model's tolerance.
    pub outside: u64,
    /// Pictures that no engine could answer.
    pub failures: u64,
    /// Largest difference of an element; `null` where shapes differ.
    pub max_error: f64,
    /// Smallest cosine.
    pub min_cosine: f64,
}

impl Default for NetworkCheck {
    fn default() -> Self {
        Self {
            compared: BTreeMap::new(),
            identical: 0,
            outside: 0,
            failures: 0,
            max_error: 0.0,
            min_cosine: 1.0,
        }
    }
}

/// What gave an answer, in words: engine, its version and the model's file.
pub(crate) fn answered_by(answer: &NetworkAnswer) -> String {
    format!(
        "{} {} with {}",
        answer.engine, answer.engine_version, answer.file
    )
}

impl NetworkSummary {
    /// Counts an answer.
    pub fn count(&mut self, answer: &NetworkAnswer) {
        *self.answers.entry(answered_by(answer)).or_default() += 1;
    }

    /// Joins that of another camera.
    pub fn merge(&mut self, other: &Self) {
        for (by, count) in &other.answers {
            *self.answers.entry(by.clone()).or_default() += count;
        }
        self.failures += other.failures;
        self.handovers += other.handovers;
        self.unasked += other.unasked;
        if let Some(other) = &other.check {
            self.check.get_or_insert_default().merge(other);
        }
    }

    /// For people, in a line.
    pub fn words(&self) -> String {
        let mut parts: Vec<String> = self
            .answers
            .iter()
            .map(|(by, count)| format!("{count} answers of {by}"))
            .collect();
        if parts.is_empty() {
            parts.push("no answers".to_owned());
        }
        if self.failures > 0 {
            parts.push(format!("{} failed", self.failures));
        }
        if let Some(check) = &self.check {
            let compared: u64 = check.compared.values().sum();
            let engines: Vec<&str> = check.compared.keys().map(String::as_str).collect();
            parts.push(format!(
                "asked {} again: {} of {compared} identical, {} outside the tolerance, largest error {:.2e}, smallest cosine {:.6}",
                engines.join(", "), check.identical, check.outside, check.max_error, check.min_cosine
            ));
        }
        parts.join(", ")
    }
}

impl NetworkCheck {
    /// Counts a fresh answer of that engine.
    pub fn count(
        &mut self,
        engine: String,
        is_identical: bool,
        agreement: Agreement,
        tolerance: &Tolerance,
    ) {
        *self.compared.entry(engine).or_default() += 1;
        self.identical += u64::from(is_identical);
        // What is no number agrees with nothing, and is still the same answer.
        if is_identical {
            return;
        }
        self.outside += u64::from(!agreement.is_within(tolerance));
        self.max_error = self.max_error.max(agreement.max_error);
        self.min_cosine = self.min_cosine.min(agreement.cosine);
    }

    fn merge(&mut self, other: &Self) {
        for (engine, count) in &other.compared {
            *self.compared.entry(engine.clone()).or_default() += count;
        }
        self.identical += other.identical;
        self.outside += other.outside;
        self.failures += other.failures;
        self.max_error = self.max_error.max(other.max_error);
        self.min_cosine = self.min_cosine.min(other.min_cosine);
    }
}
