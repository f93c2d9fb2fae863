//! A query in words, taken apart.

use super::fusion::STREAMS;
use super::sense::{Distance, Motion, Sense, Side};
use super::things::Things;
use super::vocabulary::sense_of;
use super::words::{is_filler, words};
use drafthorse_core::Class;

/// Words of a query and what they ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The words.
    pub words: String,
    /// What they ask for; none where they are only looked for in the log's text or by a detector.
    pub sense: Option<Sense>,
    /// Classes of the detector that they ask for.
    pub things: Vec<usize>,
}

/// A query. Moments are looked for in which everything that it names comes together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// As it was given.
    pub text: String,
    /// What it says, in order, without filling words.
    pub said: Vec<Said>,
}

/// A query that cannot be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// There are no words in it, or none that say anything.
    #[error(
        "the query {text:?} says nothing to look for; name who, where, the weather or what was noted, as in \"cyclist crossing in front at night\""
    )]
    Empty {
        /// The query.
        text: String,
    },
    /// It asks for what is not there.
    #[error(
        "the query says {word:?}: what is not there cannot be looked for; say what is there (\"empty road\" for nobody ahead, \"radar lost\" for no radar)"
    )]
    Negated {
        /// The word.
        word: String,
    },
}

const NEGATIONS: [&str; 8] = [
    "no", "not", "without", "never", "nobody", "nothing", "none", "except",
];

impl Query {
    /// Takes a query apart.
    ///
    /// # Errors
    /// [`QueryError`]: nothing is asked, or it is asked for what is not there.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Self::parse_with(text, &Things::default())
    }

    /// Takes a query apart where a detector finds things.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with(text: &str, things: &Things) -> Result<Self, QueryError> {
        let mut said = Vec::new();
        // No phrase goes on beyond a comma.
        for part in text.split([',', ';']) {
            take_apart(part, things, &mut said)?;
        }
        if said.is_empty() {
            return Err(QueryError::Empty {
                text: text.to_owned(),
            });
        }
        let mut query = Self {
            text: text.to_owned(),
            said,
        };
        query.settle();
        Ok(query)
    }

    /// Words whose sense depends on others: only a road user overtakes or stands somewhere; what stops where
    /// nobody is named is the vehicle, of which the log tells. Where nobody is named who could be near or on the
    /// left, that is a word of the log's text, and of a scene alone it says nothing.
    fn settle(&mut self) {
        let names_somebody = self.users().next().is_some();
        for said in &mut self.said {
            said.sense = match said.sense {
                Some(Sense::Motion(Motion::Standing)) if !names_somebody => {
                    Some(Sense::Told("stop"))
                }
                other => other,
            };
        }
        let is_place =
            |said: &Said| matches!(said.sense, Some(Sense::Side(_) | Sense::Distance(_)));
        let is_placed = |said: &Said| {
            let moves = matches!(said.sense, Some(Sense::User(_) | Sense::Motion(_)));
            moves || !said.things.is_empty()
        };
        if self.said.iter().any(is_placed) || self.said.iter().all(is_place) {
            return;
        }
        if self.said.iter().any(|said| said.asks(STREAMS - 1)) {
            let places = self.said.iter_mut().filter(|said| is_place(said));
            places.for_each(|said| said.sense = None);
        } else {
            self.said.retain(|said| !is_place(said));
        }
    }

    /// What is asked for, in order.
    pub fn senses(&self) -> impl Iterator<Item = Sense> + '_ {
        self.said.iter().filter_map(|said| said.sense)
    }

    /// The classes of road users that it names.
    pub fn users(&self) -> impl Iterator<Item = Class> + '_ {
        self.senses().filter_map(|sense| match sense {
            Sense::User(class) => Some(class),
            _ => None,
        })
    }

    /// Where somebody is to be.
    #[must_use]
    pub fn side(&self) -> Option<Side> {
        self.senses().find_map(|sense| match sense {
            Sense::Side(side) => Some(side),
            _ => None,
        })
    }

    /// How far away somebody is to be.
    #[must_use]
    pub fn distance(&self) -> Option<Distance> {
        self.senses().find_map(|sense| match sense {
            Sense::Distance(distance) => Some(distance),
            _ => None,
        })
    }

    /// How somebody is to move.
    pub fn motions(&self) -> impl Iterator<Item = Motion> + '_ {
        self.senses().filter_map(|sense| match sense {
            Sense::Motion(motion) => Some(motion),
            _ => None,
        })
    }

    /// The classes of the detector that it asks for.
    pub fn things(&self) -> impl Iterator<Item = usize> + '_ {
        self.said
            .iter()
            .flat_map(|said| said.things.iter().copied())
    }

    /// Whether it asks for road users, by class, place or motion, or for things that a detector finds.
    #[must_use]
    pub fn asks_for_somebody(&self) -> bool {
        self.senses().any(|sense| sense.stream() == 0) || self.things().next().is_some()
    }
}

