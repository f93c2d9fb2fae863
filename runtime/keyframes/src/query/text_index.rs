//! Texts of a log compared with a query, without a language model: words and groups of words that mean the
//! same, weighed by how rare they are among the texts (TF-IDF), and runs of three letters for words that are
//! spelt alike. It knows what its word list knows; it is no sentence embedding.

use super::vocabulary::sense_of;
use super::words::{is_filler, stem, words};
use std::collections::BTreeMap;

/// Weight of a word's runs of letters together, beside the word's own of 1.
const LETTERS: f32 = 0.5;
/// Texts that share less than this with a query have nothing to do with it.
const LEAST: f32 = 0.12;

type Terms = BTreeMap<String, f32>;

/// Texts that queries are compared with.
#[derive(Clone, Debug, Default)]
pub struct TextIndex {
    /// How rare each term is.
    rarity: BTreeMap<String, f32>,
    /// Of each text, of length 1.
    texts: Vec<Terms>,
}

impl TextIndex {
    /// An index of texts, in their order.
    #[must_use]
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let texts: Vec<Terms> = texts.into_iter().map(terms).collect();
        let mut counts: BTreeMap<String, f32> = BTreeMap::new();
        for term in texts.iter().flat_map(BTreeMap::keys) {
            *counts.entry(term.clone()).or_default() += 1.0;
        }
        let all = texts.len() as f32;
        let rarity: BTreeMap<String, f32> = counts
            .into_iter()
            .map(|(term, count)| (term, ((1.0 + all) / (1.0 + count)).ln() + 1.0))
            .collect();
        let texts = texts
            .into_iter()
            .map(|text| unit(text, &rarity, all))
            .collect();
        Self { rarity, texts }
    }

    /// How alike each text and a query are, 0 to 1: the cosine of their terms' weights, 0 where it is small.
    #[must_use]
    pub fn alike(&self, query: &str) -> Vec<f32> {
        let query = unit(terms(query), &self.rarity, self.texts.len() as f32);
        let alike = |text: &Terms| {
            let shared = query
                .iter()
                .filter_map(|(term, weight)| Some(weight * text.get(term)?));
            let cosine: f32 = shared.sum();
            ((cosine - LEAST) / (1.0 - LEAST)).clamp(0.0, 1.0)
        };
        self.texts.iter().map(alike).collect()
    }
}

/// Terms of a text and how much each counts.
fn terms(text: &str) -> Terms {
    let all = words(text);
    let mut terms = Terms::new();
    let mut at = 0;
    while at < all.len() {
        if let Some((length, sense)) = sense_of(&all[at..]) {
            *terms.entry(format!("={}", sense.name())).or_default() += 1.0;
            at += length;
            continue;
        }
        let word = &all[at];
        at += 1;
        if is_filler(word) {
            continue;
        }
        *terms.entry(stem(word).to_owned()).or_default() += 1.0;
        let letters: Vec<char> = format!("^{word}$").chars().collect();
        let runs = letters.windows(3);
        let each = LETTERS / (runs.len().max(1) as f32).sqrt();
        for run in runs {
            *terms
                .entry(run.iter().collect::<String>() + "~")
                .or_default() += each;
        }
    }
    terms
}

/// Terms weighed by rarity, those that no text has as the rarest, to the length 1.
fn unit(mut terms: Terms, rarity: &BTreeMap<String, f32>, texts: f32) -> Terms {
    let rarest = (1.0 + texts).ln() + 1.0;
    for (term, weight) in &mut terms {
        *weight *= rarity.get(term).copied().unwrap_or(rarest);
    }
    let length = terms
        .values()
        .map(|weight| weight * weight)
        .sum::<f32>()
        .sqrt();
    if length > 0.0 {
        terms.values_mut().for_each(|weight| *weight /= length);
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_words_for_the_same_thing_and_other_endings_are_found() {
        let texts = [
            "driver took over, planner hesitated",
            "ambulance behind us",
            "radar_front sensor stalled: no message for 0.6 s",
            "the vehicle brakes hard",
            "tram depot gate",
        ];
        let index = TextIndex::new(texts);
        for (query, expected) in [
            ("disengagement", 0),
            ("emergency vehicle with a siren", 1),
            ("radar dropout", 2),
            ("hard braking", 3),
            ("trams", 4),
            ("hesitating planners", 0),
        ] {
            let alike = index.alike(query);
            let best = (0..texts.len()).max_by(|a, b| alike[*a].total_cmp(&alike[*b]));
            assert_eq!(best, Some(expected), "{query}: {alike:?}");
            assert!(alike[expected] > 0.0, "{query}");
        }
        assert_eq!(index.alike("zebra"), [0.0; 5]);
    }

    proptest! {
        #[test]
        fn a_text_is_most_like_itself(texts in prop::collection::vec("[a-z]{3,8}( [a-z]{3,8}){0,4}", 1..8)) {
            let index = TextIndex::new(texts.iter().map(String::as_str));
            for (i, text) in texts.iter().enumerate() {
                let alike = index.alike(text);
                prop_assert!(alike.iter().all(|other| *other <= alike[i] + 1e-4));
                prop_assert!(alike[i] == 0.0 || alike[i] > 0.99);
            }
        }
    }
}
