//! The choice of the rung, reading by reading.
//!
//! Down: at once where a lane is late or the processors are busy, as far as the ladder's declared work says is
//! needed; one rung at a time for heat and power, which answer slowly. Up: one rung, after a while of room, and
//! only where the declared work says that it fits. A step up that has to be taken back soon doubles that
//! while, so that a board at its limit settles instead of swinging; a long calm halves it again.

use crate::config::{GovernorConfig, GovernorError};
use crate::ladder::{Knob, Ladder, Rung};
use crate::reading::{Reading, Reason};

const SECOND_NS: f64 = 1e9;
/// A step up that is taken back within so many of its own waits was a mistake.
const REGRET_WAITS: f64 = 3.0;
/// So many waits without a step down make the wait shorter again.
const CALM_WAITS: f64 = 6.0;
/// So many late steps of a lane in one reading are no chance; a single one has to come again in the next.
const LATE_AT_ONCE: u32 = 2;
/// Time constant of the temperature's slope, s.
const SLOPE_S: f64 = 5.0;

/// A turn of a knob, or of several at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// When, as the reading has it.
    pub at_ns: u64,
    /// Rung before.
    pub from: usize,
    /// Rung from now on.
    pub to: usize,
    /// Why.
    pub reason: Reason,
}

/// The fold.
#[derive(Clone, Debug)]
pub struct Governor {
    config: GovernorConfig,
    ladder: Ladder,
    rung: usize,
    /// Seconds of room that a step up waits for.
    wait_s: f64,
    last_ns: Option<u64>,
    /// Since when there is room without a break.
    room_since_ns: Option<u64>,
    last_up_ns: Option<u64>,
    last_down_ns: Option<u64>,
    last_heat_ns: Option<u64>,
    /// Whether the last reading had late steps.
    was_late: bool,
    headroom_c: Option<f64>,
    /// Of the headroom, degrees a second; negative while it gets warmer.
    slope: f64,
}

/// What strains, and how much: 1 is the bound.
type Strain = (f64, Reason);

impl Governor {
    /// At full quality, with all knobs.
    ///
    /// # Errors
    /// [`GovernorError`] for a configuration that cannot be.
    pub fn new(config: GovernorConfig) -> Result<Self, GovernorError> {
        Self::of(config, |_| true)
    }

    /// At full quality, with those knobs that there are.
    ///
    /// # Errors
    /// [`GovernorError`] for a configuration that cannot be.
    pub fn of(
        config: GovernorConfig,
        there_is: impl Fn(Knob) -> bool,
    ) -> Result<Self, GovernorError> {
        Ok(Self {
            ladder: config.ladder_of(there_is)?,
            wait_s: config.up_after_s,
            config,
            rung: 0,
            last_ns: None,
            room_since_ns: None,
            last_up_ns: None,
            last_down_ns: None,
            last_heat_ns: None,
            was_late: false,
            headroom_c: None,
            slope: 0.0,
        })
    }

    /// The rung that holds now.
    #[must_use]
    pub fn rung(&self) -> &Rung {
        &self.ladder.rungs()[self.rung]
    }

    /// Its number, 0 at full quality.
    #[must_use]
    pub fn number(&self) -> usize {
        self.rung
    }

    /// All rungs.
    #[must_use]
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// Takes a reading; says what changes. Readings are to come in order of time; one that does not is passed over.
    pub fn observe(&mut self, reading: &Reading) -> Option<Change> {
        let now = reading.at_ns;
        let passed_s = match self.last_ns {
            Some(last) if now <= last => return None,
            Some(last) => (now - last) as f64 / SECOND_NS,
            None => 0.0,
        };
        self.last_ns = Some(now);
        self.follow_heat(reading.headroom_c, passed_s);
        let strain = self.strain(reading);
        self.was_late = reading.lanes.iter().any(|lane| lane.late > 0);
        self.forgive(now);
        if strain.0 >= self.config.high {
            self.room_since_ns = None;
            return self.down(reading, strain);
        }
        self.up(reading)
    }

    /// Follows temperature and slope.
    fn follow_heat(&mut self, headroom_c: Option<f64>, passed_s: f64) {
        let now = headroom_c.filter(|headroom| headroom.is_finite());
        if let (Some(before), Some(now)) = (self.headroom_c, now)
            && passed_s > 0.0
        {
            let share = (passed_s / SLOPE_S).min(1.0);
            self.slope += share * ((now - before) / passed_s - self.slope);
        }
        self.headroom_c = now;
    }

