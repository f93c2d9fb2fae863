//! A recording process killed with SIGKILL at full rate leaves a log that has every message it
//! appended longer ago than the flush interval. Runs without the test harness, since the process
//! to be killed is this program again.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking

mod common;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{Noise, add_channels, append, config, read_prefix};
use drafthorse_record::{LogReader, Recorder};

const FLUSH_INTERVAL: Duration = Duration::from_millis(20);
/// What scheduling may add, beside several times the longest that this process was kept waiting.
const SLACK: Duration = Duration::from_millis(250);
const KILLS: usize = 50;
const AT_ONCE: usize = 5;
/// How long a child records at least.
const SHORTEST: Duration = Duration::from_millis(300);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "record", dir] => record(Path::new(dir)),
        _ if arguments.iter().any(|argument| argument == "--list") => {}
        // As libtest takes it: an emulated processor is not held to the clock.
        _ if arguments.windows(2).any(|pair| pair == ["--skip", "kill"]) => {}
        _ => kill_many(),
    }
}

/// The child: appends as fast as it can and reports each batch once it is appended.
fn record(dir: &Path) {
    let mut config = config(dir);
    config.flush_interval = FLUSH_INTERVAL;
    config.chunk_bytes = 256 << 10;
    let recorder = Recorder::create(config).unwrap();
    let channels = add_channels(&recorder);
    let mut out = std::io::stdout();
    for first in (0..).step_by(64) {
        let mut batch = recorder.batch();
        for index in first..first + 64 {
            append(&mut batch, &channels, index);
        }
        drop(batch);
        let report: u64 = first + 64;
        if out
            .write_all(&report.to_le_bytes())
            .and_then(|()| out.flush())
            .is_err()
        {
            return;
        }
    }
}

struct Victim {
    child: Child,
    dir: tempfile::TempDir,
    /// Messages reported, and when the report arrived.
    reports: Arc<Mutex<Vec<(Instant, u64)>>>,
    listener: thread::JoinHandle<()>,
    dies: Duration,
}

fn start(noise: &mut Noise) -> Victim {
    let memory = Path::new("/dev/shm");
    let dir = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("record")
        .arg(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let mut pipe = child.stdout.take().unwrap();
    let listener = thread::spawn({
        let reports = Arc::clone(&reports);
        move || {
            let mut report = [0; 8];
            while pipe.read_exact(&mut report).is_ok() {
                let report = (Instant::now(), u64::from_le_bytes(report));
                reports.lock().unwrap().push(report);
            }
        }
    });
    let dies = SHORTEST + Duration::from_millis(noise.below(200));
    Victim {
        child,
        dir,
        reports,
        listener,
        dies,
    }
}

/// Sleeps for a millisecond again and again; the longest that it was kept waiting beyond that, in
/// nanoseconds, tells how far this machine is from running what is due.
fn watch_scheduling(worst_ns: &AtomicU64, stop: &AtomicBool) {
    let nap = Duration::from_millis(1);
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        thread::sleep(nap);
        let late = begun.elapsed().saturating_sub(nap);
        worst_ns.fetch_max(late.as_nanos() as u64, Ordering::Relaxed);
    }
}

fn kill_many() {
    let mut noise = Noise(11);
    let (mut promised, mut found) = (0, 0);
    for _ in 0..KILLS / AT_ONCE {
        let (worst_ns, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let slack = || SLACK + 6 * Duration::from_nanos(worst_ns.load(Ordering::Relaxed));
        let dead = thread::scope(|scope| {
            scope.spawn(|| watch_scheduling(&worst_ns, &stop));
            let dead = kill_all(&mut noise, &slack);
            stop.store(true, Ordering::Relaxed);
            dead
        });
        for (victim, killed) in dead {
            let (owed, read) = read_back(victim, killed, slack());
            promised += owed;
            found += read;
        }
    }
    assert!(
        promised > 10_000,
        "the children recorded too little: {promised} messages"
    );
    println!("{KILLS} kills: {promised} messages owed, {found} read back, none missing or wrong");
}

/// Starts several children and kills each once it has recorded for longer than what may be
/// missing, and for its own random time.
fn kill_all(noise: &mut Noise, slack: &dyn Fn() -> Duration) -> Vec<(Victim, Instant)> {
    let begun = Instant::now();
    let mut victims: Vec<Victim> = (0..AT_ONCE).map(|_| start(noise)).collect();
    victims.sort_by_key(|victim| victim.dies);
    let mut dead = Vec::new();
    for mut victim in victims {
        while begun.elapsed() < victim.dies.max(2 * (FLUSH_INTERVAL + slack())) {
            thread::sleep(Duration::from_millis(1));
        }
        let killed = Instant::now();
        victim.child.kill().unwrap();
        dead.push((victim, killed));
    }
    dead
}

/// Reads a killed recorder's log; returns the messages that had to be there and those that were.
fn read_back(mut victim: Victim, killed: Instant, slack: Duration) -> (u64, u64) {
    victim.child.wait().unwrap();
    victim.listener.join().unwrap();
    let reports = victim.reports.lock().unwrap();
    let due = killed.checked_sub(FLUSH_INTERVAL + slack).unwrap();
    let in_time = reports.iter().take_while(|(at, _)| *at <= due);
    let owed = in_time.last().map_or(0, |&(_, count)| count);
    let files = std::fs::read_dir(victim.dir.path()).unwrap().count();
    if files == 0 {
        assert_eq!(owed, 0, "there is no file");
        return (0, 0);
    }
    let mut log = LogReader::open(victim.dir.path()).unwrap();
    let read = read_prefix(&mut log);
    assert!(read >= owed, "{owed} messages were due, {read} are read");
    (owed, read)
}
