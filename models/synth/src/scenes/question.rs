//! Questions about a scene, with the answers that its facts give.

use super::facts::{Facts, keys, values};
use super::grammar::phrases;
use super::object::{Object, Verdict};
use crate::rng::Rng;
use crate::shard::CLASSES;
use serde::Serialize;
use std::collections::BTreeMap;

/// A question with its answer, both in words divided by spaces.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// `weather`, `count` and so on: the fact's key without its class.
    pub kind: String,
    /// Index of the class that is asked about, where there is one.
    pub class: Option<usize>,
    /// Whether it is about road users (`objects`), what stands by the road (`road`), or the whole
    /// scene (`scene`).
    pub about: &'static str,
    /// The question.
    pub text: String,
    /// One of [`values`] of its kind.
    pub answer: String,
    /// The road users that it is about: those shown of the class, or all.
    pub objects: Vec<u32>,
}

/// Wordings by kind; `{one}` and `{many}` name the class.
const WORDINGS: [(&str, &str, [&str; 3]); 10] = [
    (
        "weather",
        "scene",
        [
            "what is the weather ?",
            "how is the weather ?",
            "which weather do we have ?",
        ],
    ),
    (
        "light",
        "scene",
        [
            "what is the light ?",
            "which time of day is it ?",
            "how is the light ?",
        ],
    ),
    (
        "signal",
        "road",
        [
            "what does the traffic light show ?",
            "which colour has the traffic light ?",
            "is the traffic light red or green ?",
        ],
    ),
    (
        "zebra",
        "road",
        [
            "is there a zebra crossing ahead ?",
            "does the picture show a zebra crossing ?",
            "do we come to a zebra crossing ?",
        ],
    ),
    (
        "ahead",
        "objects",
        [
            "who is first ahead ?",
            "what is the first road user ahead ?",
            "which road user is in front of us ?",
        ],
    ),
    (
        "colour",
        "objects",
        [
            "which colour has the nearest car ?",
            "what colour is the closest car ?",
            "how is the nearest car painted ?",
        ],
    ),
    (
        "count",
        "objects",
        [
            "how many {many} are there ?",
            "how many {many} do we see ?",
            "count the {many} .",
        ],
    ),
    (
        "present",
        "objects",
        [
            "is there a {one} ?",
            "do we see any {many} ?",
            "are there {many} ?",
        ],
    ),
    (
        "where",
        "objects",
        [
            "where is the nearest {one} ?",
            "on which side is the closest {one} ?",
            "where do we see the nearest {one} ?",
        ],
    ),
    (
        "band",
        "objects",
        [
            "how far is the nearest {one} ?",
            "how far away is the closest {one} ?",
            "is the nearest {one} close or far ?",
        ],
    ),
];

/// All words of questions and answers.
pub(crate) fn words() -> Vec<String> {
    let texts = WORDINGS.iter().flat_map(|(_, _, texts)| texts.iter());
    let mut words: Vec<String> = texts
        .flat_map(|t| t.split(' ').map(str::to_owned))
        .collect();
    words.retain(|w| !w.starts_with('{'));
    words.extend(
        keys()
            .iter()
            .flat_map(|k| values(k))
            .map(|v| (*v).to_owned()),
    );
    words
}

/// Asks so that no answer to a question is common: of `t` times that a question (its kind and class)
/// of `n` possible answers is asked, none is the answer more than `(1/n + 0.08) t + 6` times.
#[derive(Default)]
pub(crate) struct Balance {
    answers: BTreeMap<String, BTreeMap<String, u64>>,
    kinds: BTreeMap<String, u64>,
}

impl Balance {
    /// Questions so far, by fact and answer.
    #[must_use]
    pub(crate) fn answers(&self) -> &BTreeMap<String, BTreeMap<String, u64>> {
        &self.answers
    }

    fn allows(&self, key: &str, answer: &str) -> bool {
        const FREE: f64 = 6.0;
        let share = 1.0 / values(key).len() as f64 + 0.08;
        let Some(counts) = self.answers.get(key) else {
            return true;
        };
        let total: u64 = counts.values().sum();
        let own = counts.get(answer).copied().unwrap_or(0);
        (own + 1) as f64 <= FREE + share * (total + 1) as f64
    }

