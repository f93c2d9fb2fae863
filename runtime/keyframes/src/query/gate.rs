//! The gate: which words of a query each stream is given, and how much it counts.

use super::fusion::STREAMS;
use super::parse::{Query, Said};
use super::sense::Sense;

/// What streams are asked, and how much each counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Gating {
    /// The words that each stream is given; none where it is empty.
    pub words: [String; STREAMS],
    /// How much each counts; not below 0.
    pub weights: [f32; STREAMS],
}

impl Gating {
    /// The gate of rules and keywords. Each thing that a query asks votes for a stream, words without a
    /// meaning of their own for the log's text, and the weights are the softmax of the votes (keyword counts,
    /// as in Q-Gate's fallback). A stream that nobody asks has no weight and no words, but for the scene as
    /// a whole, which is given the road users too: a picture shows them. What a detector finds may be in the
    /// log's text as well.
    #[must_use]
    pub fn by_words(query: &Query) -> Self {
        let votes = votes(query);
        let words = |wanted: fn(&Said) -> bool| {
            let said = query.said.iter().filter(|said| wanted(said));
            let words: Vec<&str> = said.map(|said| said.words.as_str()).collect();
            words.join(", ")
        };
        Self {
            words: [
                words(|said| said.asks(0)),
                words(|said| said.asks(0) || said.asks(1)),
                words(|said| said.asks(2)),
            ],
            weights: normalised(votes.map(|votes| if votes > 0.0 { votes.exp() } else { 0.0 })),
        }
    }

    /// No gate: each stream is given the whole query and counts alike (static fusion).
    #[must_use]
    pub fn none(query: &Query) -> Self {
        Self {
            words: std::array::from_fn(|_| query.text.clone()),
            weights: [1.0 / STREAMS as f32; STREAMS],
        }
    }

    /// The weights among the streams that see anything (`sees`): their sum is 1, or 0 where none that counts
    /// sees anything.
    #[must_use]
    pub fn among(&self, sees: [bool; STREAMS]) -> [f32; STREAMS] {
        normalised(std::array::from_fn(|i| match sees[i] {
            true => self.weights[i],
            false => 0.0,
        }))
    }
}

fn votes(query: &Query) -> [f32; STREAMS] {
    let names_somebody = query.users().next().is_some();
    let mut votes = [0.0; STREAMS];
    for said in &query.said {
        // Where somebody is and how they move belongs to who they are, and has no vote of its own.
        let is_of_user = matches!(
            said.sense,
            Some(Sense::Side(_) | Sense::Distance(_) | Sense::Motion(_))
        );
        if !(is_of_user && names_somebody) {
            for (stream, votes) in votes.iter_mut().enumerate() {
                *votes += f32::from(u8::from(said.asks(stream)));
            }
        }
    }
    votes
}

impl Said {
    /// Whether it asks a stream, an index into [`super::STREAM_NAMES`]: what has no meaning of its own is
    /// looked for in the log's text, and what a detector finds among what is there too.
    #[must_use]
    pub fn asks(&self, stream: usize) -> bool {
        let of_sense = self.sense.map_or(STREAMS - 1, Sense::stream);
        stream == of_sense || stream == 0 && !self.things.is_empty()
    }
}

fn normalised(weights: [f32; STREAMS]) -> [f32; STREAMS] {
    let sum: f32 = weights.iter().sum();
    weights.map(|weight| if sum > 0.0 { weight / sum } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::super::Things;
    use super::*;

    fn gating(text: &str) -> Gating {
        Gating::by_words(&Query::parse(text).expect("a query"))
    }

    #[test]
    fn weights_go_to_the_streams_that_are_asked() {
        for (text, most) in [
            ("cyclist on the left", 0),
            ("fog at dusk", 1),
            ("radar stalled", 2),
            ("something unheard of", 2),
        ] {
            let weights = gating(text).weights;
            let sum: f32 = weights.iter().sum();
            assert!((sum - 1.0).abs() < 1e-6, "{weights:?}");
            assert!(
                (0..STREAMS).all(|i| i == most || weights[i] < weights[most]),
                "{text}: {weights:?}"
            );
        }
    }

    #[test]
    fn how_closely_somebody_is_described_takes_nothing_from_what_was_noted() {
        let plain = gating("deer and a car").weights;
        assert_eq!(
            gating("deer and a fast oncoming car far ahead on the left").weights,
            plain
        );
        assert_eq!(plain[0], plain[2]);
        assert!(gating("crossing from the left").weights[0] > 0.99);
    }

    #[test]
    fn each_stream_is_given_its_own_words() {
        assert_eq!(
            gating("Deer by the tram depot, with a cyclist on the left, at dusk").words,
            [
                "cyclist, on the left",
                "cyclist, on the left, dusk",
                "deer, tram, depot"
            ]
        );
        let query = Query::parse("deer at dusk").expect("a query");
        assert_eq!(Gating::none(&query).words, ["deer at dusk"; STREAMS]);
        assert_eq!(gating("radar stalled").words, ["", "", "radar, stalled"]);
    }

    #[test]
    fn what_a_detector_finds_is_looked_for_by_it_and_in_the_texts() {
        let things = Things::new(&[vec!["person"], vec!["pram", "baby carriage"], vec!["dog"]]);
        let gating =
            |text: &str| Query::parse_with(text, &things).map(|query| Gating::by_words(&query));
        let of_words = |text: &str| gating(text).map(|gating| gating.words).ok();
        let words = |words: [&str; STREAMS]| Some(words.map(str::to_owned));
        assert_eq!(
            of_words("a baby carriage on the left at night"),
            words([
                "baby carriage, on the left",
                "baby carriage, on the left, at night",
                "baby carriage"
            ])
        );
        // What the radar tracks is no text; what a note tells is.
        assert_eq!(of_words("walker"), words(["walker", "walker", ""]));
        assert_eq!(of_words("dogs"), words(["dogs", "dogs", "dogs"]));
        assert_eq!(of_words("wildlife"), words(["", "", "wildlife"]));
        let weights = gating("dogs").map(|gating| gating.weights);
        assert_eq!(weights, Ok([0.5, 0.0, 0.5]));
    }

    #[test]
    fn a_stream_that_sees_nothing_gives_its_weight_to_the_others() {
        let gating = gating("cyclist at night");
        assert_eq!(gating.among([false, true, true]), [0.0, 1.0, 0.0]);
        let all = gating.among([true; STREAMS]);
        assert_eq!(all, [0.5, 0.5, 0.0]);
        assert_eq!(gating.among([false, false, true]), [0.0; STREAMS]);
    }
}
