//! Many devices: a few first, then so many at once, until one fails.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, bail, ensure};
use indicatif::MultiProgress;
use serde::Deserialize;

use super::for_board;
use super::prepare::FirstInstall;
use super::remote::{Remote, SshArguments, host};
use super::send::{Plan, Show};
use crate::bundle::Bundle;

/// `fleet.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fleet {
    /// Devices that come first, one after the other; where one of them fails, no other is touched.
    #[serde(default = "one")]
    canary: usize,
    /// Devices at once after that.
    #[serde(default = "one")]
    parallel: usize,
    /// Whether no further device is begun once one has failed.
    #[serde(default = "yes")]
    stop_on_failure: bool,
    /// The devices, in the order they are deployed to.
    #[serde(rename = "device")]
    devices: Vec<Member>,
}

/// A device of the fleet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    /// As ssh names it.
    host: String,
    /// Its board.
    board: String,
    /// Folder of its releases; as the board's profile has it where absent.
    root: Option<PathBuf>,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

impl Fleet {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let fleet: Self = toml::from_str(text)?;
        ensure!(!fleet.devices.is_empty(), "it names no [[device]]");
        ensure!(fleet.parallel > 0, "parallel must be at least 1");
        for (number, device) in fleet.devices.iter().enumerate() {
            host(&device.host).map_err(anyhow::Error::msg)?;
            drafthorse_boards::builtin(&device.board)?;
            let twice = fleet.devices[..number]
                .iter()
                .any(|d| d.host == device.host);
            ensure!(!twice, "the device {} is there twice", device.host);
        }
        Ok(fleet)
    }
}

/// Deploys to the devices of the file.
pub(super) fn run(
    file: &Path,
    bundles: &[Bundle],
    ssh: &SshArguments,
    dry_run: bool,
) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let fleet =
        Fleet::parse(&text).with_context(|| format!("{} cannot be used", file.display()))?;
    // Before any device is touched.
    for device in &fleet.devices {
        for_board(bundles, &device.board)?;
    }
    let bars = MultiProgress::new();
    let first = FirstInstall::none();
    let deploy = |member: &Member| {
        let root = match &member.root {
            Some(root) => root.clone(),
            None => drafthorse_boards::builtin(&member.board)?.deploy.root,
        };
        let remote = Remote::new(&member.host, &root, ssh);
        let plan = Plan {
            bundle: for_board(bundles, &member.board)?,
            remote: &remote,
            first: &first,
            show: Show::new(&member.host, &bars, fleet.parallel > 1),
        };
        if dry_run {
            plan.print();
            return Ok(());
        }
        plan.carry_out()
    };
    let outcomes = roll_out(&fleet, deploy);
    let mut failed = 0;
    for (member, outcome) in fleet.devices.iter().zip(&outcomes) {
        let words = match outcome {
            Some(Ok(())) if dry_run => "would be deployed to".to_owned(),
            Some(Ok(())) => "done".to_owned(),
            Some(Err(error)) => {
                failed += 1;
                format!("FAILED: {error:#}")
            }
            None => "not begun".to_owned(),
        };
        println!("{}: {words}", member.host);
    }
    if failed > 0 {
        let left = outcomes.iter().filter(|outcome| outcome.is_none()).count();
        bail!(
            "{failed} failed, {left} not begun; what a device runs says `cargo xtask status`: a whole release, the old one or the new one"
        );
    }
    Ok(())
}

/// What came of each device; none where it was not begun.
fn roll_out(
    fleet: &Fleet,
    deploy: impl Fn(&Member) -> anyhow::Result<()> + Sync,
) -> Vec<Option<anyhow::Result<()>>> {
    let canaries = fleet.canary.min(fleet.devices.len());
    let mut outcomes: Vec<_> = fleet.devices.iter().map(|_| None).collect();
    for (outcome, member) in outcomes.iter_mut().zip(&fleet.devices[..canaries]) {
        let result = deploy(member);
        let failed = result.is_err();
        *outcome = Some(result);
        if failed {
            return outcomes;
        }
    }
    let next = AtomicUsize::new(canaries);
    let stopped = AtomicBool::new(false);
    let shared = Mutex::new(outcomes);
    std::thread::scope(|scope| {
        for _ in 0..fleet.parallel {
            scope.spawn(|| {
                while !stopped.load(Ordering::SeqCst) {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(member) = fleet.devices.get(number) else {
                        break;
                    };
                    let result = deploy(member);
                    if result.is_err() && fleet.stop_on_failure {
                        stopped.store(true, Ordering::SeqCst);
                    }
                    if let Ok(mut outcomes) = shared.lock() {
                        outcomes[number] = Some(result);
                    }
                }
            });
        }
    });
    shared.into_inner().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(head: &str, devices: usize) -> Fleet {
        let mut text = head.to_owned();
        for number in 0..devices {
            text.push_str(&format!(
                "\n[[device]]\nhost = \"car-{number}\"\nboard = \"orin-nx\"\n"
            ));
        }
        Fleet::parse(&text).unwrap()
    }

    /// The numbers of the devices that were begun, where those in `bad` fail.
    fn begun(fleet: &Fleet, bad: &[&str]) -> Vec<usize> {
        let outcomes = roll_out(fleet, |member| {
            ensure!(!bad.contains(&member.host.as_str()), "bad");
            Ok(())
        });
        let begun = outcomes.iter().enumerate();
        begun.filter(|(_, o)| o.is_some()).map(|(n, _)| n).collect()
    }

    #[test]
    fn a_failed_canary_stops_all() {
        let fleet = fleet("canary = 2\nparallel = 3", 7);
        assert_eq!(begun(&fleet, &["car-1"]), [0, 1]);
        assert_eq!(begun(&fleet, &[]), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_failure_stops_the_rest_unless_told_otherwise() {
        assert_eq!(begun(&fleet("", 5), &["car-2"]), [0, 1, 2]);
        let going_on = fleet("stop_on_failure = false", 5);
        assert_eq!(begun(&going_on, &["car-2"]), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn faulty_fleets_are_refused() {
        let device = "[[device]]\nhost = \"a\"\nboard = \"orin-nx\"\n";
        for (text, word) in [
            ("device = []".to_owned(), "[[device]]"),
            (format!("{device}{device}"), "twice"),
            (format!("parallel = 0\n{device}"), "parallel"),
            (device.replace("orin-nx", "toaster"), "toaster"),
            (format!("speed = 1\n{device}"), "speed"),
            (
                device.replace("\"a\"", "\"-oProxyCommand=x\""),
                "names no device",
            ),
        ] {
            let error = format!("{:#}", Fleet::parse(&text).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }
}
