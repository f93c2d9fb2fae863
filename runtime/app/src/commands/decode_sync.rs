//! Records of the sync microcontroller as `drafthorse decode` tells them.

use drafthorse_core::RawMessage;
use drafthorse_link::Line;
use drafthorse_sensors::sync::SyncRecord;
use serde_json::{Value, json};

/// The object of the contract, and the words for a person.
pub(super) fn line(raw: &RawMessage, record: &SyncRecord) -> (Value, String) {
    let at = raw.captured_ns;
    let (mut value, words) = match record {
        SyncRecord::Edge(edge) => {
            let line = name(edge.line);
            let words = format!("{at} sync_edge {line} #{}", edge.count);
            let value = json!({
                "kind": "sync_edge", "line": line, "count": edge.count, "at_mcu_ns": edge.at_mcu_ns,
            });
            (value, words)
        }
        SyncRecord::Imu(imu) => {
            let force = imu.force_umps2.map(|umps2| f64::from(umps2) * 1e-6);
            let turn = imu.turn_rate_uradps.map(|uradps| f64::from(uradps) * 1e-6);
            let words = format!("{at} sync_imu {force:.3?} m/s^2 {turn:.4?} rad/s");
            let value = json!({
                "kind": "sync_imu", "force_mps2": force, "turn_rate_radps": turn,
                "at_mcu_ns": imu.at_mcu_ns,
            });
            (value, words)
        }
        SyncRecord::Status(status) => {
            let words = format!("{at} sync_status faults {:#04x}", status.faults.0);
            let value = json!({
                "kind": "sync_status", "firmware": status.firmware, "faults": status.faults.0,
                "after_watchdog": status.after_watchdog, "frames_refused": status.frames_refused,
                "messages_dropped": status.messages_dropped, "triggers_late": status.triggers_late,
                "pps_refused": status.pps_refused, "at_mcu_ns": status.at_mcu_ns,
            });
            (value, words)
        }
        SyncRecord::Clock(clock) => {
            let words = format!(
                "{at} sync_clock drift {:.0} ns/s, half round trip {:.1} us",
                clock.drift_nsps,
                clock.half_round_trip_ns as f64 / 1e3
            );
            let value = json!({
                "kind": "sync_clock", "session": clock.session, "drift_nsps": clock.drift_nsps,
                "std_ns": clock.std_ns, "half_round_trip_ns": clock.half_round_trip_ns,
                "pps_offset_ns": clock.pps_offset_ns, "exchanges": clock.exchanges,
                "exchanges_rejected": clock.exchanges_rejected,
                "frames_refused": clock.frames_refused, "frames_missing": clock.frames_missing,
                "at_mcu_ns": clock.at_mcu_ns,
            });
            (value, words)
        }
    };
    value["captured_ns"] = json!(at);
    value["received_ns"] = json!(raw.received_ns);
    value["sequence"] = json!(raw.sequence);
    (value, words)
}

fn name(line: Line) -> String {
    match line {
        Line::Trigger(output) => format!("out{output}"),
        Line::Pps => "pps".to_owned(),
        Line::Input(input) => format!("in{input}"),
    }
}
