//! What a network did in a run, and how an engine asked again compares with the log.

use drafthorse_detector::CrossCheck;
use drafthorse_engine::{Agreement, Tolerance};
use drafthorse_record::messages::drafthorse::NetworkAnswer;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a network did, over all its sensors.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NetworkSummary {
    /// Pictures or scans answered, by engine and file.
    pub answers: BTreeMap<String, u64>,
    /// Pictures or scans that no engine could answer.
    pub failures: u64,
    /// Times that an engine failed and another stepped in; counted in runs, not in replays.
    pub handovers: u64,
    /// In a replay: answers of the log that were not asked for.
    pub unasked: u64,
    /// Present where a replay asked an engine again.
    pub check: Option<NetworkCheck>,
    /// Of a network over radar scans: how its boxes agree with the clusters.
    pub clusters: Option<ClusterCheck>,
}

/// Boxes of a network against the clusters of the same scans, where the network looks.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ClusterCheck {
    /// Scans that the network answered.
    pub scans: u64,
    /// Scans that it did not answer, whose clusters became the detections.
    pub stood_in: u64,
    /// Boxes.
    pub boxes: u64,
    /// Clusters.
    pub clusters: u64,
    /// Found by both.
    pub both: u64,
    /// The share found by both of all that was found, 0 to 1.
    pub agreement: Option<f64>,
}

impl ClusterCheck {
    /// Counts a scan: none where the network did not answer.
    pub fn count(&mut self, check: Option<CrossCheck>) {
        let Some(check) = check else {
            self.stood_in += 1;
            return;
        };
        let [boxes, clusters, both] = [check.boxes, check.clusters, check.both].map(u64::from);
        self.add(&Self {
            scans: 1,
            boxes,
            clusters,
            both,
            ..Self::default()
        });
    }

    fn add(&mut self, other: &Self) {
        self.scans += other.scans;
        self.stood_in += other.stood_in;
        self.boxes += other.boxes;
        self.clusters += other.clusters;
        self.both += other.both;
        let found = self.boxes + self.clusters - self.both;
        self.agreement = (found > 0).then(|| self.both as f64 / found as f64);
    }

    /// For people.
    pub fn words(&self) -> String {
        if self.scans == 0 {
            return format!("no answer; clusters stood in for {} scans", self.stood_in);
        }
        let mut words = match self.agreement {
            Some(share) => format!(
                "{:.0} % of what it or the clusters found was found by both",
                100.0 * share
            ),
            None => "neither it nor the clusters found anything".to_owned(),
        };
        if self.stood_in > 0 {
            words += &format!(", clusters stood in for {} scans", self.stood_in);
        }
        words
    }
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
        let [engine, version, file] = [&answer.engine, &answer.engine_version, &answer.file];
        // Asked at each answer: no words are made for what is known.
        let mut known = self.answers.iter_mut();
        let is_it = |by: &str| {
            let by = by
                .strip_prefix(engine.as_str())
                .and_then(|by| by.strip_prefix(' '));
            let by = by.and_then(|by| by.strip_prefix(version.as_str()));
            by.and_then(|by| by.strip_prefix(" with ")) == Some(file)
        };
        match known.find(|(by, _)| is_it(by)) {
            Some((_, count)) => *count += 1,
            None => {
                self.answers.insert(answered_by(answer), 1);
            }
        }
    }

    /// Joins that of another sensor.
    pub fn merge(&mut self, other: &Self) {
        for (by, count) in &other.answers {
            *self.answers.entry(by.clone()).or_default() += count;
        }
        self.failures += other.failures;
        self.handovers += other.handovers;
        self.unasked += other.unasked;
        if let Some(other) = &other.clusters {
            self.clusters.get_or_insert_default().add(other);
        }
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
            let was_asked = self.failures + self.unasked > 0;
            let words = match was_asked {
                true => "no answers",
                false => "had nothing to do: no picture or scan came for it",
            };
            parts.push(words.to_owned());
        }
        if self.failures > 0 {
            parts.push(format!("{} failed", self.failures));
        }
        if let Some(clusters) = &self.clusters {
            parts.push(clusters.words());
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
