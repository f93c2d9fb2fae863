//! `tegrastats`, for boards whose temperatures or rails are not in sysfs: it prints a line each second.

use crate::board::{BoardReading, LIMIT_C, WHOLE_RAILS};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A line older than this says nothing about now.
const STALE: Duration = Duration::from_secs(5);

type Latest = Arc<Mutex<Option<(Instant, BoardReading)>>>;

/// The running program. It ends with this.
#[derive(Debug)]
pub(crate) struct Tegrastats {
    child: Child,
    latest: Latest,
}

impl Tegrastats {
    /// Starts it.
    pub(crate) fn start(program: &Path) -> io::Result<Self> {
        let mut child = Command::new(program)
            .args(["--interval", "1000"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let lines = child.stdout.take();
        let mut this = Self {
            child,
            latest: Latest::default(),
        };
        if let Some(lines) = lines {
            let latest = Arc::clone(&this.latest);
            let reads = std::thread::Builder::new().name("tegrastats".to_owned());
            // It ends with the program, whose end closes its output.
            let reads = reads.spawn(move || {
                for line in BufReader::new(lines).lines().map_while(Result::ok) {
                    let told = Some((Instant::now(), parse_tegrastats(&line)));
                    *latest.lock().unwrap_or_else(PoisonError::into_inner) = told;
                }
            });
            if let Err(error) = reads {
                this.end();
                return Err(error);
            }
        }
        Ok(this)
    }

    /// What its last line says, unless that is old.
    pub(crate) fn latest(&self) -> Option<BoardReading> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest
            .filter(|(at, _)| at.elapsed() < STALE)
            .map(|(_, reading)| reading)
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Tegrastats {
    fn drop(&mut self) {
        self.end();
    }
}

/// Hottest zone (degrees Celsius) and the module's power (W) from a line of `tegrastats`, for boards whose rails are not in
/// sysfs.
#[must_use]
pub fn parse_tegrastats(line: &str) -> BoardReading {
    let mut reading = BoardReading::default();
    let words: Vec<&str> = line.split_whitespace().collect();
    for word in &words {
        // cpu@48.5C, GPU@46C, PMIC@100C (a constant), -256C for what is off.
        let temperature = word
            .split_once('@')
            .filter(|(zone, _)| !zone.eq_ignore_ascii_case("pmic"));
        let degrees = temperature.and_then(|(_, at)| at.strip_suffix('C')?.parse::<f64>().ok());
        if let Some(at) = degrees.filter(|at| (-60.0..200.0).contains(at)) {
            reading.hottest_c = Some(reading.hottest_c.map_or(at, |most: f64| most.max(at)));
        }
    }
    for pair in words.windows(2) {
        // VDD_IN 4936mW/4936mW, or without the unit on older releases.
        if WHOLE_RAILS.contains(&pair[0])
            && let Some((now, _)) = pair[1].split_once('/')
            && let Ok(milliwatts) = now.trim_end_matches("mW").parse::<f64>()
        {
            reading.power_w = Some(milliwatts / 1e3);
        }
    }
    reading.headroom_c = reading.hottest_c.map(|at| LIMIT_C - at);
    reading
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Board;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn lines_of_tegrastats_are_read() {
        let line = "11-22-2026 10:00:01 RAM 2448/7620MB (lfb 2x4MB) SWAP 0/3810MB (cached 0MB) CPU [2%@729,off] GR3D_FREQ 0% \
                    cpu@48.5C soc2@46.9C soc0@47C gpu@47.3C tj@48.5C PMIC@100C iwlwifi@-256C VDD_IN 4936mW/4931mW VDD_SOC 1450mW/1450mW";
        let reading = parse_tegrastats(line);
        assert_eq!(reading.hottest_c, Some(48.5));
        assert_eq!(reading.headroom_c, Some(46.5));
        assert_eq!(reading.power_w, Some(4.936));
        assert_eq!(parse_tegrastats("VIN_SYS_5V0 4000/3900").power_w, Some(4.0));
        assert_eq!(
            parse_tegrastats("@C VDD_IN x/y VDD_IN"),
            BoardReading::default()
        );
    }

    #[test]
    fn it_tells_what_sysfs_lacks_and_ends_with_the_board() {
        let root = tempfile::tempdir().unwrap();
        let (program, pid) = (root.path().join("tegrastats"), root.path().join("pid"));
        let script = format!(
            "#!/bin/sh\necho $$ > {}\nwhile :; do echo 'RAM 1/2MB cpu@80.5C tj@81C VDD_IN 4936mW/4931mW'; sleep 1; done\n",
            pid.display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut board = Board::new(root.path());
        assert!(board.fall_back_on(&root.path().join("absent")).is_err());
        board.fall_back_on(&program).unwrap();
        let began = Instant::now();
        let told = loop {
            let reading = board.read();
            if reading.power_w.is_some() {
                break reading;
            }
            assert!(began.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!((told.hottest_c, told.headroom_c), (Some(81.0), Some(14.0)));
        assert_eq!(told.power_w, Some(4.936));
        let pid = fs::read_to_string(pid).unwrap();
        drop(board);
        assert!(!Path::new(&format!("/proc/{}", pid.trim())).exists());

        // Where sysfs tells all there is no need for it.
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("sys/class/thermal/thermal_zone0/temp", "50000");
        put("sys/class/hwmon/hwmon0/name", "ina3221");
        put("sys/class/hwmon/hwmon0/in1_input", "5000");
        put("sys/class/hwmon/hwmon0/curr1_input", "1000");
        let mut board = Board::new(root.path());
        board.fall_back_on(&root.path().join("absent")).unwrap();
        assert_eq!(board.read().power_w, Some(5.0));
    }
}
