//! Simulated vehicles against a target's server: how many blocks it answers, how long they take, and what happens
//! beyond its capacity. Blocks are pictures of synthetic roads with drafts of all kinds, each sent under a new id, so
//! that no answer comes from memory.
//!
//!     cargo run --release -p drafthorse-target --example load -- --address 127.0.0.1:8001 --vehicles 32 --rate 2
//!
//! prints one line of JSON. `DRAFTHORSE_ONNXRUNTIME` has to name the library, which makes the pictures' tokens.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool of the tests"
)]

#[allow(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../../tests/target/common.rs"]
mod common;
mod tally;
mod vehicle;

use clap::Parser;
use drafthorse_protocol::VerifyRequest;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tally::Tally;
use vehicle::{Pattern, Plan, Vehicle};

#[derive(Parser)]
struct Arguments {
    /// The server
    #[arg(long)]
    address: String,
    /// Folder with ca.pem and certificates of the vehicles load-0, load-1 and so on; plain text without
    #[arg(long)]
    certificates: Option<PathBuf>,
    /// Vehicles, each with a connection of its own
    #[arg(long, default_value_t = 32)]
    vehicles: usize,
    /// Blocks a second of each vehicle
    #[arg(long, default_value_t = 2.0)]
    rate: f64,
    /// A while with more blocks in the middle: their rate
    #[arg(long)]
    peak_rate: Option<f64>,
    /// How long blocks come, s; the peak is the middle third
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Every vehicle sends the next block as soon as it has an answer, whatever the rate
    #[arg(long, conflicts_with = "flood")]
    closed: bool,
    /// Every vehicle sends so many blocks at once and waits for none: no vehicle does, an attacker might
    #[arg(long)]
    flood: Option<usize>,
    /// Frames of a block
    #[arg(long, default_value_t = 1)]
    frames: usize,
    /// Image tokens kept of a picture's 128; several for blocks that differ
    #[arg(long, default_values_t = [32])]
    keep: Vec<usize>,
    /// How long a vehicle waits for an answer, ms
    #[arg(long, default_value_t = 4000)]
    deadline_ms: u64,
}

fn main() {
    let arguments = Arguments::parse();
    let backend = common::onnxruntime().expect("DRAFTHORSE_ONNXRUNTIME names the library");
    let mut questioner = common::Questioner::new(&common::trained(), backend.as_ref());
    questioner.keeps.clone_from(&arguments.keep);
    let blocks: Vec<VerifyRequest> = (0..60)
        .map(|_| questioner.block(arguments.frames).request)
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let (tally, took) = runtime
        .unwrap()
        .block_on(drive(&arguments, Arc::new(blocks)));
    println!("{}", tally.json(took));
}

async fn drive(arguments: &Arguments, blocks: Arc<Vec<VerifyRequest>>) -> (Tally, Duration) {
    let pattern = match (arguments.closed, arguments.flood) {
        (true, _) => Pattern::Closed,
        (_, Some(at_once)) => Pattern::Flood { at_once },
        _ => Pattern::Open {
            rate: arguments.rate,
            peak_rate: arguments.peak_rate.unwrap_or(arguments.rate),
        },
    };
    let plan = Plan {
        pattern,
        lasts: Duration::from_secs_f64(arguments.seconds),
        deadline: Duration::from_millis(arguments.deadline_ms),
    };
    let mut vehicles = Vec::new();
    for number in 0..arguments.vehicles {
        let name = format!("load-{number}");
        let vehicle = arguments
            .certificates
            .as_deref()
            .map(|folder| (folder, name.as_str()));
        let client = common::connect(&arguments.address, vehicle).await;
        vehicles.push(Vehicle::new(number, client, Arc::clone(&blocks)));
    }
    let began = Instant::now();
    let driving = vehicles
        .into_iter()
        .map(|vehicle| tokio::spawn(vehicle.drive(plan)));
    let mut tally = Tally::default();
    for driving in driving.collect::<Vec<_>>() {
        tally.add(driving.await.unwrap());
    }
    (tally, began.elapsed())
}
