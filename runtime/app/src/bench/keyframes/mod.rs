//! Keyframes: what their selection costs beside a camera, and which share of the incidents of generated
//! drives each way of choosing keeps. A drive is 200 s with 8 to 10 incidents and stretches of sensor
//! noise; towns and seeds are those on which nothing was tuned.

mod cost;
mod drive;
mod recall;
mod ways;

use super::Figure;
use crate::cli::KeyframesBench;
use anyhow::Result;
use drafthorse_synth::Town;
use recall::Recalls;

/// Keyframes a drive.
const BUDGET: usize = 10;
/// Towns on which nothing was tuned, in turn.
const TOWNS: [Town; 2] = [Town::Harbour, Town::Highway];
/// The first seed that is tried; nothing was tuned on it or on later ones.
const FIRST_SEED: u64 = 5000;

pub(super) fn run(
    args: &KeyframesBench,
    print: &mut dyn FnMut(Figure) -> Result<()>,
) -> Result<()> {
    print(Figure::alone(
        "keyframes.core_share_30fps",
        cost::core_share()?,
        "cores",
    ))?;
    let mut recalls = Recalls::default();
    let (mut seed, mut played) = (FIRST_SEED, 0);
    while played < args.drives {
        let town = TOWNS[seed as usize % TOWNS.len()];
        if let Some(drive) = drive::play(seed, town)? {
            for (way, keyframes) in ways::all(&drive.moments, BUDGET)? {
                recalls.add(way, &keyframes, &drive.incidents);
            }
            played += 1;
            tracing::info!(seed, town = town.name(), played, "keyframes of a drive");
        }
        seed += 1;
    }
    recalls.figures(BUDGET).into_iter().try_for_each(print)
}
