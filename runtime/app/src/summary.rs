//! The run's summary: counts, drops, faults and latencies, for people and for programs.

pub use crate::network_summary::{NetworkCheck, NetworkSummary};
use crate::pipeline::faults::FaultLog;
use crate::pipeline::keyframes::LeftOut;
use drafthorse_record::DroppedTotals;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Percentiles of one stage, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

/// Latency histograms by stage name. Recording into a known stage allocates nothing.
#[derive(Debug, Default)]
pub struct Latencies {
    stages: BTreeMap<&'static str, Histogram<u64>>,
}

impl Latencies {
    /// Adds one duration.
    pub fn record(&mut self, stage: &'static str, ns: u64) {
        if let Some(histogram) = self.stages.get_mut(stage) {
            histogram.saturating_record(ns.max(1));
            return;
        }
        // 1 ns to 100 s at two significant digits: 1 % resolution in some 40 kB a stage.
        if let Ok(mut histogram) = Histogram::new_with_bounds(1, 100_000_000_000, 2) {
            histogram.saturating_record(ns.max(1));
            self.stages.insert(stage, histogram);
        }
    }

    /// Joins another lane's histograms.
    pub fn merge(&mut self, other: Self) {
        for (stage, histogram) in other.stages {
            match self.stages.entry(stage) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(histogram);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    // Same bounds everywhere, so adding cannot fail.
                    let _ = entry.get_mut().add(&histogram);
                }
            }
        }
    }

    /// Percentiles by stage, ms.
    pub fn percentiles_ms(&self) -> BTreeMap<String, Percentiles> {
        let ms = |ns: u64| ns as f64 / 1e6;
        self.stages
            .iter()
            .map(|(stage, h)| {
                let p = Percentiles {
                    p50: ms(h.value_at_quantile(0.5)),
                    p90: ms(h.value_at_quantile(0.9)),
                    p99: ms(h.value_at_quantile(0.99)),
                    max: ms(h.max()),
                };
                ((*stage).to_owned(), p)
            })
            .collect()
    }
}

/// What became of drafted blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BlockSummary {
    /// Blocks that were drafted, a keyframe each.
    pub drafted: u64,
    /// Pictures in them.
    pub drafted_pictures: u64,
    /// Of these: good enough for the router, never sent.
    pub accepted: u64,
    /// The target would have written the same.
    pub confirmed: u64,
    /// The target wrote something else.
    pub corrected: u64,
    /// No word of the target in time.
    pub unverified: u64,
    /// Verdicts on blocks that had been unverified, of this run or an earlier one.
    pub amended: u64,
    /// Bytes to the target and from it, TLS and HTTP/2 included.
    pub sent_bytes: u64,
    /// The same, received.
    pub received_bytes: u64,
    /// Bytes of the blocks' pictures as they are in the log.
    pub pictures_bytes: u64,
    /// Why the last call to the target brought nothing; absent where it was answered.
    pub link_fault: Option<String>,
    /// Accepted blocks that were sent all the same, and the share of them whose worst picture the target agreed with;
    /// beside it the share that the router had foretold.
    pub audits: u64,
    /// See `audits`.
    pub audits_agreed: Option<f64>,
    /// See `audits`.
    pub audits_foretold: Option<f64>,
}

impl BlockSummary {
    fn words(&self) -> String {
        let mut words = format!(
            "{} accepted, {} confirmed, {} corrected, {} unverified",
            self.accepted, self.confirmed, self.corrected, self.unverified
        );
        if self.drafted_pictures > self.drafted {
            let (blocks, pictures) = (self.drafted, self.drafted_pictures);
            words = format!("{blocks} of {pictures} pictures: {words}");
        }
        if self.amended > 0 {
            words += &format!(", {} amended", self.amended);
        }
        if self.sent_bytes > 0 {
            let kib = |bytes: u64| bytes as f64 / 1024.0;
            let (sent, pictures) = (kib(self.sent_bytes), kib(self.pictures_bytes));
            words += &format!("; {sent:.1} KiB sent where the pictures have {pictures:.1}");
        }
        if let Some(fault) = &self.link_fault {
            words += &format!("; no answer at last: {fault}");
        }
        words
    }
}

/// What the governor did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GovernorSummary {
    /// Times that it changed the rung.
    pub changes: u64,
    /// The same by reason: `late`, `busy`, `hot`, `power`, `room`.
    pub changes_by_reason: BTreeMap<&'static str, u64>,
    /// Time below full quality, s.
    pub below_full_s: f64,
    /// The lowest rung, 0 for full quality.
    pub lowest_rung: usize,
    /// The hottest zone of the board at its hottest, degrees Celsius; absent where it tells none.
    pub hottest_c: Option<f64>,
    /// Turns of knobs, the first thousand.
    pub turns: Vec<TurnSummary>,
}

