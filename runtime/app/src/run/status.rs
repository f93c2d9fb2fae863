//! What a live run tells the outside each second: a status file, and systemd's watchdog.

use super::governor::Governing;
use super::shared::Shared;
use drafthorse_release::{LaneStatus, RunStatus};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Tells the outside of a live run.
pub(super) struct Outside {
    file: Option<PathBuf>,
    told_failure: bool,
    service: Option<UnixDatagram>,
    /// Each lane's steps at the last ping.
    steps: Vec<u64>,
    ready: bool,
}

impl Outside {
    /// Writes to `file`, and to systemd where it started this process and listens.
    pub(super) fn new(file: Option<&Path>) -> Self {
        Self {
            file: file.map(Path::to_owned),
            told_failure: false,
            service: notify_socket(),
            steps: Vec::new(),
            ready: false,
        }
    }

    /// Tells the state of the run.
    pub(super) fn tell(&mut self, shared: &Shared, at_ns: u64) {
        let recorder = shared.log.recorder().status();
        let lanes: Vec<_> = shared
            .lanes
            .iter()
            .map(|lane| LaneStatus {
                lane: lane.name.clone(),
                steps: lane.steps.load(Ordering::Relaxed),
                dropped: lane.dropped.load(Ordering::Relaxed),
                queued: lane.queue.len() as u64,
            })
            .collect();
        self.notify(&lanes);
        if let Some(path) = &self.file {
            let status = RunStatus {
                program: std::env::current_exe().unwrap_or_default(),
                pid: std::process::id(),
                at_ns,
                recording: recorder.stopped.is_none(),
                lanes,
                governor_rung: shared.governor.as_ref().map(Governing::rung),
            };
            let text = serde_json::to_vec(&status).unwrap_or_default();
            // Not synced: it speaks of this second, and the disk must not hold up the clock's ticks.
            let partial = path.with_extension("partial");
            let written =
                std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, path));
            if let Err(error) = written
                && !std::mem::replace(&mut self.told_failure, true)
            {
                tracing::error!("the status file is not written: {error}");
            }
        }
    }

    /// Keeps systemd's watchdog quiet, unless a lane stands still before waiting messages.
    fn notify(&mut self, lanes: &[LaneStatus]) {
        let Some(service) = &self.service else {
            return;
        };
        if !std::mem::replace(&mut self.ready, true) {
            let _ = service.send(b"READY=1");
        }
        if !lanes_live(lanes, &self.steps) {
            return;
        }
        self.steps = lanes.iter().map(|lane| lane.steps).collect();
        let _ = service.send(b"WATCHDOG=1");
    }
}

/// Whether each lane has made a step since the last ping, or has nothing to make one of. A slow lane
/// takes several looks for a step; only one that takes longer than the watchdog waits stands still.
fn lanes_live(lanes: &[LaneStatus], at_ping: &[u64]) -> bool {
    let stands = |(lane, before): (&LaneStatus, &u64)| lane.queued > 0 && lane.steps == *before;
    !lanes.iter().zip(at_ping).any(stands)
}

/// The socket that systemd names to a service of type `notify` (sd_notify(3)): a path, or an
/// abstract name behind `@`.
fn notify_socket() -> Option<UnixDatagram> {
    let name = std::env::var("NOTIFY_SOCKET").ok()?;
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.connect_addr(&address.ok()?).ok()?;
    Some(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_that_step_in_turn_are_live_and_one_that_hangs_is_not() {
        let lane = |steps, queued| LaneStatus {
            lane: "a".to_owned(),
            steps,
            dropped: 0,
            queued,
        };
        // One has made its step since the ping and the other has not yet; then both have.
        assert!(!lanes_live(&[lane(6, 8), lane(9, 4)], &[5, 9]));
        assert!(lanes_live(&[lane(6, 8), lane(10, 4)], &[5, 9]));
        // Nothing waits.
        assert!(lanes_live(&[lane(5, 0), lane(10, 4)], &[5, 9]));
        assert!(lanes_live(&[lane(0, 1)], &[]));
    }
}