    /// At most `most` questions about a scene, of the kinds that were asked least.
    pub(crate) fn ask(
        &mut self,
        facts: &Facts,
        objects: &[Object],
        most: usize,
        rng: &mut Rng,
    ) -> Vec<Question> {
        let mut asked = Vec::new();
        let mut left: Vec<(&String, &String)> = facts.iter().collect();
        while asked.len() < most {
            left.retain(|(key, answer)| self.allows(key, answer));
            let kind = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
            let rank =
                |(key, _): &(&String, &String)| self.kinds.get(&kind(key)).copied().unwrap_or(0);
            let Some(least) = left.iter().map(rank).min() else {
                break;
            };
            let rarest: Vec<usize> = (0..left.len())
                .filter(|i| rank(&left[*i]) == least)
                .collect();
            let (key, answer) = left.swap_remove(rarest[rng.index(rarest.len())]);
            let Some(question) = question(key, answer, objects, rng) else {
                continue;
            };
            *self.kinds.entry(kind(key)).or_default() += 1;
            let counts = self.answers.entry(key.clone()).or_default();
            *counts.entry(answer.clone()).or_default() += 1;
            asked.push(question);
        }
        asked
    }
}

fn question(key: &str, answer: &str, objects: &[Object], rng: &mut Rng) -> Option<Question> {
    let (kind, class) = key
        .split_once('.')
        .map_or((key, None), |(k, c)| (k, Some(c)));
    let class = class.and_then(|name| CLASSES.iter().position(|c| *c == name));
    let (_, about, texts) = WORDINGS.iter().find(|w| w.0 == kind)?;
    let named = |slot: &str, rng: &mut Rng| {
        let names: Vec<_> = phrases(slot)
            .into_iter()
            .filter(|p| class.is_some_and(|c| p.value == CLASSES[c]))
            .collect();
        if names.is_empty() {
            String::new()
        } else {
            names[rng.index(names.len())].words.join(" ")
        }
    };
    let text = texts[rng.index(texts.len())];
    let text = text
        .replace("{one}", &named("one", rng))
        .replace("{many}", &named("many", rng));
    let meant = |o: &&Object| {
        o.verdict == Verdict::Shown && class.is_none_or(|c| usize::from(o.class) == c)
    };
    let objects = if *about == "objects" {
        objects.iter().filter(meant).map(|o| o.id).collect()
    } else {
        Vec::new()
    };
    Some(Question {
        kind: kind.to_owned(),
        class,
        about,
        text,
        answer: answer.to_owned(),
        objects,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_is_common_however_common_its_scenes_are() {
        let mut rng = Rng::new(1, 41);
        let mut balance = Balance::default();
        for _ in 0..4000 {
            let rare = rng.chance(0.15);
            let mut facts = Facts::new();
            facts.insert(
                "weather".to_owned(),
                if rare {
                    values("weather")[rng.index(4)]
                } else {
                    "clear"
                }
                .to_owned(),
            );
            facts.insert(
                "zebra".to_owned(),
                if rare { "yes" } else { "no" }.to_owned(),
            );
            balance.ask(&facts, &[], 8, &mut rng);
        }
        for (key, counts) in balance.answers() {
            let total: u64 = counts.values().sum();
            let most = counts.values().max().copied().unwrap_or(0);
            let share = most as f64 / total as f64;
            assert!(
                total > 300 && share < 1.0 / values(key).len() as f64 + 0.1,
                "{key}: {counts:?}"
            );
        }
    }

    #[test]
    fn every_fact_has_a_question_that_names_its_class() {
        let mut rng = Rng::new(2, 41);
        for key in keys() {
            for _ in 0..20 {
                let q = question(&key, values(&key)[0], &[], &mut rng).unwrap();
                assert!(
                    !q.text.contains('{') && !q.text.contains("  "),
                    "{}",
                    q.text
                );
                assert_eq!(q.class.is_some(), key.contains('.'));
            }
        }
    }
}
