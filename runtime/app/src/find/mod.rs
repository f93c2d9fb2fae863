//! Moments of a recorded log by words: the log is folded once into moments of half a second with what three
//! streams see of a query in each (road users, the scene, the log's text), and
//! `drafthorse_keyframes::query` weighs and chooses. How well it finds is measured on the same fold, fed by
//! generated drives (`bench find`).

mod drive;
mod events;
mod eyes;
mod log;
mod page;
mod pictures;
mod result;
mod spotter;
mod streams;
mod texts;
mod ways;

pub(crate) use drive::{Drive, Sight, Text};
pub(crate) use events::TrafficEvents;
pub(crate) use eyes::Eyes;
use result::Searched;
pub use result::{AskedWords, Found, GateUsed, Hit, StreamParts};
use spotter::Spotter;
pub use ways::Way;
pub(crate) use ways::{Readings, choose};

use anyhow::{Result, bail};
use drafthorse_engine_auto::EngineConfig;
use drafthorse_keyframes::query::{Gating, Query, Things};
use drafthorse_keyframes_endpoint::Endpoint;
use indicatif::{ProgressBar, ProgressStyle};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// What a search is told.
#[derive(Clone, Debug)]
pub struct FindOptions {
    /// How many moments.
    pub count: usize,
    /// Length of a moment, s: of each camera, one picture a moment is looked at.
    pub every_s: f64,
    /// Least time between two moments that are found, s.
    pub gap_s: f64,
    /// How moments are chosen.
    pub way: Way,
    /// Only this camera's pictures.
    pub camera: Option<String>,
    /// Folder of the scene model, and how engines are opened.
    pub model: Option<(PathBuf, EngineConfig)>,
    /// Folder of a detector of pictures, and how engines are opened.
    pub detector: Option<(PathBuf, EngineConfig)>,
    /// A language model that is asked to be the gate, before the one that is built in.
    pub gate: Option<Endpoint>,
    /// A page with pictures.
    pub html: Option<PathBuf>,
    /// Progress on standard error.
    pub progress: bool,
}

impl Default for FindOptions {
    fn default() -> Self {
        Self {
            count: 8,
            every_s: 0.5,
            gap_s: 4.0,
            way: Way::Gated,
            camera: None,
            model: None,
            detector: None,
            gate: None,
            html: None,
            progress: false,
        }
    }
}

/// Finds the moments of a log that a query means.
///
/// # Errors
/// A query that asks nothing or for what is not there; a log that cannot be read or holds nothing to look
/// at; a model that cannot be used, or pictures that it lacks; a page that cannot be written.
pub fn find(text: &str, log: &Path, options: &FindOptions) -> Result<Found> {
    Query::parse(text)?;
    let Some(every_ns) = nanoseconds(options.every_s).and_then(NonZeroU64::new) else {
        bail!("--every must be 0.05 to 3600 s");
    };
    if options.count == 0 {
        bail!("--top must be 1 or more");
    }
    let Some(gap_ns) = nanoseconds(options.gap_s) else {
        bail!("--gap must be 0, or 0.05 to 3600 s");
    };
    let eyes = options
        .model
        .as_ref()
        .map(|(folder, engine)| Eyes::open(folder, engine));
    let spotter = options
        .detector
        .as_ref()
        .map(|(folder, engine)| Spotter::open(folder, engine));
    let sight = Sight {
        eyes: eyes.transpose()?,
        spotter: spotter.transpose()?,
    };
    let things = sight.spotter.as_ref().map(Spotter::things);
    let things = things.unwrap_or_default();
    let query = Query::parse_with(text, &things)?;
    let (gating, gate) = gate(&query, &things, options.gate.as_ref());
    let queries = [(query, gating)];
    let mut drive = Drive::new(every_ns, &queries, sight)?;
    let bar = bar(options.progress);
    let read = log::read(log, options.camera.as_deref(), &mut drive, &bar)?;
    bar.finish_and_clear();
    let readings = drive.readings(0);
    let searched = Searched {
        query: &queries[0].0,
        gate,
        log,
        drive: &drive,
        read: &read,
    };
    let (found, streams) = result::found(searched, &readings, options, gap_ns);
    if let Some(html) = &options.html {
        let pictures = pictures::thumbnails(log, &found)?;
        page::write(html, &found, streams, &pictures)?;
    }
    Ok(found)
}

/// How a query is shared out, and by whom: an endpoint that fails costs no search.
fn gate(query: &Query, things: &Things, endpoint: Option<&Endpoint>) -> (Gating, GateUsed) {
    let asked = endpoint.map(|endpoint| (endpoint, endpoint.ask(query, things)));
    let failure = match asked {
        Some((endpoint, Ok(gating))) => {
            let by = format!("{} at {}", endpoint.model(), endpoint.url());
            return (gating, GateUsed { by, failure: None });
        }
        Some((_, Err(error))) => Some(error.to_string()),
        None => None,
    };
    let by = "words".to_owned();
    (Gating::by_words(query), GateUsed { by, failure })
}

/// Seconds as nanoseconds, where they are 0 or a sensible time.
fn nanoseconds(seconds: f64) -> Option<u64> {
    let is_sensible = seconds == 0.0 || (0.05..=3600.0).contains(&seconds);
    is_sensible.then_some((seconds * 1e9) as u64)
}

fn bar(visible: bool) -> ProgressBar {
    if !visible {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(1000);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40.cyan/black} {percent:>3} %  {elapsed}  {msg}")
    {
        bar.set_style(style);
    }
    bar
}