/// What a part of a query says.
fn take_apart(text: &str, things: &Things, said: &mut Vec<Said>) -> Result<(), QueryError> {
    let all = words(text);
    let mut at = 0;
    while at < all.len() {
        let rest = &all[at..];
        let (length, sense, things) = meaning(rest, things);
        let word = rest[0].as_str();
        let means_something = sense.is_some() || !things.is_empty();
        if !means_something && NEGATIONS.contains(&word) {
            return Err(QueryError::Negated {
                word: word.to_owned(),
            });
        }
        if means_something || !is_filler(word) {
            said.push(Said {
                words: rest[..length].join(" "),
                sense,
                things,
            });
        }
        at += length;
    }
    Ok(())
}

/// What a text begins with: how many words, and what they mean; the longer phrase wins, and of equal ones
/// both hold.
fn meaning(rest: &[String], things: &Things) -> (usize, Option<Sense>, Vec<usize>) {
    let (length, sense) = match sense_of(rest) {
        Some((length, sense)) => (length, Some(sense)),
        None => (0, None),
    };
    match things.at(rest) {
        Some((longer, classes)) if longer > length => (longer, None, classes),
        Some((same, classes)) if same == length => (length, sense, classes),
        _ => {
            let classes = match sense {
                Some(Sense::User(class)) => things.of_user(class),
                _ => Vec::new(),
            };
            (length.max(1), sense, classes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::sense::{Light, Signal, Weather};
    use proptest::prelude::*;

    fn senses(text: &str) -> Vec<Sense> {
        Query::parse(text).expect("a query").senses().collect()
    }

    #[test]
    fn a_query_is_taken_apart_by_its_longest_phrases() {
        assert_eq!(
            senses("Cyclist crossing in front, at night!"),
            [
                Sense::User(Class::Cyclist),
                Sense::Motion(Motion::Crossing),
                Sense::Side(Side::Ahead),
                Sense::Light(Light::Night)
            ]
        );
        assert_eq!(
            senses("red car at the red light"),
            [
                Sense::Colour("red"),
                Sense::User(Class::Car),
                Sense::Signal(Signal::Red)
            ]
        );
        assert_eq!(
            senses("red, light rain"),
            [Sense::Colour("red"), Sense::Weather(Weather::Drizzle)]
        );
        assert_eq!(senses("wildlife near the road"), [Sense::Told("animal")]);
        assert_eq!(senses("fog ahead"), [Sense::Weather(Weather::Fog)]);
        assert_eq!(senses("close ahead").len(), 2);
        assert_eq!(senses("stopped"), [Sense::Told("stop")]);
        assert_eq!(
            senses("stopped truck"),
            [Sense::Motion(Motion::Standing), Sense::User(Class::Truck)]
        );
    }

    #[test]
    fn what_is_not_there_and_nothing_are_refused() {
        for text in ["", "  ,.", "the of a", "find me some moments"] {
            assert!(
                matches!(Query::parse(text), Err(QueryError::Empty { .. })),
                "{text}"
            );
        }
        for text in ["no cyclist", "street without rain", "a car that is not red"] {
            assert!(
                matches!(Query::parse(text), Err(QueryError::Negated { .. })),
                "{text}"
            );
        }
        assert!(Query::parse("nobody ahead").is_ok());
    }

    proptest! {
        #[test]
        fn any_text_gives_a_query_or_an_error(text in "\\PC{0,60}") {
            if let Ok(query) = Query::parse(&text) {
                prop_assert!(!query.said.is_empty());
            }
        }
    }
}
