//! Drives with and without the governor and under an oracle: `cargo run --release -p drafthorse-governor --example
//! simulate -- 1000`.

#![expect(clippy::print_stdout, reason = "speaks to a person")]

use drafthorse_governor::GovernorConfig;
use drafthorse_governor::simulation::{Comparison, Outcome};

fn main() {
    let drives = std::env::args()
        .nth(1)
        .and_then(|count| count.parse().ok())
        .unwrap_or(100);
    let sums = Comparison::over(&GovernorConfig::default(), 0..drives);
    let row = |name: &str, of: &Outcome| {
        let each = |sum: f64| sum / sums.drives as f64;
        println!(
            "{name:<10} radar late {:>8.2}  camera late {:>9.1}  quality {:.3}  changes {:>6.1}",
            each(of.radar_late),
            each(of.camera_late),
            each(of.quality),
            each(of.changes as f64)
        );
    };
    println!("{} drives of 15 minutes, means", sums.drives);
    row("without", &sums.without);
    row("governed", &sums.governed);
    row("foretold", &sums.foretold);
    println!(
        "avoided {:.3} of what is avoidable, quality {:.3} of the oracle's",
        sums.avoided(),
        sums.quality()
    );
    println!(
        "drives with more late radar scans than without: {}",
        sums.radar_harmed
    );
}
