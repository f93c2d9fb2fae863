//! Captions: which facts are told, in which order and words.

use super::facts::Facts;
use super::grammar::{CLASS, Part, Phrase, TEMPLATES, Template};
use crate::rng::Rng;

/// Sentences that list things: before, after.
const FRAMES: [[&str; 2]; 6] = [
    ["we see", ""],
    ["the picture shows", ""],
    ["there is", ""],
    ["in view :", ""],
    ["", "can be seen"],
    ["", ""],
];
/// Between two sentences; the last two join them.
const JOINTS: [&str; 4] = [".", ".", ", and", "; also ,"];

/// A caption of some of the facts: those that are told, and the words. Punctuation marks are words.
#[must_use]
pub(crate) fn caption(facts: &Facts, rng: &mut Rng) -> (Facts, String) {
    let mut told = choose(facts, rng);
    let mut text = tell(&told, rng);
    while text.split(' ').count() > CAPTION_WORDS {
        told.pop_last();
        text = tell(&told, rng);
    }
    (told, text)
}

/// A caption has at most so many words.
pub const CAPTION_WORDS: usize = 80;

/// Facts that a caption tells at least, where its scene has so many worth telling.
const LEAST: usize = 4;

/// Chance that a fact is told. What is not there is worth fewer words than what is.
fn worth(key: &str, value: &str) -> f64 {
    let absent = matches!(value, "0" | "no" | "none" | "nobody" | "equal");
    match (key.split('.').next().unwrap_or_default(), absent) {
        ("weather" | "light", _) => 0.75,
        ("count", false) => 0.6,
        ("present", false) => 0.15,
        ("present", true) => 0.0,
        ("where" | "band" | "colour", _) => 0.4,
        ("signal" | "zebra", false) => 0.7,
        (_, false) => 0.35,
        (_, true) => 0.12,
    }
}

fn choose(facts: &Facts, rng: &mut Rng) -> Facts {
    let mut told = Facts::new();
    let most = 4 + rng.index(4);
    let mut order: Vec<_> = facts.iter().collect();
    shuffle(&mut order, rng);
    // A second look at what was passed over, so that no caption says next to nothing.
    for most in [most, LEAST, LEAST, LEAST] {
        for (key, value) in &order {
            let class = key.strip_prefix("present.");
            let said = class.is_some_and(|class| told.contains_key(&format!("count.{class}")));
            if told.len() < most && !said && rng.chance(worth(key, value)) {
                told.insert((*key).clone(), (*value).clone());
            }
        }
    }
    for class in crate::shard::CLASSES {
        if told.contains_key(&format!("count.{class}")) {
            told.remove(&format!("present.{class}"));
        }
    }
    if told.is_empty() {
        told.extend(facts.iter().next().map(|(k, v)| (k.clone(), v.clone())));
    }
    told
}

fn shuffle<T>(items: &mut [T], rng: &mut Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, rng.index(i + 1));
    }
}

/// All facts in words, each once.
pub(crate) fn tell(facts: &Facts, rng: &mut Rng) -> String {
    let mut left = facts.clone();
    let (mut sentences, mut listed) = (Vec::new(), Vec::new());
    while !left.is_empty() {
        let usable: Vec<(&Template, Vec<&Phrase>)> = TEMPLATES
            .iter()
            .flat_map(|t| fillings(t, &left, rng).into_iter().map(move |f| (t, f)))
            .collect();
        // Templates of several facts are taken the likelier.
        let weight = |f: &Vec<&Phrase>| f.iter().filter(|p| p.key != CLASS).count().pow(2) as f64;
        let total: f64 = usable.iter().map(|(_, f)| weight(f)).sum();
        let mut at = rng.range(0.0, total);
        let chosen = usable.iter().find(|(_, f)| {
            at -= weight(f);
            at < 0.0
        });
        let Some((template, filling)) = chosen.or(usable.last()) else {
            break;
        };
        let class = class_of(filling);
        for phrase in filling {
            phrase.key_of(class).map(|key| left.remove(&key));
        }
        let text = words(template, filling);
        if template.sentence {
            sentences.push(text);
        } else {
            listed.push(text);
        }
    }
    while !listed.is_empty() {
        let first = 1 + rng.index(listed.len().min(4));
        sentences.push(list(listed.drain(..first).collect(), rng));
    }
    shuffle(&mut sentences, rng);
    join(&sentences, rng)
}

fn class_of<'a>(filling: &[&'a Phrase]) -> Option<&'a str> {
    filling
        .iter()
        .find(|p| p.key == CLASS)
        .map(|p| p.value.as_str())
}

