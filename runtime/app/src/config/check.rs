//! What of a configuration cannot run, in words.

use super::Config;
use crate::record_policy::{RecordPolicy, WindowSettings};
use anyhow::{Context, Result, bail};
use drafthorse_keyframes::EventConfig;
use drafthorse_sensors::SourceKind;
use drafthorse_sensors::sync::triggers_of;

impl Config {
    /// Refuses what cannot run, in words.
    pub fn check(&self) -> Result<()> {
        if self.sensors.is_empty() {
            bail!(
                "the configuration names no sensor; add a [[sensors]] table with name and source"
            );
        }
        check_name("run", &self.name)?;
        for (i, sensor) in self.sensors.iter().enumerate() {
            check_name("sensor", &sensor.name)?;
            if self.sensors[..i].iter().any(|s| s.name == sensor.name) {
                bail!(
                    "two sensors are named {:?}; give each its own name",
                    sensor.name
                );
            }
            if sensor
                .time_offset_ms
                .is_some_and(|ms| !ms.is_finite() || ms.abs() > 3.6e9)
            {
                bail!(
                    "time_offset_ms of sensor {:?} must be a number of milliseconds within 1000 hours",
                    sensor.name
                );
            }
        }
        self.check_triggers()?;
        if let Err(why) = self.clock.check() {
            bail!("the [clock] table cannot be used: {why}");
        }
        self.detector
            .check()
            .context("the [detector] table cannot be used")?;
        if !(50..=10_000).contains(&self.record.flush_interval_ms) {
            bail!(
                "record.flush_interval_ms is {}; choose 50 to 10000",
                self.record.flush_interval_ms
            );
        }
        if !(2..=65_536).contains(&self.record.buffer_mib) {
            bail!(
                "record.buffer_mib is {}; choose 2 to 65536",
                self.record.buffer_mib
            );
        }
        self.record.check_quota()?;
        self.record.windows.check()?;
        self.keyframes.check()?;
        self.check_policy()?;
        self.check_vision()?;
        if !(1..=256).contains(&self.engine.threads) {
            bail!("engine.threads is {}; choose 1 to 256", self.engine.threads);
        }
        for network in &self.networks {
            if network.hz.is_some_and(|hz| !(hz > 0.0 && hz <= 1000.0)) {
                bail!(
                    "hz of the network {} must be a number of pictures a second above 0, at most 1000; leave it out for every picture",
                    network.model.display()
                );
            }
        }
        if self.engine.tensorrt_calibration.is_some() && !self.engine.tensorrt_int8 {
            bail!("engine.tensorrt_calibration is for 8 bits: set engine.tensorrt_int8 too");
        }
        for (name, [min, opt, max]) in &self.engine.tensorrt_axes {
            if min > opt || opt > max || *max == 0 {
                bail!(
                    "engine.tensorrt_axes.{name} must be shortest, fastest and longest length in that order"
                );
            }
        }
        let lanes = &self.lanes;
        let queues = [lanes.radar_queue, lanes.can_queue, lanes.camera_queue];
        if queues.iter().any(|queue| !(1..=65_536).contains(queue)) {
            bail!("lanes.radar_queue, lanes.can_queue and lanes.camera_queue must be 1 to 65536");
        }
        let deadlines = [lanes.radar_deadline_ms, lanes.camera_deadline_ms];
        if deadlines.iter().any(|ms| !(*ms > 0.0 && *ms <= 3.6e6)) {
            bail!(
                "lanes.radar_deadline_ms and lanes.camera_deadline_ms must be above 0, at most an hour"
            );
        }
        self.governor
            .ladder()
            .context("the [governor] table cannot be used")?;
        if !(1..=100).contains(&self.camera.preview_quality) {
            bail!("camera.preview_quality must be 1 to 100");
        }
        if !self.camera.preview_hz.is_finite() || self.camera.preview_hz < 0.0 {
            bail!("camera.preview_hz must be a number of pictures a second, 0 or more");
        }
        Ok(())
    }

