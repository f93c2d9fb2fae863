use std::time::Duration;

/// How the engine goes about it.
#[derive(Clone, Copy, Debug)]
pub struct EngineSettings {
    /// A single call is given up after this.
    pub attempt: Duration,
    /// A block is told unverified so long before its deadline, so that the answer is there at the deadline.
    pub margin: Duration,
    /// Calls at once on a link that is up; half of them on a poor one.
    pub in_flight: usize,
    /// Blocks that wait for their deadline at once; more are told unverified at once and spooled.
    pub online: usize,
    /// A link without traffic is probed so often.
    pub probe: Duration,
    /// A connection is replaced after about this, since a long one stays with one server of many.
    pub reconnect: Duration,
    /// Bound of a metered link.
    pub bytes_per_hour: Option<u64>,
    /// Seed of the jitter; each vehicle its own.
    pub seed: u64,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(4),
            margin: Duration::from_millis(5),
            in_flight: 4,
            online: 64,
            probe: Duration::from_secs(10),
            reconnect: Duration::from_secs(600),
            bytes_per_hour: None,
            seed: 0,
        }
    }
}
