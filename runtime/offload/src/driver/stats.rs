use hdrhistogram::Histogram;

use crate::engine::{Counts, Engine};
use crate::link::LinkView;

/// What a run of offloading came to so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// How many blocks of what.
    pub counts: Counts,
    /// What is known of the link.
    pub link: LinkView,
    /// Why the last call brought nothing; none where it was answered.
    pub fault: Option<String>,
    /// Blocks without a verdict.
    pub waiting: usize,
    /// Bytes that the spool counts against its bound.
    pub spool_bytes: u64,
    /// Bytes that went over the wire, TLS and HTTP/2 included.
    pub sent_bytes: u64,
    /// Bytes that came.
    pub received_bytes: u64,
    /// By how much first outcomes were handed out after their deadline: the median, 0 where they were in time.
    pub late_p50_ns: u64,
    /// The same, of 999 in 1000.
    pub late_p999_ns: u64,
    /// The same, of all.
    pub late_most_ns: u64,
}

/// Stats as they are gathered.
pub(super) struct Gathered {
    pub(super) spool_bytes: u64,
    pub(super) fault: Option<String>,
    late: Option<Histogram<u64>>,
}

impl Gathered {
    pub(super) fn new(spool_bytes: u64) -> Self {
        Self {
            spool_bytes,
            fault: None,
            // Two digits from a nanosecond on; the bounds are right, so that there always is one.
            late: Histogram::new(2).ok(),
        }
    }

    pub(super) fn late(&mut self, by_ns: u64) {
        if let Some(late) = &mut self.late {
            late.saturating_record(by_ns);
        }
    }

    pub(super) fn stats(&self, engine: &Engine, sent: u64, received: u64) -> Stats {
        let late = |q| self.late.as_ref().map_or(0, |h| h.value_at_quantile(q));
        Stats {
            counts: engine.counts(),
            link: engine.view(),
            fault: self.fault.clone(),
            waiting: engine.waiting(),
            spool_bytes: self.spool_bytes,
            sent_bytes: sent,
            received_bytes: received,
            late_p50_ns: late(0.5),
            late_p999_ns: late(0.999),
            late_most_ns: self.late.as_ref().map_or(0, Histogram::max),
        }
    }
}
