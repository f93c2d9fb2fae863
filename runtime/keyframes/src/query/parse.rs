//! A query in words, taken apart.

use super::sense::{Distance, Motion, Sense, Side};
use super::vocabulary::sense_of;
use super::words::{is_filler, words};
use drafthorse_core::Class;

/// Words of a query and what they ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The words.
    pub words: String,
    /// What they ask for; none where they are only looked for in the log's text.
    pub sense: Option<Sense>,
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
        let all = words(text);
        let mut said = Vec::new();
        let mut at = 0;
        while at < all.len() {
            let rest = &all[at..];
            let (length, sense) = match sense_of(rest) {
                Some((length, sense)) => (length, Some(sense)),
                None => (1, None),
            };
            let word = rest[0].as_str();
            if sense.is_none() && NEGATIONS.contains(&word) {
                return Err(QueryError::Negated {
                    word: word.to_owned(),
                });
            }
            if sense.is_some() || !is_filler(word) {
                said.push(Said {
                    words: rest[..length].join(" "),
                    sense,
                });
            }
            at += length;
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
    /// nobody is named is the vehicle, of which the log tells.
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

    /// Whether it asks for road users, by class, place or motion.
    #[must_use]
    pub fn asks_for_users(&self) -> bool {
        self.senses().any(|sense| sense.stream() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::sense::{Light, Signal};
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
