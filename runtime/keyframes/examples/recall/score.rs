//! Incidents that keyframes hit: within half a second, one incident a keyframe.

use drafthorse_synth::Incident;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A keyframe this near to an incident shows it, ns.
const NEAR_NS: u64 = 500_000_000;

/// Recall by way of choosing, a drive each, and hits by kind of incident.
#[derive(Default)]
pub(crate) struct Scores {
    ways: Vec<Way>,
}

#[derive(Default)]
struct Way {
    name: &'static str,
    recall: Vec<f64>,
    kinds: BTreeMap<String, (u32, u32)>,
}

impl Scores {
    /// Adds one drive's keyframes.
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        keyframes: &[u64],
        incidents: &[(Incident, u64)],
    ) {
        let place = self.ways.iter().position(|way| way.name == name);
        let place = place.unwrap_or_else(|| {
            self.ways.push(Way {
                name,
                ..Way::default()
            });
            self.ways.len() - 1
        });
        let hits = hits(keyframes, incidents);
        let way = &mut self.ways[place];
        let share = hits.iter().filter(|hit| **hit).count() as f64 / incidents.len().max(1) as f64;
        way.recall.push(share);
        for ((incident, _), hit) in incidents.iter().zip(hits) {
            let kind = json!(incident.kind).as_str().unwrap_or_default().to_owned();
            let count = way.kinds.entry(kind).or_default();
            *count = (count.0 + u32::from(hit), count.1 + 1);
        }
    }

    pub(crate) fn json(&self) -> Value {
        let ways = self.ways.iter().map(|way| {
            let (mean, deviation) = way.spread();
            let value = json!({
                "recall": mean, "deviation": deviation, "drives": way.recall.len(),
                "least": way.recall.iter().copied().fold(1.0, f64::min),
                "kinds": way.kinds,
            });
            (way.name.to_owned(), value)
        });
        Value::Object(ways.collect())
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::from("| way | recall | deviation | least |\n|---|---|---|---|\n");
        for way in &self.ways {
            let (mean, deviation) = way.spread();
            let least = way.recall.iter().copied().fold(1.0, f64::min);
            text += &format!(
                "| {} | {mean:.3} | {deviation:.3} | {least:.2} |\n",
                way.name
            );
        }
        text
    }
}

impl Way {
    fn spread(&self) -> (f64, f64) {
        let count = self.recall.len().max(1) as f64;
        let mean = self.recall.iter().sum::<f64>() / count;
        let squares: f64 = self.recall.iter().map(|r| (r - mean).powi(2)).sum();
        (mean, (squares / count).sqrt())
    }
}

/// Which incidents are hit: the nearest pairs first.
fn hits(keyframes: &[u64], incidents: &[(Incident, u64)]) -> Vec<bool> {
    let mut pairs = Vec::new();
    for (k, keyframe) in keyframes.iter().enumerate() {
        for (i, (_, at_ns)) in incidents.iter().enumerate() {
            let off_ns = keyframe.abs_diff(*at_ns);
            if off_ns <= NEAR_NS {
                pairs.push((off_ns, i, k));
            }
        }
    }
    pairs.sort_unstable();
    let mut hit = vec![false; incidents.len()];
    let mut used = vec![false; keyframes.len()];
    for (_, i, k) in pairs {
        if !hit[i] && !used[k] {
            (hit[i], used[k]) = (true, true);
        }
    }
    hit
}
