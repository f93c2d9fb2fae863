use super::window::{RATED_BYTES, Sample, Window};

/// How good the link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// No call has ended yet: nothing is sent but a probe.
    Unknown,
    /// Calls are answered, quickly enough.
    Up,
    /// Calls are answered, but slowly, or many are not.
    Poor,
    /// Nothing is sent but probes.
    Down,
}

impl LinkState {
    /// Whether blocks are sent, and not probes alone.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Up | Self::Poor)
    }
}

/// What is known of the link at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkView {
    /// Unknown, up, poor or down.
    pub state: LinkState,
    /// Shortest time from request to answer.
    pub round_trip_ns: Option<u64>,
    /// Median time from request to verdict.
    pub verdict_ns: Option<u64>,
    /// Rate of large calls, a lower bound.
    pub bytes_per_second: Option<u64>,
    /// No large call was begun for a minute: one may be, so that the rate is known.
    pub large_is_due: bool,
    /// Share of calls that nobody answered.
    pub loss: Option<f32>,
    /// How full the metered link's bucket is; none where the link is not metered.
    pub budget: Option<f32>,
}

/// Unanswered calls in a row that make a link down.
const DOWN_AFTER: u32 = 3;
/// A poor link is not called up again before this.
const DWELL_NS: u64 = 5_000_000_000;
/// Where no large call is made for anything else, one may be so often.
const LARGE_NS: u64 = 60_000_000_000;

/// What makes a link poor; all must be better than the second figure until it is up again.
struct Bounds<T> {
    poor: T,
    good: T,
}

const LOSS: Bounds<f32> = Bounds {
    poor: 0.25,
    good: 0.10,
};
const ROUND_TRIP_NS: Bounds<u64> = Bounds {
    poor: 400_000_000,
    good: 250_000_000,
};
const BYTES_PER_SECOND: Bounds<u64> = Bounds {
    poor: LEAST_BYTES_PER_SECOND,
    good: 64_000,
};
/// What a link that is up is taken to carry while its rate is unknown.
pub(crate) const LEAST_BYTES_PER_SECOND: u64 = 32_000;

/// Estimates and state of the link, a fold over calls.
///
/// Unknown: until the first call has ended; where it is answered the link is up, or poor by what follows, else it is down.
/// Down: three calls in a row unanswered, or the target does not let us in. Poor: one call answered when it was down; or a
/// quarter of the calls unanswered, a round trip of 400 ms, or 32 kB/s. Up: poor for five seconds, and at most a tenth
/// unanswered, at most 250 ms, at least 64 kB/s, as far as these are known.
#[derive(Clone, Debug)]
pub struct Link {
    window: Window,
    state: LinkState,
    since_ns: u64,
    unanswered: u32,
    /// When the last large call was begun.
    large_ns: Option<u64>,
}

impl Link {
    /// A link that nothing is known of.
    #[must_use]
    pub fn new(now_ns: u64) -> Self {
        Self {
            window: Window::default(),
            state: LinkState::Unknown,
            since_ns: now_ns,
            unanswered: 0,
            large_ns: None,
        }
    }

    /// Unknown, up, poor or down.
    #[must_use]
    pub fn state(&self) -> LinkState {
        self.state
    }

    /// A call for a verdict begins, with so many bytes.
    pub fn sends(&mut self, now_ns: u64, bytes: u64) {
        if bytes >= RATED_BYTES {
            self.large_ns = Some(now_ns);
        }
    }

    /// A call has ended.
    pub fn saw(&mut self, sample: Sample) {
        let now = sample.at_ns;
        self.window.push(sample);
        self.window.forget_old(now);
        self.unanswered = if sample.answered {
            0
        } else {
            self.unanswered + 1
        };
        let next = match self.state {
            _ if self.unanswered >= DOWN_AFTER => LinkState::Down,
            LinkState::Unknown if !sample.answered => LinkState::Down,
            LinkState::Down if sample.answered => LinkState::Poor,
            LinkState::Unknown | LinkState::Up if self.is_poor() => LinkState::Poor,
            LinkState::Unknown => LinkState::Up,
            LinkState::Poor if self.is_good() && now.saturating_sub(self.since_ns) >= DWELL_NS => {
                LinkState::Up
            }
            same => same,
        };
        self.go_to(next, now);
    }

    /// The target answers, but does not let us in: as good as down.
    pub fn refused(&mut self, now_ns: u64) {
        self.go_to(LinkState::Down, now_ns);
    }