/// A knob was turned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurnSummary {
    /// When, ns on the vehicle clock.
    pub at_ns: u64,
    /// Which, as in the configuration.
    pub knob: String,
    /// Its value before.
    pub from: f64,
    /// Its value from then on.
    pub to: f64,
    /// Why.
    pub reason: &'static str,
}

impl GovernorSummary {
    fn words(&self) -> String {
        let mut words = match self.changes {
            0 => "full quality throughout".to_owned(),
            changes => {
                let reasons = self.changes_by_reason.iter();
                let reasons: Vec<_> = reasons.map(|(why, n)| format!("{why} {n}")).collect();
                format!(
                    "{changes} changes ({}), {:.0} s below full quality",
                    reasons.join(", "),
                    self.below_full_s
                )
            }
        };
        if let Some(hottest_c) = self.hottest_c {
            words += &format!(", board at most {hottest_c:.1} °C");
        }
        words
    }
}

/// What a run did. Its JSON is a contract: see docs/commands.md.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Radar scans, object lists and track cycles perceived.
    pub scans: u64,
    /// Camera frames decoded.
    pub frames: u64,
    /// Distinct tracked objects.
    pub tracks: u64,
    /// Most objects tracked at once.
    pub most_tracks: u64,
    /// Moments chosen as keyframes.
    pub keyframes: u64,
    /// Pictures and scans that came too late for the choice of keyframes.
    pub keyframe_parts_late: u64,
    /// Moments that stood out and for which there was no room to wait for the budget.
    pub keyframe_apexes_refused: u64,
    /// Keyframes that a model described.
    pub descriptions: u64,
    /// What became of drafted descriptions; all 0 where no drafter is configured.
    pub blocks: BlockSummary,
    /// Raw messages no lane took, and messages the recorder lost.
    pub drops: u64,
    /// Drops by lane, and `record`.
    pub drops_by_lane: BTreeMap<String, u64>,
    /// What the governor gave up, by lane: pictures not looked at, scans not shown to their network, and `vision` for
    /// keyframes not described.
    pub spared_by_lane: BTreeMap<String, u64>,
    /// What the governor did; absent in a run without one.
    pub governor: Option<GovernorSummary>,
    /// Faults, all kinds.
    pub faults: u64,
    /// Faults by kind.
    pub faults_by_kind: BTreeMap<String, u64>,
    /// Pairing outcomes: `paired`, `camera_only`, `radar_only`.
    pub pairs: BTreeMap<String, u64>,
    /// What each network did.
    pub networks: BTreeMap<String, NetworkSummary>,
    /// Span of capture time, s.
    pub duration_s: f64,
    /// Wall-clock time of the run, s.
    pub elapsed_s: f64,
    /// Percentiles by stage, ms.
    pub latency_ms: BTreeMap<String, Percentiles>,
    /// Messages in the log.
    pub messages: u64,
    /// Bytes of the log.
    pub bytes: u64,
    /// Windows that were kept, under a policy that does not keep all.
    pub kept_windows: u64,
    /// What such a policy dropped of the messages and bytes above.
    pub dropped_by_policy: DroppedTotals,
    /// First log file.
    pub log: Option<PathBuf>,
    /// All log files, in order.
    pub logs: Vec<PathBuf>,
    /// The report.
    pub report: Option<PathBuf>,
    /// Sensors whose source broke off with an error.
    pub failed_sources: Vec<String>,
    /// Lanes that broke off; their sensors were recorded and no longer perceived.
    pub failed_lanes: Vec<String>,
    /// Why recording stopped early, if it did.
    pub recording_stopped: Option<String>,
    /// The same where the disk refused, and not the declared floor of free space.
    pub recording_failed: Option<String>,
}

impl Summary {
    /// Sets the pairing outcomes: paired, camera only, radar only.
    pub fn add_outcomes(&mut self, outcomes: [u64; 3]) {
        for (name, count) in ["paired", "camera_only", "radar_only"]
            .into_iter()
            .zip(outcomes)
        {
            self.pairs.insert(name.to_owned(), count);
        }
    }

    /// Sets what the choice of keyframes could not take in.
    pub fn set_left_out(&mut self, left_out: LeftOut) {
        self.keyframe_parts_late = left_out.late;
        self.keyframe_apexes_refused = left_out.refused;
    }

    /// Adds what a lane was spared.
    pub fn add_spared(&mut self, lane: &str, count: u64) {
        if count > 0 {
            *self.spared_by_lane.entry(lane.to_owned()).or_default() += count;
        }
    }

    /// Adds a part's faults.
    pub fn add_faults(&mut self, faults: &FaultLog) {
        for (kind, count) in &faults.counts {
            *self.faults_by_kind.entry(kind.clone()).or_default() += count;
        }
    }

