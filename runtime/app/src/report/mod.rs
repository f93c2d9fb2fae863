//! The HTML report of a log: one self-contained page with a bird's-eye view over time, camera
//! pictures with projected boxes, latency, drops, faults and the state of the log itself. The log
//! is read once, in order, with bounded memory; nothing is recomputed from raw bytes.

mod base64;
mod bins;
mod cloud;
mod data;
mod finish;
mod fold;
mod governor;
mod histogram;
mod kept;
mod keyframes;
mod offload;
pub(crate) mod page;
mod scenery;
mod source;
mod status;
mod thin;
mod timeline;

#[cfg(test)]
mod tests;

pub(crate) use base64::encode as base64;
pub(crate) use timeline::instant_ns;

use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// How much of a log goes into its report. The defaults keep the page below about 8 MB however
/// long the log is.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Title of the page; if absent the run's name, else the log's file name.
    pub title: Option<String>,
    /// Instants kept of each radar, of the tracks and of the truth.
    pub max_instants: usize,
    /// Radar points kept in total.
    pub max_points: usize,
    /// Tracked objects and true objects kept in total, each, summed over the instants.
    pub max_boxes: usize,
    /// Camera pictures kept in total.
    pub max_pictures: usize,
    /// Bytes of camera pictures kept in total.
    pub max_picture_bytes: usize,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self {
            title: None,
            max_instants: 600,
            max_points: 160_000,
            max_boxes: 14_000,
            max_pictures: 150,
            max_picture_bytes: 2_700_000,
        }
    }
}

/// Writes one report of `logs` to `out_html`, each a file, a folder of segments or `FOLDER/NAME`; in the order in which
/// they were recorded, so that what a later run learnt of an earlier one's blocks stands with them.
///
/// A damaged log gives a report of what reads back, which says so.
///
/// # Errors
/// When a log cannot be opened or the page cannot be written.
pub fn write(logs: &[PathBuf], out_html: &Path, options: &ReportOptions) -> anyhow::Result<()> {
    save(&source::read(logs, options)?, out_html)
}

/// Writes the report of one log's segments, in their order, with default options.
///
/// # Errors
/// When the first segment cannot be opened or the page cannot be written.
pub fn write_for_logs(logs: &[PathBuf], out_html: &Path) -> anyhow::Result<()> {
    let data = source::read_segments(logs, &ReportOptions::default())?;
    save(&data, out_html)
}

fn save(data: &data::ReportData, out_html: &Path) -> anyhow::Result<()> {
    std::fs::write(out_html, page::render(data)?).with_context(|| {
        format!(
            "cannot write the report to {}; check the folder and its free space",
            out_html.display()
        )
    })
}
