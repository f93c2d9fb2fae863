//! Before the first message: the run's name, what the log says of itself, and the progress bar.

use super::log::LogWriter;
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::staged::{Cause, Staged};
use crate::plan::{Mode, Plan, RUN_METADATA, SENSORS_METADATA};
use crate::record_policy::RecordPolicy;
use anyhow::{Context, Result};
use drafthorse_record::messages::{camera_calibration, drafthorse as message, encode_transform};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Frame of the vehicle.
const VEHICLE_FRAME: &str = "vehicle";

/// A name no log in the folder has yet: `NAME-YYYYMMDDThhmmssZ`, with a number if that is taken.
pub fn run_name(dir: &Path, name: &str) -> Result<String> {
    std::fs::create_dir_all(dir)
        .and_then(|()| tempfile::tempfile_in(dir))
        .with_context(|| {
            let dir = dir.display();
            format!("cannot write into the folder {dir}; name another with --out")
        })?;
    let seconds = drafthorse_sensors::vehicle_clock_ns() / 1_000_000_000;
    let stamp = utc(seconds);
    let mut candidate = format!("{name}-{stamp}");
    let mut count = 1;
    while is_taken(dir, &candidate)? {
        count += 1;
        candidate = format!("{name}-{stamp}-{count}");
    }
    Ok(candidate)
}

/// Whether a log of that name is in the folder, or in the ring beside it.
fn is_taken(dir: &Path, name: &str) -> Result<bool> {
    let begins = format!("{name}-");
    for place in [dir.to_owned(), dir.join("ring")] {
        if !place.is_dir() {
            continue;
        }
        let files = std::fs::read_dir(&place);
        for file in files.with_context(|| format!("cannot read {}", place.display()))? {
            let file = file?.file_name();
            let file = file.to_string_lossy();
            if file.ends_with(".mcap") && file.starts_with(&begins) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// `YYYYMMDDThhmmssZ` of seconds since the epoch (civil-from-days after Hinnant).
fn utc(seconds: u64) -> String {
    let (days, second_of_day) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Writes what holds for the whole log: the plan, the sensors' names, mounting and calibration.
///
/// `first_ns` is the time the static messages carry.
pub fn describe(
    plan: &Plan,
    policy: RecordPolicy,
    channels: &Channels,
    log: &LogWriter,
    first_ns: u64,
) -> Result<()> {
    let recorder = log.recorder();
    let plan_json = serde_json::to_string(plan).context("the plan cannot be written")?;
    recorder.add_metadata(
        RUN_METADATA,
        &BTreeMap::from([
            ("name".to_owned(), plan.name.clone()),
            ("version".to_owned(), plan.version.clone()),
            ("plan".to_owned(), plan_json),
            ("unrelated".to_owned(), plan.clock.unrelated.to_string()),
            ("policy".to_owned(), policy.to_string()),
        ]),
    );
    let names = plan
        .sensors()
        .map(|(id, s)| (id.0.to_string(), s.name.clone()))
        .collect();
    recorder.add_metadata(SENSORS_METADATA, &names);

    for (entry, bytes) in static_messages(plan, channels, first_ns).iter() {
        recorder.latch(
            log.id(entry.channel),
            entry.log_time_ns,
            entry.publish_time_ns,
            bytes,
        );
    }
    Ok(())
}

/// Marks the beginning of a run: every lane's state is the initial one.
pub(super) fn begin(log: &LogWriter, first_ns: u64) {
    let begin = message::LaneStep {
        begin: true,
        ..Default::default()
    };
    let cause = Cause::at(first_ns);
    log.append_message(&mut log.batch(), Channel::STEP, cause, &begin);
}

/// Mounting and calibration of all sensors.
fn static_messages(plan: &Plan, channels: &Channels, first_ns: u64) -> Staged {
    let mut staged = Staged::default();
    let cause = Cause::at(first_ns);
    for (id, sensor) in plan.sensors() {
        let optical = format!("{}_optical", sensor.name);
        let body = sensor.mount.parent_from_self();
        staged.push(Channel::MOUNTS, cause, |buf| {
            encode_transform(VEHICLE_FRAME, &sensor.name, &body, first_ns, buf);
        });
        let Some(camera) = channels.sensor(id).camera else {
            continue;
        };
        let optical_mount = sensor.mount.vehicle_from_optical();
        staged.push(Channel::MOUNTS, cause, |buf| {
            encode_transform(VEHICLE_FRAME, &optical, &optical_mount, first_ns, buf);
        });
        if let Some(model) = &sensor.camera {
            let calibration = camera_calibration(model, &optical, first_ns);
            staged.push_message(camera.calibration, cause, &calibration);
        }
    }
    staged
}

/// What is being done before the run begins, on the terminal.
pub(super) struct Spinner(ProgressBar);

impl Spinner {
    pub(super) fn new(visible: bool) -> Self {
        let bar = match visible {
            true => ProgressBar::new_spinner(),
            false => ProgressBar::hidden(),
        };
        if visible {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self(bar)
    }

    pub(super) fn show(&self, words: String) {
        self.0.set_message(words);
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Progress on the terminal: a bar over recordings, a running count over live sources.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(visible: bool, mode: Mode) -> Self {
        let bar = match (visible, mode) {
            (false, _) => ProgressBar::hidden(),
            (true, Mode::File) => ProgressBar::new(1000),
            (true, Mode::Live) => ProgressBar::new_spinner(),
        };
        let template = match mode {
            Mode::File => "{bar:40.cyan/black} {percent:>3} %  {elapsed}  {msg}",
            Mode::Live => "{spinner} live {elapsed}  {msg}  (Ctrl-C finishes the log)",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if visible {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar }
    }

    /// Shows the part done (0 to 1) and a few words.
    pub(super) fn show(&self, part: Option<f64>, words: String) {
        if let Some(part) = part {
            self.bar
                .set_position((part.clamp(0.0, 1.0) * 1000.0) as u64);
        }
        self.bar.set_message(words);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn utc_of_known_instants() {
        assert_eq!(utc(0), "19700101T000000Z");
        assert_eq!(utc(951_782_400), "20000229T000000Z");
        assert_eq!(utc(1_708_578_204), "20240222T050324Z");
        assert_eq!(utc(4_102_444_799), "20991231T235959Z");
    }
}
