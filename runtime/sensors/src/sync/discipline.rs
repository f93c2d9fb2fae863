//! The offset and drift of the microcontroller's clock against the vehicle's, from exchanges of time.
//!
//! An exchange gives the offset up to half of what its way there and back took longer than the fastest did;
//! that is its noise in a Kalman filter of offset and drift, and slow exchanges are rejected. What the
//! fastest ways differ from each other nobody can tell from here: the error is bounded by half the shortest
//! round trip, not by the filter's own deviation. The model is the two-state clock of Galleani,
//! Sacerdote, Tavella and Zucca (Metrologia 40, 2003), without its deterministic drift.

/// One question and its answer. The time that the bytes are on the wire is already taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When the host had sent the question, ns on the vehicle clock.
    pub asked_ns: u64,
    /// When the microcontroller had it, ns of its clock.
    pub received_mcu_ns: u64,
    /// When it began to answer.
    pub sent_mcu_ns: u64,
    /// When the host began to have the answer, ns on the vehicle clock.
    pub answered_ns: u64,
}

/// What became of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Taken,
    /// Too slow, or impossible, or too far off for the moment.
    Rejected,
    /// A clock was set: several in a row were off alike, and the estimate begins anew with this one.
    Restarted,
}

/// The microcontroller's clock beside the vehicle's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// A time of the microcontroller, ns of its clock.
    pub at_mcu_ns: u64,
    /// The same time on the vehicle clock, ns.
    pub at_ns: u64,
    /// By how much the vehicle clock gains on the microcontroller's, ns a second.
    pub drift_nsps: f64,
    /// Standard deviation of `at_ns` under the filter's own model, ns.
    pub std_ns: f64,
    /// Half the shortest round trip of late, ns: the bound on what the two ways' difference adds.
    pub half_round_trip_ns: u64,
}

/// Exchanges over which the shortest round trip is looked for.
const WINDOW: usize = 64;
/// Exchanges until times are given out.
const TO_BEGIN: u32 = 4;
/// Exchanges during which the shortest round trip is not known well.
const TO_SETTLE: u32 = 16;
/// Deviation of an exchange that was as fast as any, ns.
const BEST_STD_NS: f64 = 3_000.0;
/// An exchange this much slower than the fastest is rejected, ns, beside a share of the fastest itself.
const SLOWER_NS: u64 = 200_000;
/// Rejection ends where nothing was taken for so long, ns.
const PATIENCE_NS: u64 = 3_000_000_000;
/// Off by more than this many deviations, and by this much, ns: not noise.
const GATE_STDS: f64 = 6.0;
const GATE_NS: f64 = 100_000.0;
/// So many such in a row: a clock was set.
const TO_RESTART: u32 = 5;
/// Random walk of the offset, ns per root second, and of the drift, ns/s per root second. The second also
/// covers the vehicle clock being slewed by what disciplines it.
const OFFSET_WALK: f64 = 50.0;
const DRIFT_WALK: f64 = 1_000.0;
/// How far a crystal is off at first, ns/s.
const FIRST_DRIFT_STD: f64 = 100_000.0;

/// The filter.
#[derive(Clone, Debug, Default)]
pub struct Discipline {
    state: Option<State>,
    round_trips: Window,
    taken: u32,
    off_in_a_row: u32,
    last_taken_ns: u64,
}

#[derive(Clone, Debug)]
struct State {
    /// Vehicle minus microcontroller at the beginning, ns: the large part, kept whole.
    base_ns: i64,
    at_mcu_ns: u64,
    /// Beside the base, ns.
    offset_ns: f64,
    drift_nsps: f64,
    /// Covariance of offset and drift: [[a, b], [b, c]].
    covariance: [f64; 3],
}

/// The latest round trips.
#[derive(Clone, Debug, Default)]
struct Window {
    ns: Vec<u64>,
    next: usize,
}

impl Window {
    fn push(&mut self, ns: u64) {
        match self.ns.get_mut(self.next) {
            Some(slot) => *slot = ns,
            None => self.ns.push(ns),
        }
        self.next = (self.next + 1) % WINDOW;
    }

    fn shortest(&self) -> Option<u64> {
        self.ns.iter().copied().min()
    }
}

impl Discipline {
    /// Forgets all: the microcontroller started anew.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes an exchange.
    pub fn exchange(&mut self, exchange: &Exchange) -> Verdict {
        let Some((offset_ns, round_trip_ns)) = measured(exchange) else {
            return Verdict::Rejected;
        };
        self.round_trips.push(round_trip_ns);
        let shortest = self.round_trips.shortest().unwrap_or(round_trip_ns);
        let slower = round_trip_ns - shortest;
        let waited = exchange.answered_ns.saturating_sub(self.last_taken_ns) > PATIENCE_NS;
        let is_settled = self.taken >= TO_SETTLE;
        if slower > SLOWER_NS + shortest / 4 && is_settled && !waited {
            return Verdict::Rejected;
        }
        let std_ns = self.std_of(slower, round_trip_ns);
        let Some(state) = &mut self.state else {
            return self.begin(exchange, offset_ns, std_ns, Verdict::Taken);
        };
        state.predict(exchange.sent_mcu_ns);
        let innovation = offset_ns.saturating_sub(state.base_ns) as f64 - state.offset_ns;
        let variance = state.covariance[0] + std_ns * std_ns;
        if innovation.abs() > GATE_NS.max(GATE_STDS * variance.sqrt()) {
            self.off_in_a_row += 1;
            if self.off_in_a_row < TO_RESTART {
                return Verdict::Rejected;
            }
            self.reset();
            self.round_trips.push(round_trip_ns);
            let std_ns = self.std_of(0, round_trip_ns);
            return self.begin(exchange, offset_ns, std_ns, Verdict::Restarted);
        }
        state.correct(innovation, variance);
        self.took(exchange);
        Verdict::Taken
    }