    /// What is set and says nothing, in words.
    pub fn unused(&self) -> Option<String> {
        let record = &self.record;
        let windows = record.windows != WindowSettings::default();
        let events = record.events != EventConfig::default();
        let (table, wants) = match record.policy {
            RecordPolicy::All if windows => ("record.windows", "keyframes or events"),
            RecordPolicy::All | RecordPolicy::Keyframes if events => ("record.events", "events"),
            _ => return None,
        };
        Some(format!(
            "{table} is set, and record.policy is {}, which does not go by it; choose the policy {wants} for that",
            record.policy
        ))
    }

    /// A window around a keyframe is whole only if it waits until the keyframe is decided.
    fn check_policy(&self) -> Result<()> {
        let keyframes = &self.keyframes;
        if self.record.policy != RecordPolicy::All && !keyframes.enabled {
            bail!(
                "record.policy is not all but keyframes.enabled is false: nothing looks for keyframes and events"
            );
        }
        drafthorse_keyframes::Events::new(&self.record.events)
            .context("record.events cannot be used")?;
        if self.record.policy != RecordPolicy::Keyframes {
            return Ok(());
        }
        let decided_s = keyframes.decided_after_s();
        let waits_s = self.record.windows.decision_s;
        if waits_s < decided_s {
            bail!(
                "record.windows.decision_s is {waits_s} but keyframes are decided up to {decided_s:.1} s after their moment: choose that or more"
            );
        }
        Ok(())
    }

    fn check_vision(&self) -> Result<()> {
        if let Err(why) = self.router.check() {
            bail!("the [router] table cannot be used: {why}");
        }
        let Some(vision) = &self.vision else {
            if self.offload.is_some() {
                bail!(
                    "there is an [offload] table but no [vision] table: drafts of descriptions are what is sent"
                );
            }
            return Ok(());
        };
        if !self.keyframes.enabled {
            bail!(
                "there is a [vision] table but keyframes.enabled is false: keyframes are what is described"
            );
        }
        if self.camera.preview_width_px == 0 || self.camera.preview_hz == 0.0 {
            bail!(
                "there is a [vision] table but camera.preview_width_px or camera.preview_hz is 0: previews are what the model looks at"
            );
        }
        vision.check()?;
        vision.check_unasked()?;
        if let Some(Err(why)) = self
            .offload
            .as_ref()
            .map(drafthorse_offload::Settings::check)
        {
            bail!("the [offload] table cannot be used: {why}");
        }
        if self.offload.is_some() && self.record.policy == RecordPolicy::Events {
            bail!(
                "there is an [offload] table and record.policy is events: verdicts come after their moment, and would be dropped with what is around them; choose keyframes or all"
            );
        }
        if self.offload.is_some() && vision.drafter.is_none() {
            bail!(
                "there is an [offload] table but vision.drafter names no drafter: drafts are what is sent"
            );
        }
        Ok(())
    }

    fn check_triggers(&self) -> Result<()> {
        for sensor in &self.sensors {
            let Some(trigger) = &sensor.trigger else {
                continue;
            };
            let (name, source) = (&sensor.name, &sensor.source);
            if source.kind() != SourceKind::Camera || !source.is_live() {
                bail!("sensor {name:?} has a trigger, which is for live cameras");
            }
            let sync = self.sensors.iter().find(|other| {
                other.name == trigger.sync && other.source.kind() == SourceKind::Sync
            });
            let Some(sync) = sync else {
                bail!(
                    "the trigger of sensor {name:?} names {:?}, and no sensor with a source `sync:` has that name",
                    trigger.sync
                );
            };
            if !triggers_of(&sync.source).any(|declared| declared.output == trigger.output) {
                bail!(
                    "the trigger of sensor {name:?} names output {0}, whose pulses {1} does not declare; add out{0}=HZ",
                    trigger.output,
                    sync.source
                );
            }
            if !(0.0..=10_000.0).contains(&trigger.delay_ms.abs()) {
                bail!(
                    "trigger.delay_ms of sensor {name:?} must be a number of milliseconds within 10 seconds"
                );
            }
        }
        Ok(())
    }
}

pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        bail!("the {what} name {name:?} must be 1 to 64 letters, digits, '_' or '-'");
    }
    if what == "sensor"
        && matches!(
            name,
            "radar" | "align" | "lanes" | "vehicle" | "odom" | "keyframes"
        )
    {
        bail!("the sensor name {name:?} is reserved; choose another, for example {name}0");
    }
    Ok(())
}
