//! `drafthorse find`.

use super::engine_config;
use crate::cli::FindArgs;
use crate::find::{FindOptions, find as find_moments};
use anyhow::{Result, ensure};
use drafthorse_keyframes_endpoint::{Endpoint, Key};
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

pub(super) fn find(args: &FindArgs) -> Result<()> {
    let engine = engine_config(args.config.as_deref(), args.onnxruntime.as_deref())?;
    let on_engine = |folder: &Option<PathBuf>| {
        let folder = folder.as_ref();
        folder.map(|folder| (folder.clone(), engine.clone()))
    };
    let options = FindOptions {
        count: args.top,
        every_s: args.every,
        gap_s: args.gap,
        way: args.way,
        camera: args.camera.clone(),
        model: on_engine(&args.model),
        detector: on_engine(&args.detector),
        gate: endpoint(args)?,
        html: args.html.clone(),
        progress: !args.json && std::io::stderr().is_terminal(),
    };
    let found = find_moments(&args.query, &args.log, &options)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&found)?)?;
    } else {
        write!(out, "{}", found.table())?;
        if let Some(html) = &args.html {
            writeln!(out, "\npage: {}", html.display())?;
        }
    }
    Ok(())
}

/// The endpoint that is asked to be the gate, where one is named.
fn endpoint(args: &FindArgs) -> Result<Option<Endpoint>> {
    let (Some(url), Some(model)) = (&args.gate_endpoint, &args.gate_model) else {
        return Ok(None);
    };
    let key = match (&args.gate_key_env, &args.gate_key_file) {
        (Some(name), _) => Some(Key::from_variable(name)?),
        (None, Some(path)) => Some(Key::from_file(path)?),
        (None, None) => None,
    };
    ensure!(
        (0.1..=600.0).contains(&args.gate_timeout),
        "--gate-timeout must be 0.1 to 600 s"
    );
    let timeout = Duration::from_secs_f64(args.gate_timeout);
    Ok(Some(Endpoint::new(url, model, key, timeout)?))
}
