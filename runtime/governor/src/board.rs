//! Temperatures, power and load of the board, from sysfs and /proc; `tegrastats` where sysfs lacks them.

use crate::tegrastats::Tegrastats;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// What the board says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BoardReading {
    /// Degrees below the lowest trip point at which a zone slows the board down, of the zone that is nearest to its own.
    pub headroom_c: Option<f64>,
    /// The hottest zone, degrees Celsius.
    pub hottest_c: Option<f64>,
    /// Power drawn, W.
    pub power_w: Option<f64>,
    /// Share of the processors' time that was used since the last reading.
    pub busy: Option<f64>,
}

/// Trip points at which Linux or the board's firmware takes speed away.
const SLOWING: [&str; 2] = ["passive", "hot"];
/// Limit of a Jetson's zone that names none, degrees Celsius: these modules slow down from 99 on.
pub(crate) const LIMIT_C: f64 = 95.0;
/// Rail of a Jetson's monitor that all of the module's power goes through.
pub(crate) const WHOLE_RAILS: [&str; 3] = ["VDD_IN", "VIN_SYS_5V0", "VIN"];

/// Reads a board below a root folder (`/`, or a copy of its files for a test).
#[derive(Debug)]
pub struct Board {
    root: PathBuf,
    /// Limit of a zone that names none, degrees Celsius.
    limit_c: f64,
    /// Ticks spent, and spent idle, at the last reading.
    ticks: Option<(u64, u64)>,
    /// Tells what sysfs lacks.
    fallback: Option<Tegrastats>,
}

impl Board {
    /// The board whose `sys` and `proc` are in `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            limit_c: LIMIT_C,
            ticks: None,
            fallback: None,
        }
    }

    /// The same with another limit of zones that name none, degrees Celsius.
    #[must_use]
    pub fn with_limit(mut self, limit_c: f64) -> Self {
        self.limit_c = limit_c;
        self
    }

    /// Starts `program`, which prints lines as `tegrastats` does, where sysfs has no temperature or no power.
    ///
    /// # Errors
    /// Where it is needed and cannot be started.
    pub fn fall_back_on(&mut self, program: &Path) -> io::Result<()> {
        if self.zones().is_empty() || self.power_w().is_none() {
            self.fallback = Some(Tegrastats::start(program)?);
        }
        Ok(())
    }

    /// Reads what there is. What the board does not tell, or tells in a form that is not known, is absent.
    pub fn read(&mut self) -> BoardReading {
        let mut reading = self.read_files();
        let told = self.fallback.as_ref().and_then(Tegrastats::latest);
        if let Some(told) = told {
            if reading.headroom_c.is_none() {
                (reading.headroom_c, reading.hottest_c) = (told.headroom_c, told.hottest_c);
            }
            reading.power_w = reading.power_w.or(told.power_w);
        }
        reading
    }

    fn read_files(&mut self) -> BoardReading {
        let zones = self.zones();
        let least = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::min);
        BoardReading {
            headroom_c: least(&mut zones.iter().map(|(at, limit)| limit - at)),
            hottest_c: least(&mut zones.iter().map(|(at, _)| -at)).map(|at| -at),
            power_w: self.power_w(),
            busy: self.busy(),
        }
    }

    /// Temperature and limit of each thermal zone, degrees Celsius.
    fn zones(&self) -> Vec<(f64, f64)> {
        let zones = folders(&self.root.join("sys/class/thermal"), "thermal_zone");
        let zone = |folder: PathBuf| {
            let at = number(&folder.join("temp"))? / 1000.0;
            // A zone that is switched off reads as absolute zero or thereabouts.
            if !(-60.0..200.0).contains(&at) {
                return None;
            }
            let trips = (0..16).filter_map(|trip| {
                let kind = text(&folder.join(format!("trip_point_{trip}_type")))?;
                let at = number(&folder.join(format!("trip_point_{trip}_temp")))? / 1000.0;
                (SLOWING.contains(&kind.as_str()) && at > 0.0).then_some(at)
            });
            Some((at, trips.reduce(f64::min).unwrap_or(self.limit_c)))
        };
        zones.into_iter().filter_map(zone).collect()
    }

    /// Power through the rail that feeds the module, W; the sum of all rails where none is known as that.
    fn power_w(&self) -> Option<f64> {
        let mut whole = None;
        let mut sum = None;
        for monitor in folders(&self.root.join("sys/class/hwmon"), "hwmon") {
            if text(&monitor.join("name")).as_deref() != Some("ina3221") {
                continue;
            }
            for rail in 1..=3 {
                let of = |what: &str| number(&monitor.join(what));
                let volts = of(&format!("in{rail}_input")).map(|mv| mv / 1e3);
                let amps = of(&format!("curr{rail}_input")).map(|ma| ma / 1e3);
                let (Some(volts), Some(amps)) = (volts, amps) else {
                    continue;
                };
                let watts = volts * amps;
                let label = text(&monitor.join(format!("in{rail}_label"))).unwrap_or_default();
                if WHOLE_RAILS.contains(&label.as_str()) {
                    whole = Some(watts);
                }
                sum = Some(sum.unwrap_or(0.0) + watts);
            }
        }
        whole.or(sum)
    }

    /// Share of the processors' time since the last call, by the first line of /proc/stat.
    fn busy(&mut self) -> Option<f64> {
        let stat = fs::read_to_string(self.root.join("proc/stat")).ok()?;
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = line
            .split_whitespace()
            .map_while(|tick| tick.parse().ok())
            .collect();
        // user nice system idle iowait irq softirq steal; what guests use is in user already.
        let all: u64 = ticks.iter().take(8).sum();
        let idle = ticks.get(3)? + ticks.get(4)?;
        let before = self.ticks.replace((all, idle));
        let (all_before, idle_before) = before?;
        let passed = all.checked_sub(all_before).filter(|&passed| passed > 0)?;
        let rested = idle.saturating_sub(idle_before).min(passed);
        Some(1.0 - rested as f64 / passed as f64)
    }
}

