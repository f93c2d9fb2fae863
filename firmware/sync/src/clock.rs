//! The microcontroller's clock: nanoseconds since it started.

/// Tells the time since the session began, ns. It never goes back.
pub trait Clock {
    /// Now.
    fn now_ns(&self) -> u64;
}

const NS_PER_S: u64 = 1_000_000_000;

/// A free-running 32-bit counter as a clock that does not wrap. It must be asked at least once between two
/// wraps.
#[derive(Clone, Debug)]
pub struct Ticks {
    hz: u64,
    last: u32,
    wraps: u32,
}

impl Ticks {
    /// A counter that counts `hz` a second upwards; its present count is taken for 0.
    #[must_use]
    pub const fn new(hz: u32) -> Self {
        Self {
            hz: hz as u64,
            last: 0,
            wraps: 0,
        }
    }

    /// Time at the counter's present count.
    pub fn now_ns(&mut self, count: u32) -> u64 {
        if count < self.last {
            self.wraps = self.wraps.wrapping_add(1);
        }
        self.last = count;
        self.ns(self.wraps, count)
    }

    /// Time at a count that a timer captured at most half a wrap ago.
    #[must_use]
    pub fn captured_ns(&self, count: u32) -> u64 {
        let before_wrap = count > self.last;
        self.ns(self.wraps.wrapping_sub(u32::from(before_wrap)), count)
    }

    /// The counter's first count that is not before a time, as a timer compares it.
    #[must_use]
    pub fn count_at(&self, ns: u64) -> u32 {
        let rest = ((ns % NS_PER_S) * self.hz).div_ceil(NS_PER_S);
        ((ns / NS_PER_S) * self.hz + rest) as u32
    }

    fn ns(&self, wraps: u32, count: u32) -> u64 {
        let ticks = u64::from(wraps) << 32 | u64::from(count);
        // In parts: ticks times nanoseconds would overflow within minutes.
        (ticks / self.hz) * NS_PER_S + (ticks % self.hz) * NS_PER_S / self.hz
    }
}
