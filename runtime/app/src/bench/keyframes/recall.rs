//! Recall of incidents: which share of them has a keyframe within half a second, one incident a
//! keyframe, the nearest pairs first.

use super::super::Figure;
use super::super::bootstrap::{interval, mean};
use drafthorse_synth::{Incident, IncidentKind};
use serde_json::json;

/// A keyframe this near to an incident shows it, ns.
const NEAR_NS: u64 = 500_000_000;

/// Recall by way of choosing: of each drive, and hits and misses by kind of incident.
#[derive(Default)]
pub(super) struct Recalls {
    ways: Vec<Way>,
}

struct Way {
    name: &'static str,
    drives: Vec<f64>,
    told: Vec<(IncidentKind, bool)>,
}

impl Recalls {
    /// Adds the keyframes that a way chose of a drive.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        keyframes: &[u64],
        incidents: &[(Incident, u64)],
    ) {
        let instants: Vec<u64> = incidents.iter().map(|(_, at_ns)| *at_ns).collect();
        let hits = hits(keyframes, &instants);
        let share = hits.iter().filter(|hit| **hit).count() as f64 / hits.len().max(1) as f64;
        let told = incidents
            .iter()
            .zip(hits)
            .map(|((i, _), hit)| (i.kind, hit));
        match self.ways.iter_mut().find(|way| way.name == name) {
            Some(way) => {
                way.drives.push(share);
                way.told.extend(told);
            }
            None => self.ways.push(Way {
                name,
                drives: vec![share],
                told: told.collect(),
            }),
        }
    }

    /// A figure a way: the mean over drives; beside it the drives' spread, the interval of 95 %, and
    /// the recall of each kind of incident.
    pub(super) fn figures(&self, budget: usize) -> Vec<Figure> {
        self.ways.iter().map(|way| way.figure(budget)).collect()
    }
}

impl Way {
    fn figure(&self, budget: usize) -> Figure {
        let value = mean(&self.drives);
        let squares: Vec<f64> = self.drives.iter().map(|r| (r - value).powi(2)).collect();
        let [low, high] = interval(&self.drives);
        let name = format!("keyframes.recall_at_{budget}.{}", self.name);
        let mut figure = Figure::alone(&name, value, "share");
        figure.beside.extend([
            ("drives".to_owned(), self.drives.len() as f64),
            ("deviation".to_owned(), mean(&squares).sqrt()),
            (
                "least".to_owned(),
                self.drives.iter().copied().fold(1.0, f64::min),
            ),
            ("low_95".to_owned(), low),
            ("high_95".to_owned(), high),
        ]);
        for kind in IncidentKind::ALL {
            let of_kind = self.told.iter().filter(|(told, _)| *told == kind);
            let hits: Vec<f64> = of_kind.map(|(_, hit)| f64::from(*hit)).collect();
            if let (false, Some(kind)) = (hits.is_empty(), json!(kind).as_str()) {
                figure.beside.insert(kind.to_owned(), mean(&hits));
            }
        }
        figure
    }
}

/// Which instants are hit.
fn hits(keyframes: &[u64], instants: &[u64]) -> Vec<bool> {
    let mut pairs = Vec::new();
    for (k, keyframe) in keyframes.iter().enumerate() {
        for (i, at_ns) in instants.iter().enumerate() {
            let off_ns = keyframe.abs_diff(*at_ns);
            if off_ns <= NEAR_NS {
                pairs.push((off_ns, i, k));
            }
        }
    }
    pairs.sort_unstable();
    let (mut hit, mut used) = (vec![false; instants.len()], vec![false; keyframes.len()]);
    for (_, i, k) in pairs {
        if !hit[i] && !used[k] {
            (hit[i], used[k]) = (true, true);
        }
    }
    hit
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_keyframe_hits_the_one_incident_that_is_nearest() {
        assert_eq!(
            hits(&[10 * S], &[10 * S + S / 3, 10 * S - S / 4]),
            [false, true]
        );
        assert_eq!(hits(&[10 * S, 10 * S + 1], &[10 * S]), [true]);
        assert_eq!(hits(&[10 * S], &[10 * S + S / 2 + 1]), [false]);
        // The second keyframe is left for the incident that only it can hit.
        assert_eq!(
            hits(
                &[10 * S, 10 * S + 4 * S / 10],
                &[10 * S, 10 * S + 8 * S / 10]
            ),
            [true, true]
        );
    }
}
