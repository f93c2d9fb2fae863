//! Things that a detector of pictures finds, by the words that ask for them.

use super::sense::Sense;
use super::vocabulary::sense_of;
use super::words::{stem, words};
use drafthorse_core::Class;

/// What a detector finds: each of its classes with the phrases that ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Things {
    classes: Vec<Thing>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Thing {
    /// As they were given.
    spelt: Vec<String>,
    /// Words without their endings.
    phrases: Vec<Vec<String>>,
    /// Road users that the vocabulary has other words for.
    users: Vec<Class>,
}

impl Things {
    /// Of the phrases of each class.
    #[must_use]
    pub fn new<S: AsRef<str>>(classes: &[Vec<S>]) -> Self {
        let thing = |phrases: &Vec<S>| {
            let spelt: Vec<String> = phrases.iter().map(|p| p.as_ref().to_owned()).collect();
            let phrases = spelt.iter().map(|phrase| words(phrase));
            let phrases: Vec<Vec<String>> = phrases.filter(|phrase| !phrase.is_empty()).collect();
            let users = phrases.iter().filter_map(|phrase| match sense_of(phrase) {
                Some((length, Sense::User(class))) if length == phrase.len() => Some(class),
                _ => None,
            });
            Thing {
                users: users.filter(|class| *class != Class::Unknown).collect(),
                phrases: phrases.iter().map(|phrase| stems(phrase)).collect(),
                spelt,
            }
        };
        Self {
            classes: classes.iter().map(thing).collect(),
        }
    }

    /// The phrases of each class.
    pub fn phrases(&self) -> impl Iterator<Item = String> + '_ {
        let of = |thing: &Thing| thing.spelt.join(" or ");
        self.classes.iter().map(of)
    }

    /// Words at the beginning of a text that ask for classes: how many words, the most, and which classes.
    pub(super) fn at(&self, text: &[String]) -> Option<(usize, Vec<usize>)> {
        let stems = stems(text);
        let of = |thing: &Thing| {
            let fitting = thing.phrases.iter().filter(|p| stems.starts_with(p));
            fitting.map(Vec::len).max().unwrap_or(0)
        };
        let lengths: Vec<usize> = self.classes.iter().map(of).collect();
        let longest = lengths.iter().copied().max().filter(|length| *length > 0)?;
        let classes = (0..lengths.len()).filter(|class| lengths[*class] == longest);
        Some((longest, classes.collect()))
    }

    /// Classes that are road users of that class.
    pub(super) fn of_user(&self, user: Class) -> Vec<usize> {
        let is_one = |class: &usize| self.classes[*class].users.contains(&user);
        (0..self.classes.len()).filter(is_one).collect()
    }
}

fn stems(words: &[String]) -> Vec<String> {
    words.iter().map(|word| stem(word).to_owned()).collect()
}