    /// Adds what a lane's networks did, by name.
    pub fn add_networks<'a>(
        &mut self,
        networks: impl Iterator<Item = (&'a str, &'a NetworkSummary)>,
    ) {
        for (name, of_sensor) in networks {
            let all = self.networks.entry(name.to_owned()).or_default();
            all.merge(of_sensor);
        }
    }

    /// The table for people.
    pub fn table(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<22} {value}");
        };
        row(
            "drive",
            format!("{:.1} s in {:.1} s", self.duration_s, self.elapsed_s),
        );
        row("radar scans", self.scans.to_string());
        row("camera frames", self.frames.to_string());
        row(
            "tracked objects",
            format!("{} ({} at once)", self.tracks, self.most_tracks),
        );
        let (late, refused) = (self.keyframe_parts_late, self.keyframe_apexes_refused);
        let left_out = match late + refused {
            0 => String::new(),
            _ => format!(" ({late} pictures and scans came too late, {refused} moments too many)"),
        };
        row("keyframes", format!("{}{left_out}", self.keyframes));
        if self.descriptions > 0 {
            row("descriptions", self.descriptions.to_string());
        }
        if self.blocks.drafted + self.blocks.amended > 0 {
            row("blocks", self.blocks.words());
        }
        row("pairing", counts(&self.pairs));
        row("drops", total_and_counts(self.drops, &self.drops_by_lane));
        if let Some(governor) = &self.governor {
            row("governor", governor.words());
        }
        if !self.spared_by_lane.is_empty() {
            let spared = self.spared_by_lane.values().sum();
            row("spared", total_and_counts(spared, &self.spared_by_lane));
        }
        row(
            "faults",
            total_and_counts(self.faults, &self.faults_by_kind),
        );
        for (name, network) in &self.networks {
            row(&format!("network {name}"), network.words());
        }
        let dropped = &self.dropped_by_policy;
        if self.kept_windows + dropped.segments > 0 {
            let what = match self.kept_windows {
                0 => "NOTHING: no trigger of the policy came".to_owned(),
                count => format!("{count} windows"),
            };
            let (messages, mib) = (dropped.messages, mib(dropped.bytes));
            row(
                "kept by policy",
                format!("{what}; {messages} messages in {mib:.1} MiB were dropped"),
            );
        }
        if let Some(reason) = &self.recording_stopped {
            row("recording stopped", reason.clone());
        }
        let _ = writeln!(
            text,
            "\n  {:<22} {:>9} {:>9} {:>9} {:>9}",
            "latency, ms", "p50", "p90", "p99", "max"
        );
        for (stage, p) in &self.latency_ms {
            let _ = writeln!(
                text,
                "  {stage:<22} {:>9.3} {:>9.3} {:>9.3} {:>9.3}",
                p.p50, p.p90, p.p99, p.max
            );
        }
        text.push('\n');
        for (i, log) in self.logs.iter().enumerate() {
            let name = if i == 0 { "log" } else { "" };
            let _ = writeln!(text, "  {name:<22} {}", log.display());
        }
        if let Some(report) = &self.report {
            let _ = writeln!(text, "  {:<22} {}", "report", report.display());
        }
        // What the log holds, not what passed by.
        let messages = self.messages.saturating_sub(dropped.messages);
        let bytes = self.bytes.saturating_sub(dropped.bytes);
        let _ = write!(text, "  {:<22} {messages}", "messages");
        if bytes > 0 {
            let _ = write!(text, " in {:.1} MiB", mib(bytes));
        }
        text.push('\n');
        text
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn counts(map: &BTreeMap<String, u64>) -> String {
    if map.is_empty() {
        return "-".to_owned();
    }
    let parts: Vec<_> = map
        .iter()
        .map(|(k, v)| format!("{v} {}", k.replace('_', " ")))
        .collect();
    parts.join(", ")
}

fn total_and_counts(total: u64, map: &BTreeMap<String, u64>) -> String {
    let detail: BTreeMap<_, _> = map.iter().filter(|(_, v)| **v > 0).collect();
    if detail.is_empty() {
        return total.to_string();
    }
    let parts: Vec<_> = detail.iter().map(|(k, v)| format!("{k} {v}")).collect();
    format!("{total} ({})", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_a_policy_left_and_counts_what_the_log_holds() {
        let of = |kept_windows| {
            let summary = Summary {
                messages: 1194,
                bytes: 8 << 20,
                kept_windows,
                dropped_by_policy: DroppedTotals {
                    segments: 3,
                    messages: 1194 - kept_windows,
                    bytes: (8 - kept_windows) << 20,
                },
                ..Summary::default()
            };
            summary.table()
        };
        let nothing = of(0);
        assert!(nothing.contains(
            "NOTHING: no trigger of the policy came; 1194 messages in 8.0 MiB were dropped"
        ));
        assert!(nothing.ends_with("messages               0\n"), "{nothing}");
        let some = of(2);
        assert!(some.contains("2 windows; 1192 messages") && !some.contains("NOTHING"));
        assert!(
            some.ends_with("messages               2 in 2.0 MiB\n"),
            "{some}"
        );
    }
}
