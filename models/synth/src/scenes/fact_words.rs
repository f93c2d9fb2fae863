//! Which words of captions carry facts: where two captions differ in one, they say different things.

use super::caption;
use super::grammar::{Part, Phrase, TEMPLATES, phrases};
use std::collections::{BTreeMap, BTreeSet};

/// Words within phrases that stand in one value's only by chance.
const FUNCTION: [&str; 6] = ["us", "or", "our", "to", "on", "for"];

/// The words that tell a value from the others of its fact, or a class from the others, sorted.
///
/// A word counts that stands in the phrases of one value only; of a phrase without such a word all words
/// count. Words that templates and frames are made of do not count.
#[must_use]
pub fn fact_words() -> Vec<String> {
    let mut all: Vec<Phrase> = [phrases("one"), phrases("many")]
        .into_iter()
        .flatten()
        .collect();
    let mut plain: BTreeSet<String> = caption::glue().into_iter().collect();
    plain.extend(FUNCTION.map(str::to_owned));
    for part in TEMPLATES.iter().flat_map(|template| &template.parts) {
        match part {
            Part::Word(word) => drop(plain.insert(word.clone())),
            Part::Slot(choices) => all.extend(choices.iter().map(Phrase::clone)),
        }
    }
    // By key and word the values in whose phrases it stands.
    let mut values: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for phrase in &all {
        for word in &phrase.words {
            let of = values.entry((&phrase.key, word)).or_default();
            of.insert(&phrase.value);
        }
    }
    let mut found = BTreeSet::new();
    for phrase in &all {
        let content = || phrase.words.iter().filter(|word| !plain.contains(*word));
        let telling = |word: &&String| values[&(phrase.key.as_str(), word.as_str())].len() == 1;
        match content().any(|word| telling(&word)) {
            true => found.extend(content().filter(telling).cloned()),
            false => found.extend(content().cloned()),
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_tell_values_apart_count_and_those_around_them_do_not() {
        let words = fact_words();
        for word in [
            "left", "ahead", "nearby", "medium", "night", "foggy", "red", "two", "no", "truck",
            "foot", "zebra",
        ] {
            assert!(words.iter().any(|w| w == word), "{word}");
        }
        for word in [
            "the", "nearest", "is", ".", "light", "side", "weather", "we", "us",
        ] {
            assert!(!words.iter().any(|w| w == word), "{word}");
        }
    }
}
