//! What became of the blocks.

use std::collections::BTreeMap;
use std::time::Duration;
use tonic::Code;

#[derive(Default)]
pub(crate) struct Tally {
    /// Blocks that there were.
    pub(crate) blocks: usize,
    /// Calls that were made.
    pub(crate) calls: usize,
    /// From the moment a block was there to its answer.
    pub(crate) latencies: Vec<Duration>,
    /// Calls that were not answered, by what was said.
    pub(crate) refused: BTreeMap<String, usize>,
    /// Blocks that waited in a vehicle at most.
    pub(crate) longest_spool: usize,
    /// When the last block that waited was answered, behind the end of the peak.
    pub(crate) recovered_after: Duration,
    /// Calls of all vehicles in each second.
    pub(crate) calls_in_second: BTreeMap<u64, usize>,
}

impl Tally {
    pub(crate) fn refuse(&mut self, code: Code) {
        *self.refused.entry(format!("{code:?}")).or_default() += 1;
    }

    pub(crate) fn call(&mut self, at: Duration) {
        self.calls += 1;
        *self.calls_in_second.entry(at.as_secs()).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.calls += other.calls;
        self.latencies.extend(other.latencies);
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        self.longest_spool = self.longest_spool.max(other.longest_spool);
        self.recovered_after = self.recovered_after.max(other.recovered_after);
        for (second, count) in other.calls_in_second {
            *self.calls_in_second.entry(second).or_default() += count;
        }
    }

    pub(crate) fn json(mut self, took: Duration) -> serde_json::Value {
        self.latencies.sort();
        let at = |share: f64| {
            let index = (share * self.latencies.len() as f64) as usize;
            let latency = self.latencies.get(index).or(self.latencies.last());
            latency.map(|latency| (latency.as_secs_f64() * 1e5).round() / 1e2)
        };
        let per_s = self.latencies.len() as f64 / took.as_secs_f64();
        serde_json::json!({
            "blocks": self.blocks,
            "answered": self.latencies.len(),
            "answered_per_s": (per_s * 10.0).round() / 10.0,
            "calls": self.calls,
            "most_calls_in_a_second": self.calls_in_second.values().max(),
            "refused": self.refused,
            "latency_ms": { "p50": at(0.5), "p99": at(0.99), "most": at(1.0) },
            "longest_spool": self.longest_spool,
            "recovered_after_s": (self.recovered_after.as_secs_f64() * 10.0).round() / 10.0,
            "took_s": (took.as_secs_f64() * 10.0).round() / 10.0,
        })
    }
}
