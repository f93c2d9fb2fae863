//! The language of captions: phrases for facts, templates around phrases, sentences around
//! templates. What builds a caption also reads one: the parser looks for the same templates.

use super::facts::{Facts, values};
use crate::shard::CLASSES;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// A phrase that stands for a fact, or names a class.
#[derive(Clone)]
pub(crate) struct Phrase {
    /// `weather`, or `where` of whichever class is named beside it, or `count.car`.
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) words: Vec<String>,
}

/// A part of a template.
pub(crate) enum Part {
    Word(String),
    /// Any phrase of this slot.
    Slot(Vec<Phrase>),
}

/// A template: it states the facts of its slots.
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
    /// Stands alone; others are listed in a sentence.
    pub(crate) sentence: bool,
}

/// Key of the phrases that name a class.
pub(crate) const CLASS: &str = "class";

const SENTENCES: [&str; 18] = [
    "it is {light.told} and {weather.told}",
    "it is {light.told} with {weather.thing}",
    "it is {weather.told}",
    "the weather is {weather.told}",
    "this is a scene at {light.thing} in {weather.thing}",
    "a {weather.told} street at {light.thing}",
    "the light is that of {light.thing}",
    "the nearest {one} is {where}",
    "the nearest {one} is {band}",
    "the closest {one} is {where} and {band}",
    "the nearest {one} is {band} , {where}",
    "{where} is the nearest {one}",
    "the nearest {car} is {colour}",
    "the closest {car} , {where} , is {colour}",
    "the nearest {car} is {colour} and {band}",
    "the nearest {car} is {colour} , {band} and {where}",
    "{ahead}",
    "{signal.told}",
];

const LISTED: [&str; 10] = [
    "{weather.thing}",
    "{count}",
    "{count}",
    "{count}",
    "{count}",
    "{present}",
    "{signal.thing}",
    "{zebra}",
    "the nearest {car} in {colour}",
    "the nearest {one} {where}",
];

/// Words for values: slot, key, value, phrases.
const WORDS: &[(&str, &str, &str, &[&str])] = &[
    ("weather.told", "weather", "clear", &["clear", "dry"]),
    (
        "weather.told",
        "weather",
        "drizzle",
        &["drizzly", "a little wet"],
    ),
    ("weather.told", "weather", "rain", &["rainy", "very wet"]),
    ("weather.told", "weather", "fog", &["foggy", "misty"]),
    (
        "weather.thing",
        "weather",
        "clear",
        &["clear air", "dry weather"],
    ),
    (
        "weather.thing",
        "weather",
        "drizzle",
        &["drizzle", "light rain"],
    ),
    ("weather.thing", "weather", "rain", &["rain", "heavy rain"]),
    ("weather.thing", "weather", "fog", &["fog", "thick fog"]),
    ("light.told", "light", "day", &["daytime", "broad daylight"]),
    (
        "light.told",
        "light",
        "low-sun",
        &["bright with a low sun", "sunny and the sun is low"],
    ),
    ("light.told", "light", "dusk", &["dusk", "getting dark"]),
    ("light.told", "light", "night", &["night", "dark"]),
    ("light.thing", "light", "day", &["day", "midday"]),
    ("light.thing", "light", "low-sun", &["low sun", "sunset"]),
    ("light.thing", "light", "dusk", &["dusk", "nightfall"]),
    ("light.thing", "light", "night", &["night", "night-time"]),
    (
        "where",
        "where",
        "left",
        &["on the left", "to our left", "on the left side"],
    ),
    (
        "where",
        "where",
        "ahead",
        &["straight ahead", "ahead", "in front of us"],
    ),
    (
        "where",
        "where",
        "right",
        &["on the right", "to our right", "on the right side"],
    ),
    (
        "band",
        "band",
        "close",
        &["close", "nearby", "only a few metres away"],
    ),
    (
        "band",
        "band",
        "medium",
        &["at medium distance", "some way off"],
    ),
    (
        "band",
        "band",
        "far",
        &["far away", "in the distance", "far off"],
    ),
    (
        "ahead",
        "ahead",
        "nobody",
        &["nobody is ahead of us", "the way ahead is free"],
    ),
    (
        "ahead",
        "ahead",
        "car",
        &["the first road user ahead is a car", "a car is first ahead"],
    ),
    (
        "ahead",
        "ahead",
        "truck",
        &[
            "the first road user ahead is a truck",
            "a truck is first ahead",
        ],
    ),
    (
        "ahead",
        "ahead",
        "cyclist",
        &[
            "the first road user ahead is a cyclist",
            "a cyclist is first ahead",
        ],
    ),
    (
        "ahead",
        "ahead",
        "pedestrian",
        &[
            "the first road user ahead is a pedestrian",
            "a pedestrian is first ahead",
        ],
    ),
    (
        "signal.told",
        "signal",
        "red",
        &["the traffic light is red", "the traffic light shows red"],
    ),
    (
        "signal.told",
        "signal",
        "green",
        &[
            "the traffic light is green",
            "the traffic light shows green",
        ],
    ),
    (
        "signal.told",
        "signal",
        "none",
        &["there is no traffic light", "no traffic light is in sight"],
    ),
    ("signal.thing", "signal", "red", &["a red traffic light"]),
    (
        "signal.thing",
        "signal",
        "green",
        &["a green traffic light"],
    ),
    ("signal.thing", "signal", "none", &["no traffic light"]),
    (
        "zebra",
        "zebra",
        "yes",
        &["a zebra crossing", "a crossing for people on foot"],
    ),
    (
        "zebra",
        "zebra",
        "no",
        &["no zebra crossing", "no crossing for people on foot"],
    ),
];