    /// The clock's state at its last exchange, once it is known.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let state = self.state.as_ref().filter(|_| self.taken >= TO_BEGIN)?;
        Some(Estimate {
            at_mcu_ns: state.at_mcu_ns,
            at_ns: state.vehicle_ns(state.at_mcu_ns)?,
            drift_nsps: state.drift_nsps,
            std_ns: state.covariance[0].max(0.0).sqrt(),
            half_round_trip_ns: self.round_trips.shortest()? / 2,
        })
    }

    /// A time of the microcontroller on the vehicle clock, once that is known.
    #[must_use]
    pub fn vehicle_ns(&self, mcu_ns: u64) -> Option<u64> {
        let state = self.state.as_ref().filter(|_| self.taken >= TO_BEGIN)?;
        state.vehicle_ns(mcu_ns)
    }

    fn begin(
        &mut self,
        exchange: &Exchange,
        offset_ns: i64,
        std_ns: f64,
        verdict: Verdict,
    ) -> Verdict {
        self.state = Some(State {
            base_ns: offset_ns,
            at_mcu_ns: exchange.sent_mcu_ns,
            offset_ns: 0.0,
            drift_nsps: 0.0,
            covariance: [std_ns * std_ns, 0.0, FIRST_DRIFT_STD * FIRST_DRIFT_STD],
        });
        self.took(exchange);
        verdict
    }

    fn took(&mut self, exchange: &Exchange) {
        self.taken = self.taken.saturating_add(1);
        self.off_in_a_row = 0;
        self.last_taken_ns = exchange.answered_ns;
    }

    /// Half of what it took longer than the fastest; as long as there were few, a part of all it took.
    fn std_of(&self, slower_ns: u64, round_trip_ns: u64) -> f64 {
        let known = BEST_STD_NS + slower_ns as f64 / 2.0;
        match self.taken < TO_SETTLE {
            true => known.max(round_trip_ns as f64 / 8.0),
            false => known,
        }
    }
}

/// Vehicle minus microcontroller, and the round trip less the microcontroller's own time, ns.
fn measured(exchange: &Exchange) -> Option<(i64, u64)> {
    let own = exchange.sent_mcu_ns.checked_sub(exchange.received_mcu_ns)?;
    let all = exchange.answered_ns.checked_sub(exchange.asked_ns)?;
    let round_trip = all.checked_sub(own)?;
    let middle = i128::from(exchange.asked_ns) + i128::from(exchange.answered_ns);
    let mcu_middle = i128::from(exchange.received_mcu_ns) + i128::from(exchange.sent_mcu_ns);
    let offset = i64::try_from((middle - mcu_middle) / 2).ok()?;
    Some((offset, round_trip))
}

impl State {
    fn predict(&mut self, to_mcu_ns: u64) {
        let passed_s = to_mcu_ns.saturating_sub(self.at_mcu_ns) as f64 * 1e-9;
        self.at_mcu_ns = self.at_mcu_ns.max(to_mcu_ns);
        self.offset_ns += self.drift_nsps * passed_s;
        let [a, b, c] = self.covariance;
        let drift = DRIFT_WALK * DRIFT_WALK * passed_s;
        self.covariance = [
            a + 2.0 * passed_s * b
                + passed_s * passed_s * c
                + OFFSET_WALK * OFFSET_WALK * passed_s
                + drift * passed_s * passed_s / 3.0,
            b + passed_s * c + drift * passed_s / 2.0,
            c + drift,
        ];
    }

    fn correct(&mut self, innovation: f64, variance: f64) {
        let [a, b, c] = self.covariance;
        let (offset_gain, drift_gain) = (a / variance, b / variance);
        self.offset_ns += offset_gain * innovation;
        self.drift_nsps += drift_gain * innovation;
        self.covariance = [a - offset_gain * a, b - offset_gain * b, c - drift_gain * b];
    }

    fn vehicle_ns(&self, mcu_ns: u64) -> Option<u64> {
        let since_s = (i128::from(mcu_ns) - i128::from(self.at_mcu_ns)) as f64 * 1e-9;
        let offset = (self.offset_ns + self.drift_nsps * since_s).round() as i128;
        u64::try_from(i128::from(mcu_ns) + i128::from(self.base_ns) + offset).ok()
    }
}
