//! What drafting and coding make of the link: a pure function of what is known of it.

use std::time::Duration;

use drafthorse_protocol::Code;

use crate::link::{LinkState, LinkView};

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
/// | up | as set | the most precise one that `most_precise` allows and that is sent in a quarter of the deadline at the measured rate; the smallest while the rate is unknown or the link is metered |
/// | poor, down | times 0.8 | the smallest |
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
    let fits = |bytes: usize| match (link.state, link.bytes_per_second, link.budget) {
        (LinkState::Up, Some(rate), None) => {
            bytes as f64 <= rate as f64 * deadline.as_secs_f64() * SENDING_SHARE
        }
        _ => false,
    };
    let allowed = sizes.iter().skip_while(|(code, _)| *code != most_precise);
    let code = allowed
        .filter(|(_, bytes)| fits(*bytes))
        .map(|(code, _)| *code)
        .next();
    Some(Advice {
        threshold_scale: state_scale * scarce,
        code: code.unwrap_or(smallest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(Code, usize); 3] = [(Code::F16, 24_000), (Code::Int8, 12_000), (Code::Fsq, 500)];

    fn link(state: LinkState, rate: Option<u64>, budget: Option<f32>) -> LinkView {
        LinkView {
            state,
            round_trip_ns: Some(60_000_000),
            verdict_ns: None,
            bytes_per_second: rate,
            loss: Some(0.0),
            budget,
        }
    }

    fn advice(link: &LinkView, most_precise: Code) -> (f32, Code) {
        let advice = advise(link, &SIZES, most_precise, Duration::from_secs(1)).unwrap();
        (advice.threshold_scale, advice.code)
    }

    #[test]
    fn each_line_of_the_table() {
        let up = |rate| link(LinkState::Up, rate, None);
        assert_eq!(advice(&up(Some(100_000)), Code::F16), (1.0, Code::F16));
        assert_eq!(advice(&up(Some(90_000)), Code::F16), (1.0, Code::Int8));
        assert_eq!(advice(&up(Some(40_000)), Code::F16), (1.0, Code::Fsq));
        assert_eq!(advice(&up(Some(1_000_000)), Code::Int8), (1.0, Code::Int8));
        assert_eq!(advice(&up(Some(1_000_000)), Code::Fsq), (1.0, Code::Fsq));
        assert_eq!(advice(&up(None), Code::F16), (1.0, Code::Fsq));
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