/// Names of each class, one and many.
const NAMES: [[&[&str]; 2]; 4] = [
    [&["car"], &["cars"]],
    [&["truck", "lorry"], &["trucks", "lorries"]],
    [
        &["cyclist", "person on a bicycle"],
        &["cyclists", "people on bicycles"],
    ],
    [
        &["pedestrian", "person on foot"],
        &["pedestrians", "people on foot"],
    ],
];

const NUMBERS: [&[&str]; 5] = [
    &["no"],
    &["one", "a single"],
    &["two", "a pair of"],
    &["three"],
    &["four or more", "many"],
];

/// All templates, in a fixed order.
pub(crate) static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let told = SENTENCES.iter().map(|text| template(text, true));
    told.chain(LISTED.iter().map(|text| template(text, false)))
        .collect()
});

fn template(text: &str, sentence: bool) -> Template {
    let part = |word: &str| match word.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
        Some(slot) => Part::Slot(phrases(slot)),
        None => Part::Word(word.to_owned()),
    };
    Template {
        parts: text.split(' ').map(part).collect(),
        sentence,
    }
}

pub(crate) fn split(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The phrases of a slot, those of more words first, so that the parser takes the longest.
pub(crate) fn phrases(slot: &str) -> Vec<Phrase> {
    let mut all = Vec::new();
    let mut add = |key: String, value: &str, words: &str| {
        all.push(Phrase {
            key,
            value: value.to_owned(),
            words: split(words),
        });
    };
    for (class, [one, many]) in CLASSES.iter().zip(NAMES) {
        match slot {
            "one" => one
                .iter()
                .for_each(|name| add(CLASS.to_owned(), class, name)),
            "car" if *class == "car" => add(CLASS.to_owned(), class, "car"),
            "many" => many
                .iter()
                .for_each(|name| add(CLASS.to_owned(), class, name)),
            "present" => {
                let key = || format!("present.{class}");
                many.iter()
                    .for_each(|name| add(key(), "yes", &format!("some {name}")));
            }
            "count" => {
                for (n, numbers) in NUMBERS.iter().enumerate() {
                    let value = values("count")[n];
                    let names = if n == 1 { one } else { many };
                    for (number, name) in numbers
                        .iter()
                        .flat_map(|a| names.iter().map(move |b| (a, b)))
                    {
                        add(format!("count.{class}"), value, &format!("{number} {name}"));
                    }
                }
            }
            _ => {}
        }
    }
    if slot == "colour" {
        values("colour")
            .iter()
            .for_each(|c| add("colour".to_owned(), c, c));
    }
    for (_, key, value, texts) in WORDS.iter().filter(|w| w.0 == slot) {
        texts
            .iter()
            .for_each(|text| add((*key).to_owned(), value, text));
    }
    all.sort_by_key(|p| std::cmp::Reverse(p.words.len()));
    all
}

impl Phrase {
    /// The key of the fact that it states beside the name of `class`; `None` for a class's name.
    pub(crate) fn key_of(&self, class: Option<&str>) -> Option<String> {
        match self.key.as_str() {
            CLASS => None,
            "where" | "band" => Some(format!("{}.{}", self.key, class?)),
            _ => Some(self.key.clone()),
        }
    }
}

/// What a caption states.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Facts that it states, without those in which it contradicts itself.
    pub facts: Facts,
    /// Keys of facts of which it states different values.
    pub contradicted: BTreeSet<String>,
}

/// What a caption states. Words that belong to no template are passed over.
#[must_use]
pub fn parse(caption: &str) -> Statement {
    let words: Vec<String> = split(&caption.to_lowercase());
    let mut facts = Facts::new();
    let mut contradicted = BTreeSet::new();
    let mut at = 0;
    while at < words.len() {
        let matches = TEMPLATES
            .iter()
            .filter_map(|t| matched(&t.parts, &words[at..]));
        let Some((length, phrases)) = matches.max_by_key(|(length, _)| *length) else {
            at += 1;
            continue;
        };
        let class = phrases
            .iter()
            .find(|p| p.key == CLASS)
            .map(|p| p.value.as_str());
        for phrase in &phrases {
            if let Some(key) = phrase.key_of(class) {
                let first = facts.entry(key.clone()).or_insert(phrase.value.clone());
                if *first != phrase.value {
                    contradicted.insert(key);
                }
            }
        }
        at += length;
    }
    facts.retain(|key, _| !contradicted.contains(key));
    Statement {
        facts,
        contradicted,
    }
}

/// The phrases in the slots of a template that the words begin with, and how many words it takes.
fn matched<'a>(parts: &'a [Part], words: &[String]) -> Option<(usize, Vec<&'a Phrase>)> {
    let Some((first, rest)) = parts.split_first() else {
        return Some((0, Vec::new()));
    };
    match first {
        Part::Word(word) => {
            let (length, phrases) =
                (words.first() == Some(word)).then(|| matched(rest, &words[1..]))??;
            Some((length + 1, phrases))
        }
        Part::Slot(choices) => choices.iter().find_map(|phrase| {
            let (length, mut phrases) = words
                .starts_with(&phrase.words)
                .then(|| matched(rest, &words[phrase.words.len()..]))??;
            phrases.insert(0, phrase);
            Some((length + phrase.words.len(), phrases))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_in_two_ways_is_a_contradiction_and_no_fact() {
        let said = parse("we see two cars . the traffic light is red . we see three cars .");
        assert_eq!(said.contradicted, ["count.car".to_owned()].into());
        let red = ("signal".to_owned(), "red".to_owned());
        assert_eq!(said.facts, [red].into());
        let said = parse("we see two cars . a pair of cars can be seen .");
        assert!(said.contradicted.is_empty() && said.facts["count.car"] == "2");
    }
}
