//! One self-contained page of what was found: the hits with their pictures, and the streams over time.

use super::drive::Shot;
use super::result::Found;
use super::streams::Streams;
use crate::report::base64;
use crate::report::page::{fill, push_json, push_text};
use anyhow::{Context as _, Result};
use drafthorse_keyframes::query::{STREAM_NAMES, min_max};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

const PAGE: &str = include_str!("page/find.html");
const STYLE: &str = include_str!("page/find.css");
const SCRIPT: &str = include_str!("page/find.js");
/// Points of a stream's line at most.
const POINTS: usize = 1500;

/// What the page is given.
#[derive(Serialize)]
struct Data<'a> {
    found: &'a Found,
    /// Of each hit its pictures: camera and JPEG in base64.
    pictures: Vec<Vec<(&'a str, String)>>,
    /// Time of each point, ms since the first.
    times_ms: Vec<u64>,
    /// Time of each hit on the same axis.
    hits_ms: Vec<u64>,
    /// Each stream after min-max, thousandths, -1 where it sees nothing.
    streams: Vec<(&'static str, Vec<i16>)>,
}

/// Writes the page.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn write<'a>(
    html: &Path,
    found: &'a Found,
    streams: &Streams,
    pictures: &BTreeMap<Shot, Vec<u8>>,
) -> Result<()> {
    let first_ns = streams.times_ns.first().copied().unwrap_or_default();
    let ms = |at_ns: u64| at_ns.saturating_sub(first_ns) / 1_000_000;
    let step = streams.times_ns.len().div_ceil(POINTS).max(1);
    let line = |raw: &Vec<f32>| {
        let scaled = min_max(raw);
        let points = scaled.chunks(step).map(|chunk| {
            let best = chunk
                .iter()
                .flatten()
                .copied()
                .fold(None, |best: Option<f32>, value| {
                    Some(best.map_or(value, |best| best.max(value)))
                });
            best.map_or(-1, |best| (best * 1000.0) as i16)
        });
        points.collect::<Vec<_>>()
    };
    let of_hit = |hit: &'a super::Hit| {
        let shots = hit.pictures.iter();
        shots
            .filter_map(|shot| Some((shot.camera.as_str(), base64(pictures.get(shot)?))))
            .collect()
    };
    let data = Data {
        pictures: found.hits.iter().map(of_hit).collect(),
        times_ms: streams
            .times_ns
            .iter()
            .step_by(step)
            .map(|at_ns| ms(*at_ns))
            .collect(),
        hits_ms: found.hits.iter().map(|hit| ms(hit.at_ns)).collect(),
        streams: STREAM_NAMES
            .into_iter()
            .zip(streams.raw.iter().map(line))
            .collect(),
        found,
    };
    let json = serde_json::to_string(&data).context("the page's data cannot be written")?;
    let page = fill(PAGE, |slot, page| {
        match slot {
            "title" => push_text(&found.query, page),
            "style" => page.push_str(STYLE),
            "data" => push_json(&json, page),
            "script" => page.push_str(SCRIPT),
            _ => return false,
        }
        true
    })?;
    std::fs::write(html, page).with_context(|| {
        format!(
            "cannot write the page to {}; check the folder and its free space",
            html.display()
        )
    })
}
