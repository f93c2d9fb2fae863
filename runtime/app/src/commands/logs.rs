//! Commands on recorded logs: `replay`, `recover`, `report`, `inspect`, `keep`.

use super::Failed;
use crate::cli::{InspectArgs, KeepArgs, RecoverArgs, ReplayArgs, ReportArgs};
use crate::commands::models::engine_config;
use crate::replay::{AskAgain, ReplayOptions, replay as replay_log};
use crate::report::{self, ReportOptions};
use crate::summary::NetworkSummary;
use anyhow::{Context, Result, bail};
use drafthorse_record::{
    LogSummary, RecoverReport, inspect as inspect_log, recover as recover_log, retention,
};
use std::io::{IsTerminal as _, Write};
use std::path::Path;

pub(super) fn replay(args: &ReplayArgs) -> Result<()> {
    let options = ReplayOptions {
        check: args.check,
        out: args.out.clone(),
        networks: ask_again(args)?,
        progress: !args.json && std::io::stderr().is_terminal(),
    };
    let outcome = replay_log(&args.log, &options)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&outcome)?)?;
    } else {
        write!(out, "\n{}", outcome.summary.table())?;
        if let Some(damage) = &outcome.damage {
            writeln!(out, "  {:<22} {damage}", "damage")?;
        }
        if let Some(check) = &outcome.check {
            writeln!(
                out,
                "  {:<22} {} of {} derived messages identical",
                "check",
                check.compared - check.mismatches.min(check.compared),
                check.compared
            )?;
            if check.not_recomputable > 0 {
                writeln!(
                    out,
                    "  {:<22} {} before a recorded state: the log begins, or goes on after a loss, in the middle of a run",
                    "not recomputable", check.not_recomputable
                )?;
            }
            for mismatch in &check.first_mismatches {
                writeln!(
                    out,
                    "  {:<22} {} sequence {}: {}",
                    "differs", mismatch.topic, mismatch.sequence, mismatch.what
                )?;
            }
        }
    }
    for (name, network) in &outcome.summary.networks {
        if args.check && network.unasked > 0 {
            return Err(Failed(format!(
                "network {name}: the log holds {} answers that were not asked for",
                network.unasked
            ))
            .into());
        }
        let Some(check) = &network.check else {
            continue;
        };
        if check.outside + check.failures > 0 {
            return Err(Failed(format!(
                "network {name}: asked again, {} answers are further from the log's than the model's tolerance, and {} could not be given",
                check.outside, check.failures
            ))
            .into());
        }
    }
    let compared =
        |network: &NetworkSummary| network.check.as_ref().map_or(0, |c| c.compared.len());
    if args.networks && outcome.summary.networks.values().all(|n| compared(n) == 0) {
        return Err(Failed(format!(
            "{} holds no answer of a network that could be compared",
            args.log.display()
        ))
        .into());
    }
    match &outcome.check {
        Some(check) if !check.identical => Err(Failed(format!(
            "{} of {} derived messages differ from {}",
            check.mismatches,
            check.compared,
            args.log.display()
        ))
        .into()),
        Some(check) if check.compared == 0 => Err(Failed(format!(
            "{} holds no derived message that could be compared",
            args.log.display()
        ))
        .into()),
        _ => Ok(()),
    }
}

fn ask_again(args: &ReplayArgs) -> Result<Option<AskAgain>> {
    if !args.networks {
        return Ok(None);
    }
    Ok(Some(AskAgain {
        engine: engine_config(args.config.as_deref(), args.onnxruntime.as_deref())?,
        models: args.models.clone(),
    }))
}

pub(super) fn recover(args: &RecoverArgs) -> Result<()> {
    if args.out.exists() {
        bail!(
            "{} exists already; name a new file with -o",
            args.out.display()
        );
    }
    let report = recover_log(&args.log, &args.out)
        .with_context(|| format!("cannot recover {}", args.log.display()))?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    } else {
        print_recovered(&report, &args.out, &mut out)?;
    }
    if report.kept_bytes == 0 {
        return Err(Failed(format!(
            "{} holds nothing that could be kept",
            args.log.display()
        ))
        .into());
    }
    Ok(())
}

fn print_recovered(report: &RecoverReport, to: &Path, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "kept {} messages in {} chunks ({} bytes)",
        report.messages, report.chunks, report.kept_bytes
    )?;
    match (&report.first_damage, report.first_damage_offset) {
        (Some(what), _) if report.lost_bytes == 0 => writeln!(out, "lost: {what}")?,
        (Some(what), Some(offset)) => writeln!(
            out,
            "lost {} bytes from byte {offset} on: {what}",
            report.lost_bytes
        )?,
        _ => writeln!(out, "nothing was lost")?,
    }
    writeln!(out, "written to {}", to.display())?;
    Ok(())
}

pub(super) fn report(args: &ReportArgs) -> Result<()> {
    let options = ReportOptions {
        title: args.title.clone(),
        ..ReportOptions::default()
    };
    report::write(&args.logs, &args.out, &options)?;
    let written = args.out.canonicalize();
    let written = written.unwrap_or_else(|_| args.out.clone());
    writeln!(std::io::stdout(), "{}", written.display())?;
    Ok(())
}

pub(super) fn inspect(args: &InspectArgs) -> Result<()> {
    let summary = inspect_log(&args.log)
        .with_context(|| format!("cannot read the log {}", args.log.display()))?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    } else {
        print(&summary, &mut out)?;
    }
    Ok(())
}

fn print(summary: &LogSummary, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "{} messages, {:.1} s, {:.1} MiB in {} file(s), {}",
        summary.messages,
        summary.duration_ns as f64 / 1e9,
        summary.bytes as f64 / f64::from(1 << 20),
        summary.segments,
        if summary.complete {
            "complete"
        } else {
            "not complete"
        },
    )?;
    if summary.first_segment > 0 {
        writeln!(
            out,
            "begins at segment {}: the earlier ones are not here (removed by the quota, or not copied)",
            summary.first_segment
        )?;
    }
    for gap in &summary.dropped {
        writeln!(
            out,
            "not kept, by policy: {:.1} s in segments {} to {} ({} messages, {:.1} MiB)",
            (gap.to_ns - gap.from_ns) as f64 / 1e9,
            gap.first_segment,
            gap.last_segment,
            gap.messages,
            gap.bytes as f64 / f64::from(1 << 20),
        )?;
    }
    for damage in &summary.damage {
        writeln!(out, "damage: {damage}")?;
    }
    writeln!(
        out,
        "\n  {:<26} {:<26} {:<9} {:>9} {:>12}",
        "topic", "schema", "role", "messages", "bytes"
    )?;
    for c in &summary.channels {
        writeln!(
            out,
            "  {:<26} {:<26} {:<9} {:>9} {:>12}",
            c.topic,
            c.schema,
            c.role.as_deref().unwrap_or("-"),
            c.count,
            c.bytes
        )?;
    }
    Ok(())
}

pub(super) fn keep(args: &KeepArgs) -> Result<()> {
    let files = if args.release {
        retention::release(&args.log)
    } else {
        retention::keep(&args.log)
    };
    let files = files.with_context(|| format!("cannot mark {}", args.log.display()))?;
    let verb = if args.release { "released" } else { "kept" };
    let mut out = std::io::stdout().lock();
    for file in files {
        writeln!(out, "{verb}: {}", file.display())?;
    }
    Ok(())
}