    fn go_to(&mut self, state: LinkState, now_ns: u64) {
        if state == self.state {
            return;
        }
        if self.state == LinkState::Down {
            // What was measured before belongs to another link: another cell, another network.
            self.window.keep_last();
        }
        self.state = state;
        self.since_ns = now_ns;
    }

    fn is_poor(&self) -> bool {
        let window = &self.window;
        window.loss().is_some_and(|x| x >= LOSS.poor)
            || window
                .round_trip_ns()
                .is_some_and(|x| x >= ROUND_TRIP_NS.poor)
            || window
                .bytes_per_second()
                .is_some_and(|x| x <= BYTES_PER_SECOND.poor)
    }

    fn is_good(&self) -> bool {
        let window = &self.window;
        window.loss().is_none_or(|x| x <= LOSS.good)
            && window
                .round_trip_ns()
                .is_none_or(|x| x <= ROUND_TRIP_NS.good)
            && window
                .bytes_per_second()
                .is_none_or(|x| x >= BYTES_PER_SECOND.good)
    }

    /// What is known now; `budget` is the bucket's share.
    #[must_use]
    pub fn view(&self, now_ns: u64, budget: Option<f32>) -> LinkView {
        let quiet = |at: u64| now_ns.saturating_sub(at) >= LARGE_NS;
        LinkView {
            state: self.state,
            round_trip_ns: self.window.round_trip_ns(),
            verdict_ns: self.window.verdict_ns(),
            bytes_per_second: self.window.bytes_per_second(),
            large_is_due: self.large_ns.is_none_or(quiet),
            loss: self.window.loss(),
            budget,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(link: &mut Link, from_ms: u64, calls: &[(bool, u64)]) -> Vec<LinkState> {
        let mut states = Vec::new();
        for (i, &(answered, took_ms)) in calls.iter().enumerate() {
            link.saw(Sample {
                at_ns: (from_ms + 1000 * i as u64) * 1_000_000,
                took_ns: took_ms * 1_000_000,
                bytes: 500,
                answered,
                verdict: true,
            });
            states.push(link.state());
        }
        states
    }

    use LinkState::{Down, Poor, Unknown, Up};

    #[test]
    fn one_failure_changes_nothing_and_three_are_down() {
        let mut link = Link::new(0);
        let states = run(&mut link, 0, &[(true, 60); 8]);
        assert_eq!(states, [Up; 8]);
        let states = run(
            &mut link,
            8000,
            &[
                (false, 0),
                (true, 60),
                (false, 0),
                (false, 0),
                (false, 0),
                (true, 60),
            ],
        );
        assert_eq!(states, [Up, Up, Up, Poor, Down, Poor]);
        assert_eq!(
            link.view(13_000_000_000, None).loss,
            None,
            "what was before the break is forgotten"
        );
        let states = run(&mut link, 14_000, &[(true, 60); 6]);
        assert_eq!(states, [Poor, Poor, Poor, Poor, Up, Up]);
    }

    #[test]
    fn a_slow_link_must_become_better_than_what_made_it_poor() {
        let mut link = Link::new(0);
        run(&mut link, 0, &[(true, 100); 8]);
        assert_eq!(link.state(), Up);
        let slow = vec![(true, 450); 40];
        assert_eq!(run(&mut link, 8_000, &slow).last(), Some(&Poor));
        let between = vec![(true, 300); 70];
        assert_eq!(run(&mut link, 48_000, &between).last(), Some(&Poor));
        let quick = vec![(true, 200); 2];
        assert_eq!(run(&mut link, 118_000, &quick).last(), Some(&Up));
    }

    #[test]
    fn nothing_is_known_until_the_first_call_has_ended() {
        assert_eq!(Link::new(0).state(), Unknown);
        let first = |call| run(&mut Link::new(0), 0, &[call])[0];
        assert_eq!(first((true, 60)), Up);
        assert_eq!(first((true, 450)), Poor);
        assert_eq!(first((false, 0)), Down);
        let mut link = Link::new(0);
        link.refused(1);
        assert_eq!(link.state(), Down);
    }

    #[test]
    fn who_is_not_let_in_is_down() {
        let mut link = Link::new(0);
        run(&mut link, 0, &[(true, 10); 8]);
        link.refused(9_000_000_000);
        assert_eq!(link.state(), Down);
    }
}