    /// The greatest strain of all.
    fn strain(&self, reading: &Reading) -> Strain {
        let known = |value: Option<f64>| value.filter(|value| value.is_finite()).unwrap_or(0.0);
        let late = reading
            .lanes
            .iter()
            .map(|lane| lane.late)
            .max()
            .unwrap_or(0);
        let is_late = late >= LATE_AT_ONCE || (late > 0 && self.was_late);
        let heat = self.headroom_c.map_or(0.0, |headroom| {
            let foretold = headroom + self.slope.min(0.0) * self.config.look_ahead_s;
            // `high` where the hot band begins, 1 at the limit itself.
            1.0 - (1.0 - self.config.high) * foretold / self.config.hot_below_limit_c
        });
        [
            (f64::from(u8::from(is_late)), Reason::Late),
            (known(reading.busy), Reason::Busy),
            (heat, Reason::Hot),
            (known(reading.power), Reason::Power),
        ]
        .into_iter()
        .fold((0.0, Reason::Room), |most, next| match next.0 > most.0 {
            true => next,
            false => most,
        })
    }

    fn down(&mut self, reading: &Reading, (strain, reason): Strain) -> Option<Change> {
        let now = reading.at_ns;
        let last = self.ladder.last();
        if self.rung == last {
            return None;
        }
        let to = match reason {
            Reason::Hot | Reason::Power => {
                let waited = since(self.last_heat_ns, now);
                if waited.is_some_and(|waited| waited < self.config.heat_settles_s) {
                    return None;
                }
                self.last_heat_ns = Some(now);
                self.rung + 1
            }
            // The processors' load says how far; lateness without load, one rung at a time.
            _ => {
                let busy = reading.busy.filter(|busy| busy.is_finite()).unwrap_or(0.0);
                let strain = match reason {
                    Reason::Busy => strain,
                    _ => busy.max(self.config.high),
                };
                let wanted = self.rung().work * self.config.aim / strain;
                let rungs = &self.ladder.rungs()[self.rung + 1..];
                let fits = rungs.iter().position(|rung| rung.work <= wanted);
                fits.map_or(last, |further| self.rung + 1 + further)
            }
        };
        if since(self.last_up_ns, now).is_some_and(|since| since < REGRET_WAITS * self.wait_s) {
            self.wait_s = (2.0 * self.wait_s).min(self.config.up_after_most_s);
            self.last_up_ns = None;
        }
        self.last_down_ns = Some(now);
        Some(self.turn(now, to, reason))
    }

    fn up(&mut self, reading: &Reading) -> Option<Change> {
        let now = reading.at_ns;
        if self.rung == 0 {
            self.room_since_ns = None;
            return None;
        }
        let above = self.ladder.rungs()[self.rung - 1];
        let growth = above.work / self.rung().work;
        let busy = reading.busy.filter(|busy| busy.is_finite()).unwrap_or(0.0);
        let fits = busy * growth <= self.config.aim;
        let cool = self.headroom_c.is_none_or(|headroom| {
            headroom + self.slope.min(0.0) * self.config.look_ahead_s
                > 1.5 * self.config.hot_below_limit_c
        });
        if !(fits && cool) {
            self.room_since_ns = None;
            return None;
        }
        let since = *self.room_since_ns.get_or_insert(now);
        if ((now - since) as f64) < self.wait_s * SECOND_NS {
            return None;
        }
        // The next step waits for room of its own.
        self.room_since_ns = Some(now);
        self.last_up_ns = Some(now);
        Some(self.turn(now, self.rung - 1, Reason::Room))
    }

    /// A long calm makes the wait shorter.
    fn forgive(&mut self, now: u64) {
        let calm = since(self.last_down_ns, now);
        if calm.is_some_and(|calm| calm > CALM_WAITS * self.wait_s) {
            self.wait_s = (0.5 * self.wait_s).max(self.config.up_after_s);
            self.last_down_ns = Some(now);
        }
    }

    fn turn(&mut self, at_ns: u64, to: usize, reason: Reason) -> Change {
        let from = self.rung;
        self.rung = to;
        Change {
            at_ns,
            from,
            to,
            reason,
        }
    }
}

/// Seconds since an instant.
fn since(then: Option<u64>, now: u64) -> Option<f64> {
    then.map(|then| now.saturating_sub(then) as f64 / SECOND_NS)
}
