//! `drafthorse find`.

use super::engine_config;
use crate::cli::FindArgs;
use crate::find::{FindOptions, find as find_moments};
use anyhow::Result;
use std::io::{IsTerminal as _, Write as _};

pub(super) fn find(args: &FindArgs) -> Result<()> {
    let model = match &args.model {
        Some(folder) => {
            let engine = engine_config(args.config.as_deref(), args.onnxruntime.as_deref())?;
            Some((folder.clone(), engine))
        }
        None => None,
    };
    let options = FindOptions {
        count: args.top,
        every_s: args.every,
        gap_s: args.gap,
        way: args.way,
        camera: args.camera.clone(),
        model,
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
