//! Which share of the episodes that queries mean is found, by way of choosing.

use super::super::Figure;
use super::super::bootstrap::{interval, mean};
use super::WAYS;
use super::ask::{KINDS, Kind};

/// A moment this near to an episode shows it, ns.
const NEAR_NS: u64 = 1_000_000_000;

/// Share of the episodes that have a moment within them or a second away.
pub(super) fn recall(times_ns: &[u64], episodes_ns: &[[u64; 2]]) -> f64 {
    let is_found = |[from, to]: &&[u64; 2]| {
        let span = from.saturating_sub(NEAR_NS)..=to.saturating_add(NEAR_NS);
        times_ns.iter().any(|at| span.contains(at))
    };
    episodes_ns.iter().filter(is_found).count() as f64 / episodes_ns.len().max(1) as f64
}

/// Recalls of each query by each way.
pub(super) struct Recalls {
    names: [&'static str; WAYS.len()],
    queries: Vec<(Kind, [f64; WAYS.len()], f64)>,
}

impl Recalls {
    pub(super) fn new(names: [&'static str; WAYS.len()]) -> Self {
        Self {
            names,
            queries: Vec::new(),
        }
    }

    /// Takes a query's recall by each way, and by the weights that are best for it.
    pub(super) fn add(&mut self, kind: Kind, shares: [f64; WAYS.len()], best: f64) {
        self.queries.push((kind, shares, best));
    }

    pub(super) fn queries(&self) -> usize {
        self.queries.len()
    }

    /// Mean recall of each way and of the best weights with its interval and that of each kind of query, then
    /// the first way's gain over each other one, query by query.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let mut figures = Vec::new();
        let of = |way: usize, kind: Option<Kind>| -> Vec<f64> {
            let fitting = self
                .queries
                .iter()
                .filter(|(k, ..)| kind.is_none_or(|kind| kind == *k));
            let share = |shares: &[f64], best| shares.get(way).copied().unwrap_or(best);
            fitting
                .map(|(_, shares, best)| share(shares, *best))
                .collect()
        };
        let names = self.names.iter().copied().chain(["best_weights"]);
        for (way, name) in names.enumerate() {
            let all = of(way, None);
            let mut figure = with_interval(&format!("find.recall_at_8.{name}"), &all);
            for kind in KINDS {
                figure
                    .beside
                    .insert(kind.name().to_owned(), mean(&of(way, Some(kind))));
            }
            figures.push(figure);
        }
        for (way, name) in self.names.iter().enumerate().skip(1) {
            let gains: Vec<f64> = self
                .queries
                .iter()
                .map(|(_, shares, _)| shares[0] - shares[way])
                .collect();
            let mut figure = with_interval(&format!("find.gain_over.{name}"), &gains);
            let other = mean(&of(way, None));
            if other > 0.0 {
                figure
                    .beside
                    .insert("times".to_owned(), mean(&of(0, None)) / other);
            }
            figures.push(figure);
        }
        figures
    }
}

fn with_interval(name: &str, values: &[f64]) -> Figure {
    let mut figure = Figure::alone(name, mean(values), "share");
    let [low, high] = interval(values);
    figure.beside.insert("low_95".to_owned(), low);
    figure.beside.insert("high_95".to_owned(), high);
    figure
        .beside
        .insert("queries".to_owned(), values.len() as f64);
    figure
}

#[cfg(test)]
mod tests {
    use super::recall;

    const S: u64 = 1_000_000_000;

    #[test]
    fn an_episode_is_found_by_a_moment_in_it_or_a_second_away() {
        let episodes = [[10 * S, 12 * S], [30 * S, 31 * S]];
        assert_eq!(recall(&[], &episodes), 0.0);
        assert_eq!(recall(&[11 * S, 10 * S, 9 * S], &episodes), 0.5);
        assert_eq!(recall(&[13 * S, 29 * S], &episodes), 1.0);
        assert_eq!(recall(&[13 * S + 1, 29 * S - 1], &episodes), 0.0);
    }
}
