//! How much of what a description tells is so.

use drafthorse_synth::scenes::{Facts, parse};
use serde::Serialize;

/// Facts told that the picture settles, those of them that are right, and all that the picture settles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Told {
    pub(super) told: u32,
    pub(super) right: u32,
    pub(super) settled: u32,
}

impl Told {
    /// What a text tells of a picture whose facts are known. One that contradicts itself is wrong there.
    pub(super) fn by(text: &str, facts: &Facts) -> Self {
        let said = parse(text);
        let told = said
            .facts
            .iter()
            .filter(|(key, _)| facts.contains_key(*key));
        let torn = said
            .contradicted
            .iter()
            .filter(|key| facts.contains_key(*key));
        let right = told
            .clone()
            .filter(|(key, value)| facts.get(*key) == Some(value));
        Self {
            told: (told.count() + torn.count()) as u32,
            right: right.count() as u32,
            settled: facts.len() as u32,
        }
    }

    pub(super) fn sum(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |a, b| Self {
            told: a.told + b.told,
            right: a.right + b.right,
            settled: a.settled + b.settled,
        })
    }

    /// Share of the facts told that are right.
    pub(super) fn accuracy(self) -> f64 {
        f64::from(self.right) / f64::from(self.told.max(1))
    }

    /// Share of the facts that the picture settles that are told, and right.
    pub(super) fn recall(self) -> f64 {
        f64::from(self.right) / f64::from(self.settled.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_settled_does_not_count_and_a_contradiction_is_wrong() {
        let fact = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let facts = Facts::from([fact("weather", "rain"), fact("light", "day")]);
        let told = |text| Told::by(text, &facts);
        let right = told("it is rainy . the nearest car is red .");
        assert_eq!((right.told, right.right, right.settled), (1, 1, 2));
        let wrong = told("it is foggy .");
        assert_eq!((wrong.told, wrong.right), (1, 0));
        let torn = told("it is rainy . the weather is foggy .");
        assert_eq!((torn.told, torn.right), (1, 0));
        let all = Told::sum([right, wrong]);
        assert!((all.accuracy() - 0.5).abs() < 1e-9 && (all.recall() - 0.25).abs() < 1e-9);
    }
}