/// One way for each class to fill a template's slots with facts that are left to tell.
fn fillings<'t>(template: &'t Template, left: &Facts, rng: &mut Rng) -> Vec<Vec<&'t Phrase>> {
    let slots: Vec<&Vec<Phrase>> = template
        .parts
        .iter()
        .filter_map(|p| match p {
            Part::Slot(phrases) => Some(phrases),
            Part::Word(_) => None,
        })
        .collect();
    let named = slots.iter().any(|s| s.iter().any(|p| p.key == CLASS));
    let classes: Vec<Option<&str>> = if named {
        crate::shard::CLASSES.iter().map(|c| Some(*c)).collect()
    } else {
        vec![None]
    };
    let fill = |class: Option<&str>, rng: &mut Rng| -> Option<Vec<&'t Phrase>> {
        slots
            .iter()
            .map(|slot| {
                let fits = |p: &&Phrase| match p.key_of(class) {
                    None => class == Some(p.value.as_str()),
                    Some(key) => left.get(&key) == Some(&p.value),
                };
                let fitting: Vec<&Phrase> = slot.iter().filter(fits).collect();
                (!fitting.is_empty()).then(|| fitting[rng.index(fitting.len())])
            })
            .collect()
    };
    classes
        .into_iter()
        .filter_map(|class| fill(class, rng))
        .collect()
}

fn words(template: &Template, filling: &[&Phrase]) -> String {
    let mut filling = filling.iter();
    let texts = template.parts.iter().map(|part| match part {
        Part::Word(word) => word.clone(),
        Part::Slot(_) => filling
            .next()
            .map_or_else(String::new, |p| p.words.join(" ")),
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn list(mut things: Vec<String>, rng: &mut Rng) -> String {
    let last = things.pop().unwrap_or_default();
    let all = if things.is_empty() {
        last
    } else {
        format!("{} and {last}", things.join(" , "))
    };
    let [before, after] = FRAMES[rng.index(FRAMES.len())];
    format!("{before} {all} {after}").trim().to_owned()
}

fn join(sentences: &[String], rng: &mut Rng) -> String {
    let mut text = String::new();
    for (i, sentence) in sentences.iter().enumerate() {
        if i > 0 {
            text += &format!(
                " {} ",
                JOINTS[rng.index(JOINTS.len())].replace(',', " ,").trim()
            );
        }
        text += sentence;
    }
    text += " .";
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words that captions put between and around templates.
pub(crate) fn glue() -> Vec<String> {
    let frames = FRAMES.iter().flatten().flat_map(|t| t.split_whitespace());
    let mut words: Vec<String> = frames.map(str::to_owned).collect();
    words.extend([".", ",", ";", "and", "also"].map(str::to_owned));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::facts::{keys, values};
    use crate::scenes::grammar::parse;

    fn any_facts(rng: &mut Rng) -> Facts {
        let mut facts = Facts::new();
        for key in keys() {
            let possible = values(&key);
            if rng.chance(0.7) {
                facts.insert(key, possible[rng.index(possible.len())].to_owned());
            }
        }
        for class in crate::shard::CLASSES {
            // Captions have no words for a presence that is denied: the count says it.
            facts.remove(&format!("present.{class}"));
        }
        facts
    }

    #[test]
    fn a_caption_is_read_back_as_the_facts_it_tells() {
        let mut rng = Rng::new(1, 40);
        for _ in 0..3000 {
            let (told, text) = caption(&any_facts(&mut rng), &mut rng);
            let said = parse(&text);
            assert_eq!(said.facts, told, "{text}");
            assert!(said.contradicted.is_empty(), "{text}");
            assert!(text.split(' ').count() <= CAPTION_WORDS, "{text}");
        }
    }

    #[test]
    fn every_template_with_every_phrase_is_read_back() {
        let mut rng = Rng::new(2, 40);
        for template in TEMPLATES.iter() {
            let mut seen = std::collections::BTreeSet::new();
            for _ in 0..2000 {
                let mut facts = any_facts(&mut rng);
                facts.insert("present.car".to_owned(), "yes".to_owned());
                for filling in fillings(template, &facts, &mut rng) {
                    let class = class_of(&filling);
                    let told: Facts = filling
                        .iter()
                        .filter_map(|p| Some((p.key_of(class)?, p.value.clone())))
                        .collect();
                    let text = words(template, &filling);
                    assert_eq!(parse(&format!("well , {text} .")).facts, told, "{text}");
                    seen.insert(text);
                }
            }
            assert!(!seen.is_empty());
        }
    }

    #[test]
    fn captions_of_one_scene_differ() {
        let mut rng = Rng::new(3, 40);
        let facts = any_facts(&mut rng);
        let texts: std::collections::BTreeSet<_> =
            (0..50).map(|_| caption(&facts, &mut rng).1).collect();
        assert!(texts.len() >= 49, "{}", texts.len());
    }
}
