//! The gate: how much each stream counts for a query, by its words.

use super::fusion::STREAMS;
use super::parse::Query;
use super::sense::Sense;

/// Weights of the streams for a query. Each thing that a query asks votes for a stream, words without a
/// meaning of their own for the log's text, and the weights are the softmax of the votes (keyword counts, as
/// in Q-Gate's fallback). Two rules: what nobody asks of a stream it does not answer, and a stream that sees
/// nothing (`sees`) has no say. Sums to 1; to 0 where nothing sees anything.
#[must_use]
pub fn gate(query: &Query, sees: [bool; STREAMS]) -> [f32; STREAMS] {
    let votes = votes(query);
    let asked: [bool; STREAMS] = std::array::from_fn(|i| sees[i] && votes[i] > 0.0);
    if !asked.contains(&true) {
        return equal_weights(sees);
    }
    normalised(std::array::from_fn(|i| match asked[i] {
        true => votes[i].exp(),
        false => 0.0,
    }))
}

/// The same weight for every stream that sees something: fusion without a gate.
#[must_use]
pub fn equal_weights(sees: [bool; STREAMS]) -> [f32; STREAMS] {
    normalised(sees.map(|sees| f32::from(u8::from(sees))))
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
            votes[said.sense.map_or(STREAMS - 1, Sense::stream)] += 1.0;
        }
    }
    votes
}

fn normalised(weights: [f32; STREAMS]) -> [f32; STREAMS] {
    let sum: f32 = weights.iter().sum();
    weights.map(|weight| if sum > 0.0 { weight / sum } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(text: &str, sees: [bool; STREAMS]) -> [f32; STREAMS] {
        gate(&Query::parse(text).expect("a query"), sees)
    }

    #[test]
    fn weights_go_to_the_streams_that_are_asked() {
        let all = [true; STREAMS];
        for (text, most) in [
            ("cyclist on the left", 0),
            ("fog at dusk", 1),
            ("radar stalled", 2),
            ("something unheard of", 2),
        ] {
            let weights = weights(text, all);
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
        let all = [true; STREAMS];
        let plain = weights("deer and a car", all);
        assert_eq!(
            weights("deer and a fast oncoming car far ahead on the left", all),
            plain
        );
        assert_eq!(plain[0], plain[2]);
        assert!(weights("crossing from the left", all)[0] > 0.99);
    }

    #[test]
    fn a_stream_that_sees_nothing_gives_its_weight_to_the_others() {
        assert_eq!(
            weights("cyclist at night", [false, true, true]),
            [0.0, 1.0, 0.0]
        );
        assert_eq!(weights("cyclist", [false, true, true]), [0.0, 0.5, 0.5]);
        assert_eq!(weights("cyclist", [false; STREAMS]), [0.0; STREAMS]);
    }
}
