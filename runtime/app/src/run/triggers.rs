//! Cameras that the sync microcontroller triggers: their pictures take the stamps of its pulses before they are logged.

use super::lock;
use crate::plan::Plan;
use anyhow::{Context, Result};
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_link::Line;
use drafthorse_sensors::SourceUri;
use drafthorse_sensors::sync::{FrameMatcher, MatchEvent, SyncRecord, triggers_of};
use std::sync::Mutex;

/// All cameras of a run that are triggered.
pub(crate) struct Triggers(Vec<Triggered>);

struct Triggered {
    camera: SensorId,
    name: String,
    sync: SensorId,
    output: u8,
    /// Added to the camera's stamps already, ns.
    offset_ns: i64,
    matcher: Mutex<FrameMatcher>,
}

impl Triggers {
    /// Those of a plan.
    pub(super) fn new(plan: &Plan) -> Result<Self> {
        let mut cameras = Vec::new();
        for (camera, sensor) in plan.sensors() {
            let Some(trigger) = &sensor.trigger else {
                continue;
            };
            let mut sensors = plan.sensors();
            let found = sensors
                .find(|(_, other)| other.format == RawFormat::Sync && other.name == trigger.sync);
            let (sync, source) = found
                .with_context(|| format!("no sync microcontroller is named {:?}", trigger.sync))?;
            let uri: SourceUri = source.source.parse()?;
            let mut declared = triggers_of(&uri);
            let declared = declared.find(|declared| declared.output == trigger.output);
            let declared = declared.with_context(|| {
                format!(
                    "{} does not declare output {}",
                    trigger.sync, trigger.output
                )
            })?;
            let delay_ns = (1e6 * trigger.delay_ms).round() as i64;
            cameras.push(Triggered {
                camera,
                name: sensor.name.clone(),
                sync,
                output: trigger.output,
                offset_ns: sensor.time_offset_ns,
                matcher: Mutex::new(FrameMatcher::new(declared.rate_millihz, delay_ns)),
            });
        }
        Ok(Self(cameras))
    }

    /// Takes a message of a live source on its way to the log: learns pulses, and gives a triggered picture its pulse's
    /// stamp. A fault is to be told.
    pub(super) fn take(&self, raw: &mut RawMessage) -> Option<Fault> {
        if raw.format == RawFormat::Sync {
            self.learn(raw);
            return None;
        }
        let triggered = self.0.iter().find(|of| of.camera == raw.sensor)?;
        let matcher = &mut *lock(&triggered.matcher);
        let own_ns = raw.captured_ns.saturating_add_signed(-triggered.offset_ns);
        if let Some(pulse_ns) = matcher.frame(raw.sequence, own_ns) {
            raw.captured_ns = pulse_ns.saturating_add_signed(triggered.offset_ns);
        }
        let event = matcher.take_event()?;
        Some(triggered.fault(event, raw.received_ns))
    }

    fn learn(&self, raw: &RawMessage) {
        if self.0.is_empty() {
            return;
        }
        let Ok(SyncRecord::Edge(edge)) = SyncRecord::decode(&raw.data) else {
            return;
        };
        let Line::Trigger(output) = edge.line else {
            return;
        };
        for of in &self.0 {
            if (of.sync, of.output) == (raw.sensor, output) {
                lock(&of.matcher).pulse(edge.count, raw.captured_ns);
            }
        }
    }
}

impl Triggered {
    fn fault(&self, event: MatchEvent, at_ns: u64) -> Fault {
        let (name, output) = (&self.name, self.output);
        let (count, detail) = match event {
            MatchEvent::Unmatched(count) => (
                count,
                format!(
                    "pictures of {name} belong to no pulse of output {output} and keep their own stamps; is the camera set \
                     to be triggered, and trigger.delay_ms right?"
                ),
            ),
            MatchEvent::Matched(count) => (
                count,
                format!(
                    "pictures of {name} have the stamps of their pulses again, after some that kept their own"
                ),
            ),
            MatchEvent::Moved(by) if by > 0 => (
                by.unsigned_abs(),
                format!(
                    "{name} took no pictures of some pulses of output {output} and did not count them"
                ),
            ),
            MatchEvent::Moved(by) => (
                by.unsigned_abs(),
                format!("{name} took pictures without a pulse of output {output}, or counts anew"),
            ),
        };
        Fault {
            kind: FaultKind::TriggerMismatch,
            sensor: Some(self.camera),
            at_ns,
            count,
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn triggers_that_cannot_be_are_refused_in_words() {
        let check = |camera: &str, trigger: &str| {
            let text = format!(
                "[[sensors]]\nname = \"mcu\"\nsource = \"sync:/dev/ttyTHS1?out2=20\"\n\
                 [[sensors]]\nname = \"front\"\nsource = \"{camera}\"\ntrigger = {{ {trigger} }}\n"
            );
            let config: Config = toml::from_str(&text).unwrap();
            config.check().map_err(|error| error.to_string())
        };
        let camera = "v4l2:/dev/video0";
        check(camera, "sync = \"mcu\", output = 2, delay_ms = 12.0").unwrap();
        for (camera, trigger, word) in [
            (
                "video:drive.mp4",
                "sync = \"mcu\", output = 2",
                "live cameras",
            ),
            (
                "ars548+udp:224.0.2.2:42102",
                "sync = \"mcu\", output = 2",
                "live cameras",
            ),
            (camera, "sync = \"other\", output = 2", "\"other\""),
            (camera, "sync = \"front\", output = 2", "`sync:`"),
            (camera, "sync = \"mcu\", output = 3", "out3=HZ"),
            (
                camera,
                "sync = \"mcu\", output = 2, delay_ms = nan",
                "delay_ms",
            ),
        ] {
            let error = check(camera, trigger).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
