//! What drafting and coding make of the link: a pure function of what is known of it.

use std::time::Duration;

use drafthorse_protocol::Code;

use crate::link::{LEAST_BYTES_PER_SECOND, LinkState, LinkView, RATED_BYTES};

/// How the next blocks are best handled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Advice {
    /// The router's threshold is multiplied by this: below 1 more drafts are accepted in the car and fewer blocks leave.
    pub threshold_scale: f32,
    /// How tokens are coded.
    pub code: Code,
}

/// What a block would cost in each code that there is, the most precise first.
pub type CodeSizes<'a> = &'a [(Code, usize)];

/// Share of the time to the deadline that sending a block may take.
const SENDING_SHARE: f64 = 0.25;
/// The threshold on a poor link, or one that is down.
const POOR_SCALE: f32 = 0.8;
/// Below this much of the budget the threshold goes down with it.
const SCARCE: f32 = 0.5;

/// | link | threshold | code |
/// |---|---|---|
/// | unknown | as set | the smallest |
/// | up | as set | the most precise one that `most_precise` allows and that is sent in a quarter of the deadline at the measured rate; the smallest where the link is metered |
/// | poor, down | times 0.8 | the smallest |
///
/// While the rate of a link that is up is unknown, it is taken to be the least of such a link, 32 kB/s, and a block above
/// the smallest goes once a minute only: what it takes tells the rate, where it has 16 KiB or more. Where the most precise
/// code that is allowed has less, no call would tell, and it goes at once.
///
/// Where less than half of a metered link's budget is left, the threshold is multiplied by twice what is left too: at the
/// end nothing leaves but what the car is surest to have got wrong. A block of a link that is down is spooled, and is
/// sent when the link is back: it costs then.
///
/// None where `sizes` is empty.
#[must_use]
pub fn advise(
    link: &LinkView,
    sizes: CodeSizes<'_>,
    most_precise: Code,
    deadline: Duration,
) -> Option<Advice> {
    let smallest = sizes.iter().min_by_key(|(_, bytes)| *bytes)?.0;
    let scarce = link.budget.map_or(1.0, |left| (left / SCARCE).min(1.0));
    let state_scale = match link.state {
        LinkState::Unknown | LinkState::Up => 1.0,
        LinkState::Poor | LinkState::Down => POOR_SCALE,
    };
    let mut allowed = sizes.iter().skip_while(|(code, _)| *code != most_precise);
    let tells = |&(_, bytes): &(Code, usize)| bytes as u64 >= RATED_BYTES;
    let may_go =
        link.bytes_per_second.is_some() || link.large_is_due || !allowed.clone().any(tells);
    let fits = |bytes: usize| {
        let rate = link.bytes_per_second.unwrap_or(LEAST_BYTES_PER_SECOND);
        let in_time = bytes as f64 <= rate as f64 * deadline.as_secs_f64() * SENDING_SHARE;
        link.state == LinkState::Up && link.budget.is_none() && may_go && in_time
    };
    let code = allowed
        .find(|(_, bytes)| fits(*bytes))
        .map(|(code, _)| *code);
    Some(Advice {
        threshold_scale: state_scale * scarce,
        code: code.unwrap_or(smallest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{Link, Sample};

    const SIZES: [(Code, usize); 3] = [(Code::F16, 24_000), (Code::Int8, 12_000), (Code::Fsq, 500)];

    fn link(state: LinkState, rate: Option<u64>, budget: Option<f32>) -> LinkView {
        LinkView {
            state,
            round_trip_ns: Some(60_000_000),
            verdict_ns: None,
            bytes_per_second: rate,
            large_is_due: true,
            loss: Some(0.0),
            budget,
        }
    }

    fn advice(link: &LinkView, most_precise: Code) -> (f32, Code) {
        let advice = advise(link, &SIZES, most_precise, Duration::from_secs(1)).unwrap();
        (advice.threshold_scale, advice.code)
    }

    /// Codes of a drive of ten minutes, two blocks a second, over a link of such a rate, as calls tell of it.
    fn drive(most_precise: Code, bytes_per_second: u64) -> Vec<Code> {
        const MS: u64 = 1_000_000;
        let mut link = Link::new(0);
        let ended = |at_ns, took_ns, bytes, verdict| Sample {
            at_ns,
            took_ns,
            bytes,
            answered: true,
            verdict,
        };
        link.saw(ended(0, 40 * MS, 0, false));
        let blocks = 0..1200;
        let codes = blocks.map(|i| {
            let now_ns = i * 500 * MS;
            let view = link.view(now_ns, None);
            let advice = advise(&view, &SIZES, most_precise, Duration::from_secs(10)).unwrap();
            let (_, size) = SIZES.iter().find(|(code, _)| *code == advice.code).unwrap();
            let bytes = *size as u64 + 400;
            link.sends(now_ns, bytes);
            let took_ns = 50 * MS + bytes * 1_000_000_000 / bytes_per_second;
            link.saw(ended(now_ns + took_ns, took_ns, bytes, true));
            advice.code
        });
        codes.collect()
    }

    #[test]
    fn a_precise_code_takes_effect_where_the_link_carries_it() {
        let all = |code| vec![code; 1200];
        assert_eq!(drive(Code::F16, 2_500_000), all(Code::F16));
        assert_eq!(drive(Code::Int8, 2_500_000), all(Code::Int8));
        assert_eq!(drive(Code::Fsq, 2_500_000), all(Code::Fsq));
    }

    #[test]
    fn a_slow_link_is_tried_once_a_minute() {
        let codes = drive(Code::F16, 20_000);
        let tries: Vec<usize> = (0..codes.len())
            .filter(|&i| codes[i] == Code::F16)
            .collect();
        assert!((2..=10).contains(&tries.len()), "{tries:?}");
        assert_eq!(tries[0], 0);
        assert!(
            tries.windows(2).all(|two| two[1] - two[0] >= 120),
            "{tries:?}"
        );
        let smallest = codes.iter().filter(|code| **code == Code::Fsq).count();
        assert!(smallest > 1000, "{smallest}");
    }

    #[test]
    fn each_line_of_the_table() {
        let up = |rate| link(LinkState::Up, rate, None);
        assert_eq!(advice(&up(Some(100_000)), Code::F16), (1.0, Code::F16));
        assert_eq!(advice(&up(Some(90_000)), Code::F16), (1.0, Code::Int8));
        assert_eq!(advice(&up(Some(40_000)), Code::F16), (1.0, Code::Fsq));
        assert_eq!(advice(&up(Some(1_000_000)), Code::Int8), (1.0, Code::Int8));
        assert_eq!(advice(&up(Some(1_000_000)), Code::Fsq), (1.0, Code::Fsq));
        // Nothing else is sent in a quarter of a second at 32 kB/s.
        assert_eq!(advice(&up(None), Code::F16), (1.0, Code::Fsq));
        let within_ten = |large_is_due, most_precise| {
            let link = LinkView {
                large_is_due,
                ..up(None)
            };
            let advice = advise(&link, &SIZES, most_precise, Duration::from_secs(10));
            advice.unwrap().code
        };
        assert_eq!(within_ten(true, Code::F16), Code::F16);
        assert_eq!(within_ten(false, Code::F16), Code::Fsq);
        assert_eq!(within_ten(false, Code::Int8), Code::Int8);
        let unknown = link(LinkState::Unknown, None, None);
        assert_eq!(advice(&unknown, Code::F16), (1.0, Code::Fsq));
        let poor = link(LinkState::Poor, Some(1_000_000), None);
        assert_eq!(advice(&poor, Code::F16), (0.8, Code::Fsq));
        let metered = |left| link(LinkState::Up, Some(1_000_000), Some(left));
        assert_eq!(advice(&metered(0.9), Code::F16), (1.0, Code::Fsq));
        assert_eq!(advice(&metered(0.25), Code::F16), (0.5, Code::Fsq));
        assert_eq!(advice(&metered(0.0), Code::F16), (0.0, Code::Fsq));
        assert_eq!(advise(&poor, &[], Code::F16, Duration::from_secs(1)), None);
    }
}
