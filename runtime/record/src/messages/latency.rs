//! Measured times of a lane's step.

use super::drafthorse::LaneLatency;
use super::field::{begin_bytes, put_bytes};
use prost::encoding::{encoded_len_varint, uint64};

/// Appends a `drafthorse.LaneLatency` with stage names and durations in nanoseconds.
pub fn encode_lane_latency(
    lane: &str,
    step: u64,
    queue_ns: u64,
    total_ns: u64,
    stages: &[(&str, u64)],
    buf: &mut Vec<u8>,
) {
    use prost::Message as _;
    put_bytes(buf, 1, lane.as_bytes());
    LaneLatency {
        step,
        queue_ns,
        total_ns,
        ..Default::default()
    }
    .encode_raw(buf);
    for (stage, ns) in stages {
        // Field 1: key, length, bytes; field 2: key, varint.
        let name_len = 1 + encoded_len_varint(stage.len() as u64) + stage.len();
        begin_bytes(buf, 4, name_len + uint64::encoded_len(2, ns));
        put_bytes(buf, 1, stage.as_bytes());
        uint64::encode(2, ns, buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;

    #[test]
    fn reads_back() {
        let mut buf = Vec::new();
        encode_lane_latency(
            "radar",
            7,
            300,
            90_000,
            &[("decode", 5), ("track", 0)],
            &mut buf,
        );
        let read = LaneLatency::decode(buf.as_slice()).unwrap();
        assert_eq!((read.lane.as_str(), read.step), ("radar", 7));
        assert_eq!((read.queue_ns, read.total_ns), (300, 90_000));
        let stages: Vec<_> = read
            .stages
            .iter()
            .map(|s| (s.stage.as_str(), s.ns))
            .collect();
        assert_eq!(stages, [("decode", 5), ("track", 0)]);
    }
}
