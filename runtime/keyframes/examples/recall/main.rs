//! Which share of the staged incidents of generated drives each way of choosing keyframes keeps.
//!
//!     cargo run --release -p drafthorse-keyframes --example recall -- --drives 60 --json
//!
//! A drive is 200 s with 8 to 10 incidents and stretches of sensor noise; drives with fewer are passed
//! over, whatever is found in them. The default towns and seeds are those on which nothing was tuned.
#![allow(clippy::print_stdout)] // A command that prints.

mod choose;
mod play;
mod score;

use clap::Parser;
use drafthorse_synth::Town;
use serde_json::json;

#[derive(Parser)]
struct Args {
    /// How many drives
    #[arg(long, default_value_t = 6)]
    drives: usize,
    /// The first seed that is tried
    #[arg(long, default_value_t = 5000)]
    first_seed: u64,
    /// Towns, in turn
    #[arg(long, value_delimiter = ',', default_value = "harbour,highway")]
    towns: Vec<String>,
    /// Pictures a second; 0 for the radar alone
    #[arg(long, default_value_t = 5.0)]
    camera_fps: f64,
    /// Keyframes a drive
    #[arg(long, default_value_t = 10)]
    budget: usize,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let names = args.towns.iter().map(|name| json!(name));
    let towns: Vec<Town> = names
        .map(serde_json::from_value)
        .collect::<Result<_, _>>()?;
    let mut scores = score::Scores::default();
    let mut seed = args.first_seed;
    let mut drives = 0;
    while drives < args.drives {
        let town = towns[seed as usize % towns.len()];
        if let Some(drive) = play::played(seed, town, args.camera_fps) {
            for (name, keyframes) in choose::all(&drive.moments, args.budget) {
                scores.add(name, &keyframes, &drive.incidents);
            }
            drives += 1;
            eprintln!(
                "drive {drives} of {}: seed {seed}, {}",
                args.drives,
                town.name()
            );
        }
        seed += 1;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&scores.json())?);
    } else {
        print!("{}", scores.table());
    }
    Ok(())
}
