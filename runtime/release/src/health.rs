//! Whether a release perceives: its own process, each lane that should, step after step.

use crate::root::Root;
use crate::status::RunStatus;
use std::time::{Duration, Instant};

/// Steps that a lane must make under our eyes.
const STEPS: u64 = 2;
/// Time between two looks at the status file.
const LOOK: Duration = Duration::from_millis(100);

/// The lanes that made steps under a release, by what its status file last said. Under the next
/// release the same must: a sensor that was dead before is no fault of it.
pub(crate) fn lanes_of(root: &Root, id: Option<&str>) -> Vec<String> {
    let Some(status) = RunStatus::read(&root.deploy.status) else {
        return Vec::new();
    };
    if status.release(&root.releases()).as_deref() != id {
        return Vec::new();
    }
    let stepped = status.lanes.into_iter().filter(|lane| lane.steps > 0);
    stepped.map(|lane| lane.lane).collect()
}

/// Waits until a release perceives: one process of it goes through [`STEPS`] steps of each required
/// lane, of every lane where none is required, and records.
///
/// # Errors
/// What is still missing when the time is over.
pub(crate) fn wait(root: &Root, id: &str, required: &[String]) -> Result<(), String> {
    let patience = Duration::from_secs(root.deploy.health_s);
    let began = Instant::now();
    let mut first: Option<RunStatus> = None;
    loop {
        let missing = match RunStatus::read(&root.deploy.status) {
            None => "its status file is not there".to_owned(),
            Some(now) if now.release(&root.releases()).as_deref() != Some(id) => {
                format!("the service runs {}", now.program.display())
            }
            Some(now) => match &first {
                Some(first) if first.pid == now.pid => match lacking(first, &now, required) {
                    None => return Ok(()),
                    Some(lacking) => lacking,
                },
                _ => {
                    first = Some(now);
                    "it has just started".to_owned()
                }
            },
        };
        if began.elapsed() > patience {
            let seconds = patience.as_secs();
            return Err(format!("no perception within {seconds} s: {missing}"));
        }
        std::thread::sleep(LOOK);
    }
}

/// What a process still lacks between two states of it.
fn lacking(first: &RunStatus, now: &RunStatus, required: &[String]) -> Option<String> {
    let steps = |status: &RunStatus, name: &str| {
        let lane = status.lanes.iter().find(|lane| lane.lane == name);
        lane.map_or(0, |lane| lane.steps)
    };
    let all: Vec<_> = now.lanes.iter().map(|lane| lane.lane.clone()).collect();
    let required = if required.is_empty() { &all } else { required };
    if required.is_empty() {
        return Some("it has no lane".to_owned());
    }
    if !now.recording {
        return Some("it records nothing".to_owned());
    }
    let idle = |name: &&String| steps(now, name) < steps(first, name) + STEPS;
    let idle: Vec<_> = required.iter().filter(idle).map(String::as_str).collect();
    (!idle.is_empty()).then(|| format!("no steps in lane {}", idle.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::LaneStatus;

    fn status(recording: bool, lanes: &[(&str, u64)]) -> RunStatus {
        RunStatus {
            program: "/x".into(),
            pid: 1,
            at_ns: 0,
            recording,
            lanes: lanes
                .iter()
                .map(|(name, steps)| LaneStatus {
                    lane: (*name).to_owned(),
                    steps: *steps,
                    dropped: 0,
                    queued: 0,
                })
                .collect(),
            governor_rung: None,
        }
    }

    #[test]
    fn perception_is_steps_in_each_required_lane() {
        let before = status(true, &[("radar", 5), ("front", 7)]);
        let radar = ["radar".to_owned()];
        let lacks = |now: &RunStatus, required: &[String]| lacking(&before, now, required);
        let both = status(true, &[("radar", 7), ("front", 9)]);
        assert_eq!(lacks(&both, &[]), None);
        let one = status(true, &[("radar", 7), ("front", 8)]);
        assert!(lacks(&one, &[]).unwrap().contains("front"));
        assert_eq!(lacks(&one, &radar), None);
        assert!(lacks(&status(true, &[("front", 9)]), &radar).is_some());
        assert!(lacks(&status(false, &[("radar", 9)]), &radar).is_some());
        assert!(lacks(&status(true, &[]), &[]).is_some());
    }
}
