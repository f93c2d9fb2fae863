use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Unix time that never goes back: read once, then counted by the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    unix_ns: u64,
    read: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            unix_ns: nanoseconds(unix.unwrap_or_default()),
            read: Instant::now(),
        }
    }

    pub(super) fn now_ns(&self) -> u64 {
        self.unix_ns
            .saturating_add(nanoseconds(self.read.elapsed()))
    }

    pub(super) fn until(&self, at_ns: u64) -> Duration {
        Duration::from_nanos(at_ns.saturating_sub(self.now_ns()))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
