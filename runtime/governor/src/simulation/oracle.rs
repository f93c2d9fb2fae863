//! The best that could be done by somebody who knows the drive: dynamic programming backwards over temperature
//! and speed.

use super::plant::{Plant, RECOVERS, SLOWEST, Step};
use super::trace::Trace;
use crate::ladder::Ladder;

/// Seconds for which a rung is chosen at once.
const STRIDE: usize = 5;
/// Temperatures planned for, degrees Celsius, and the distance between them.
const COLDEST_C: f64 = 20.0;
const DEGREE_C: f64 = 0.5;
const DEGREES: usize = 180;
/// Speeds planned for: 0.4 to 1.
const SPEEDS: usize = 7;
/// Speeds that there are: from the slowest on, in steps of what is won back in a second.
const EXACT_SPEEDS: usize = 13;
/// Seconds of full quality that a late step is worth: lateness comes first.
const LATE: f64 = 5.0;

/// The rung for every state and time.
pub struct Oracle {
    /// By stride, temperature and speed.
    rungs: Vec<u8>,
}

impl Oracle {
    /// Plans a drive.
    #[must_use]
    pub fn plan(ladder: &Ladder, trace: &Trace) -> Self {
        let strides = trace.seconds().div_ceil(STRIDE);
        let states = DEGREES * SPEEDS;
        let mut rungs = vec![0; strides * states];
        let mut worth = vec![0.0; states];
        let mut next = worth.clone();
        for stride in (0..strides).rev() {
            std::mem::swap(&mut worth, &mut next);
            let seconds = stride * STRIDE..((stride + 1) * STRIDE).min(trace.seconds());
            let steps = steps(ladder, trace, seconds.clone());
            for state in 0..states {
                let temperature_c = COLDEST_C + DEGREE_C * (state / SPEEDS) as f64;
                let speed = 0.4 + 0.1 * (state % SPEEDS) as f64;
                let mut best = f64::NEG_INFINITY;
                for (number, rung) in ladder.rungs().iter().enumerate() {
                    let mut plant = Plant::at(temperature_c, speed);
                    let mut value = 0.0;
                    for (steps, second) in steps.iter().zip(seconds.clone()) {
                        let exact = (plant.speed - SLOWEST) / RECOVERS;
                        let step = steps[number][exact.round() as usize];
                        plant.take(step, trace.air_c(second));
                        value += rung.quality - LATE * (step.radar_late + step.camera_late);
                    }
                    value += between(&next, &plant);
                    if value > best {
                        (best, rungs[stride * states + state]) = (value, number as u8);
                    }
                }
                worth[state] = best;
            }
        }
        Self { rungs }
    }

    /// The rung for a state at a second.
    #[must_use]
    pub fn rung(&self, plant: &Plant, second: usize) -> usize {
        let (degree, _) = degree(plant);
        let speed = ((plant.speed - 0.4) / 0.1)
            .round()
            .clamp(0.0, (SPEEDS - 1) as f64) as usize;
        usize::from(self.rungs[(second / STRIDE) * DEGREES * SPEEDS + degree * SPEEDS + speed])
    }
}

/// What each second does by rung and speed: it does not depend on the temperature.
fn steps(
    ladder: &Ladder,
    trace: &Trace,
    seconds: std::ops::Range<usize>,
) -> Vec<Vec<[Step; EXACT_SPEEDS]>> {
    let of_second = |second: usize| {
        let rungs = ladder.rungs().iter();
        let of_rung = |rung| {
            let speed = |exact: usize| SLOWEST + RECOVERS * exact as f64;
            std::array::from_fn(|exact| Step::at(speed(exact), rung, trace, second))
        };
        rungs.map(of_rung).collect()
    };
    seconds.map(of_second).collect()
}

/// The temperature's place in the table, and how far it is to the next.
fn degree(plant: &Plant) -> (usize, f64) {
    let place =
        ((plant.temperature_c - COLDEST_C) / DEGREE_C).clamp(0.0, (DEGREES - 1) as f64 - 1e-9);
    (place as usize, place.fract())
}

/// Worth of a state between those of the table.
fn between(worth: &[f64], plant: &Plant) -> f64 {
    let (degree, up) = degree(plant);
    let speed = ((plant.speed - 0.4) / 0.1)
        .round()
        .clamp(0.0, (SPEEDS - 1) as f64) as usize;
    let at = |degree: usize| worth[degree.min(DEGREES - 1) * SPEEDS + speed];
    at(degree) * (1.0 - up) + at(degree + 1) * up
}
