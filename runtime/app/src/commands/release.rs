//! `drafthorse release`: the device's side of a deployment.

use super::Failed;
use crate::cli::{ReleaseArgs, ReleaseCommand};
use anyhow::Result;
use drafthorse_release::{
    Offer, Outcome, Overview, PATIENCE, Patient, ReleaseError, Root, activate, begin, install,
    overview, receive, rollback, settle, verify,
};
use std::io::{Write as _, stdin, stdout};
use std::os::fd::AsFd as _;

pub(super) fn release(args: &ReleaseArgs) -> Result<()> {
    carry_out(args).map_err(|error| match error.downcast::<ReleaseError>() {
        // Well asked for, and refused by the state of things.
        Ok(error) => Failed(error.to_string()).into(),
        Err(error) => error,
    })
}

fn carry_out(args: &ReleaseArgs) -> Result<()> {
    let root = Root::open(&args.root)?;
    match &args.command {
        ReleaseCommand::Status { json } => {
            let overview = overview(&root)?;
            if *json {
                writeln!(stdout(), "{}", serde_json::to_string(&overview)?)?;
            } else {
                print(&overview)?;
            }
        }
        ReleaseCommand::Begin => {
            let answer = begin(&root, &Offer::read(stdin().lock())?)?;
            writeln!(stdout(), "{}", serde_json::to_string(&answer)?)?;
        }
        ReleaseCommand::Receive { id } => {
            // Not buffered: whether something comes is asked of the stream itself.
            let stream = std::fs::File::from(stdin().as_fd().try_clone_to_owned()?);
            let received = receive(&root, id, Patient::new(stream, PATIENCE))?;
            writeln!(stdout(), "{}", serde_json::to_string(&received)?)?;
        }
        ReleaseCommand::Install { id } => {
            install(&root, id)?;
            say(&format!("{id} is installed and whole"));
        }
        ReleaseCommand::Activate { id } => finish(activate(&root, id, &mut say)?)?,
        ReleaseCommand::Rollback => finish(rollback(&root, &mut say)?)?,
        ReleaseCommand::Settle { boot } => match settle(&root, !boot)? {
            Some(id) => say(&format!("an unfinished trial was undone; {id} runs")),
            None => say("nothing to settle"),
        },
        ReleaseCommand::Verify { id } => {
            let named = id.clone().or_else(|| root.current());
            let id = named.ok_or_else(|| Failed("no release is current".to_owned()))?;
            verify(&root, &id)?;
            say(&format!("{id} is whole and signed by a trusted key"));
        }
    }
    Ok(())
}

/// Says a line to whoever called. They may have gone: what was begun is finished all the same.
fn say(words: &str) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{words}").and_then(|()| out.flush());
}

fn finish(outcome: Outcome) -> Result<()> {
    let failed = match outcome {
        Outcome::Confirmed => return Ok(()),
        Outcome::RolledBack { why, to, perceives } => {
            let state = match perceives {
                Ok(()) => "and perceives".to_owned(),
                Err(why) => format!("but does not perceive either ({why}): look at its sensors"),
            };
            format!("{why}; rolled back: {to} runs again {state}")
        }
        Outcome::Unconfirmed { why } => {
            format!("{why}; there is no earlier release to go back to")
        }
    };
    Err(Failed(failed).into())
}

fn print(overview: &Overview) -> Result<()> {
    let mut out = stdout().lock();
    let or_none = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
    let mut row = |name: &str, value: &str| writeln!(out, "  {name:<10} {value}");
    row("board", &overview.board)?;
    row("current", &or_none(&overview.current))?;
    row("confirmed", &or_none(&overview.confirmed))?;
    row("previous", &or_none(&overview.previous))?;
    if let Some(tried) = &overview.tried {
        let watched = if overview.busy {
            "being watched"
        } else {
            "broken off"
        };
        row("trial", &format!("{tried}, {watched}"))?;
    }
    for release in &overview.releases {
        let mib = release.bytes as f64 / f64::from(1 << 20);
        row(
            "installed",
            &format!(
                "{}  {mib:.1} MiB, revision {}",
                release.id, release.revision
            ),
        )?;
    }
    for key in &overview.keys {
        row("trusts", key)?;
    }
    row("free", &format!("{} MiB", overview.free_bytes >> 20))?;
    match (&overview.service, overview.service_age_s) {
        (Some(service), Some(age_s)) => {
            let lanes = service.lanes.iter().map(|lane| {
                let (name, steps, dropped) = (&lane.lane, lane.steps, lane.dropped);
                format!("{name} {steps} steps, {dropped} dropped")
            });
            let recording = if service.recording {
                "recording"
            } else {
                "not recording"
            };
            let lanes = lanes.collect::<Vec<_>>().join("; ");
            row(
                "service",
                &format!("{age_s:.1} s ago: {recording}; {lanes}"),
            )?;
        }
        _ => row("service", "has said nothing")?,
    }
    Ok(())
}
