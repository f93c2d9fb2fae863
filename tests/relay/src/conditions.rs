use std::time::Duration;

/// How the link is now. A change holds for every byte that is read after it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conditions {
    /// One way; the round trip is twice it.
    pub delay: Duration,
    /// Added to the delay, drawn evenly from nothing to this; order is kept.
    pub jitter: Duration,
    /// Bits a second each way; none: as fast as the machine.
    pub bits_per_second: Option<u64>,
    /// Nothing passes and nothing is told: what is sent is held back until the link is back.
    pub silent: bool,
    /// New connections are closed at once.
    pub refuse: bool,
    /// A connection is closed when so many bytes have passed it in either direction: in the middle of a message.
    pub cut_after: Option<u64>,
}

impl Conditions {
    /// A link with this round trip and rate.
    #[must_use]
    pub fn link(round_trip: Duration, bits_per_second: u64) -> Self {
        Self {
            delay: round_trip / 2,
            bits_per_second: Some(bits_per_second),
            ..Self::default()
        }
    }
}
