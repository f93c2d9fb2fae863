//! Driver's notes: a socket beside the log takes them while a run records, and a file has them for a run
//! over recordings.

use super::shared::Shared;
use crate::plan::Mode;
use anyhow::{Context, Result, bail};
use drafthorse_sensors::vehicle_clock_ns;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Name of the socket in the folder of the log.
const SOCKET: &str = "notes.sock";
/// The longest note, bytes.
const MOST_BYTES: u64 = 4096;
/// Between two looks whether somebody calls.
const LOOK: Duration = Duration::from_millis(50);
/// How long a caller may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A note with its time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedNote {
    /// When, ns of log time.
    pub at_ns: u64,
    /// What.
    pub text: String,
}

/// Reads a file of notes, one JSON object a line, in order of time.
///
/// # Errors
/// A file that cannot be read, or a line that is no note.
pub fn read_notes(path: &Path) -> Result<Vec<TimedNote>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the notes {}", path.display()))?;
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let notes: Result<Vec<TimedNote>> = lines
        .map(|(number, line)| {
            serde_json::from_str(line).with_context(|| {
                format!(
                    "line {} of {} is no note, as {{\"at_ns\": 0, \"text\": \"a deer\"}}",
                    number + 1,
                    path.display()
                )
            })
        })
        .collect();
    let mut notes = notes?;
    notes.sort_by_key(|note| note.at_ns);
    Ok(notes)
}

/// Gives a note to the run that records into a folder; its stamp comes back, ns.
///
/// # Errors
/// When no run records there, or it does not take the note.
pub fn send_note(folder: &Path, text: &str) -> Result<u64> {
    if text.trim().is_empty() || text.len() as u64 > MOST_BYTES {
        bail!("a note has 1 to {MOST_BYTES} bytes");
    }
    let mut stream = in_folder(folder, |path| UnixStream::connect(path))
        .with_context(|| format!("no run that takes notes records into {}", folder.display()))?;
    let mut answer = String::new();
    let said = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.write_all(text.as_bytes()))
        .and_then(|()| stream.shutdown(Shutdown::Write))
        .and_then(|()| stream.read_to_string(&mut answer));
    said.context("the run did not take the note")?;
    answer
        .trim()
        .parse()
        .map_err(|_| anyhow::anyhow!("the run did not take the note: {answer}"))
}

/// Acts on the socket of a folder by a path that is short, whatever the folder's: the names of sockets
/// are limited to some hundred bytes.
fn in_folder<T>(folder: &Path, act: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    let open = File::open(folder)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
    act(&short.join(SOCKET))
}

/// Takes notes into the log for as long as `run` takes.
pub(super) fn take_while<T>(shared: &Shared, folder: &Path, run: impl FnOnce() -> T) -> T {
    let listener = match bind(folder) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!("no notes can be taken in {}: {error}", folder.display());
            return run();
        }
    };
    let done = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        let attending = std::thread::Builder::new().name("notes".to_owned());
        let attending = attending.spawn_scoped(scope, || attend(shared, &listener, &done));
        if let Err(error) = attending {
            tracing::warn!("no notes can be taken: {error}");
        }
        let _ends = Ends(&done);
        run()
    });
    let _ = std::fs::remove_file(folder.join(SOCKET));
    outcome
}

/// Ends the wait for callers, however the run ends.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Makes the socket. One that a killed run has left is replaced, one in use is not.
fn bind(folder: &Path) -> io::Result<UnixListener> {
    if in_folder(folder, |path| UnixStream::connect(path)).is_ok() {
        return Err(io::Error::from(io::ErrorKind::AddrInUse));
    }
    let _ = std::fs::remove_file(folder.join(SOCKET));
    let listener = in_folder(folder, |path| UnixListener::bind(path))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn attend(shared: &Shared, listener: &UnixListener, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((caller, _)) => {
                if let Err(error) = take(shared, caller) {
                    tracing::warn!("a note was not taken: {error}");
                }
            }
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}

fn take(shared: &Shared, mut caller: UnixStream) -> io::Result<()> {
    caller.set_nonblocking(false)?;
    caller.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    (&caller).take(MOST_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.trim().is_empty() {
        return Ok(());
    }
    let at_ns = match shared.plan.mode {
        Mode::Live => vehicle_clock_ns(),
        Mode::File => shared.ingress.last_received_ns(),
    };
    shared.ingress.note(at_ns, text.trim());
    writeln!(caller, "{at_ns}")
}