/// Folders in `parent` whose names begin with `prefix`, in order.
fn folders(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let mut folders: Vec<PathBuf> = named.map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

fn text(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn number(path: &Path) -> Option<f64> {
    text(path)?
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    #[test]
    fn a_jetsons_files_are_read() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| write(root.path(), path, text);
        put("sys/class/thermal/thermal_zone0/temp", "61500");
        put(
            "sys/class/thermal/thermal_zone0/trip_point_0_type",
            "active",
        );
        put("sys/class/thermal/thermal_zone0/trip_point_0_temp", "50000");
        put(
            "sys/class/thermal/thermal_zone0/trip_point_1_type",
            "passive",
        );
        put("sys/class/thermal/thermal_zone0/trip_point_1_temp", "99000");
        put("sys/class/thermal/thermal_zone1/temp", "70000");
        put("sys/class/thermal/thermal_zone2/temp", "-256000");
        put("sys/class/hwmon/hwmon1/name", "ina3221");
        for (rail, label, mv, ma) in [(1, "VDD_IN", 5000, 2000), (2, "VDD_CPU_GPU_CV", 5000, 800)] {
            put(&format!("sys/class/hwmon/hwmon1/in{rail}_label"), label);
            put(
                &format!("sys/class/hwmon/hwmon1/in{rail}_input"),
                &mv.to_string(),
            );
            put(
                &format!("sys/class/hwmon/hwmon1/curr{rail}_input"),
                &ma.to_string(),
            );
        }
        put("proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0");
        let mut board = Board::new(root.path());
        let first = board.read();
        assert_eq!(first.headroom_c, Some(25.0));
        let raspberry = Board::new(root.path()).with_limit(80.0).read();
        assert_eq!(raspberry.headroom_c, Some(10.0));
        assert_eq!(first.hottest_c, Some(70.0));
        assert_eq!(first.power_w, Some(10.0));
        assert_eq!(first.busy, None);
        put("proc/stat", "cpu  160 0 115 720 105 0 0 0 0 0");
        assert!((board.read().busy.unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(board.read().busy, None);
    }

    #[test]
    fn what_is_not_there_or_garbage_is_absent() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Board::new(root.path()).read(), BoardReading::default());
        let put = |path: &str, text: &str| write(root.path(), path, text);
        put("sys/class/thermal/thermal_zone0/temp", "warm");
        put("sys/class/hwmon/hwmon0/name", "ina3221");
        put("sys/class/hwmon/hwmon0/in1_input", "NaN");
        put("proc/stat", "cpu  1 2");
        assert_eq!(Board::new(root.path()).read(), BoardReading::default());
    }
}
