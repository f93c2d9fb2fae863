//! Seconds as the PPS has them, on the microcontroller's clock.
//!
//! Triggers are planned in *epoch time*: whole seconds of it are edges of the PPS. Before there is one,
//! epoch time is the microcontroller's own; after it was lost, its last second goes on.

const NS_PER_S: u64 = 1_000_000_000;
/// How far a crystal's second may be from the PPS's, ns: 300 ppm.
const CRYSTAL_NS: u64 = 300_000;
/// Seconds without an edge over which the next one still continues the count.
const LONGEST_GAP_S: u64 = 60;

/// What an edge of the PPS was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pps {
    /// The first of its kind, or a second after none that counted: one more is needed.
    Refused,
    /// Epoch time begins here: what was planned in it must be planned again.
    Locked,
    /// The next second.
    Followed,
}

/// The mapping between the microcontroller's clock and epoch time.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// How far an edge may be from where it is expected, ns a second.
    tolerance_ns: u64,
    anchor: Option<Anchor>,
    /// The last edge that did not fit.
    candidate_mcu_ns: Option<u64>,
    refused: u32,
}

/// A whole second of epoch time.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    mcu_ns: u64,
    second: u64,
    /// Length of a second on the microcontroller's clock.
    second_mcu_ns: u64,
}

impl Epoch {
    /// No PPS yet. An edge is taken where it is within `tolerance_ns` of its expected time: what the
    /// board's stamps may be off, and the crystal between two edges.
    #[must_use]
    pub const fn new(tolerance_ns: u64) -> Self {
        Self {
            tolerance_ns,
            anchor: None,
            candidate_mcu_ns: None,
            refused: 0,
        }
    }

    /// Takes an edge of the PPS.
    pub fn pps(&mut self, at_mcu_ns: u64) -> Pps {
        if let Some(anchor) = &mut self.anchor {
            let interval = at_mcu_ns.saturating_sub(anchor.mcu_ns);
            let seconds = rounded(interval, anchor.second_mcu_ns);
            let off = interval.abs_diff(seconds * anchor.second_mcu_ns);
            if (1..=LONGEST_GAP_S).contains(&seconds) && off <= seconds * self.tolerance_ns {
                anchor.mcu_ns = at_mcu_ns;
                anchor.second += seconds;
                let measured = interval / seconds;
                // A quarter of the difference: stamps jitter, crystals drift slowly.
                anchor.second_mcu_ns = (3 * anchor.second_mcu_ns + measured) / 4;
                self.candidate_mcu_ns = None;
                return Pps::Followed;
            }
        }
        let before = self.candidate_mcu_ns.replace(at_mcu_ns);
        let interval = before.map(|before| at_mcu_ns.saturating_sub(before));
        match interval.filter(|ns| ns.abs_diff(NS_PER_S) <= CRYSTAL_NS.max(self.tolerance_ns)) {
            Some(second_mcu_ns) => {
                self.anchor = Some(Anchor {
                    mcu_ns: at_mcu_ns,
                    second: rounded(at_mcu_ns, NS_PER_S),
                    second_mcu_ns,
                });
                self.candidate_mcu_ns = None;
                Pps::Locked
            }
            None => {
                self.refused = self.refused.saturating_add(1);
                Pps::Refused
            }
        }
    }

    /// Edges refused so far; the first of all is one of them.
    #[must_use]
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// Whether there was a PPS and is none now.
    #[must_use]
    pub fn is_lost(&self, now_mcu_ns: u64) -> bool {
        let since = |anchor: Anchor| now_mcu_ns.saturating_sub(anchor.mcu_ns);
        self.anchor
            .is_some_and(|anchor| since(anchor) > 5 * NS_PER_S / 2)
    }

    /// Epoch time at a time of the microcontroller's.
    #[must_use]
    pub fn at(&self, mcu_ns: u64) -> u64 {
        let Some(anchor) = self.anchor else {
            return mcu_ns;
        };
        let since = mcu_ns as i64 - anchor.mcu_ns as i64;
        let epoch = (anchor.second * NS_PER_S) as i64 + since - anchor.excess(since);
        epoch.max(0) as u64
    }

    /// The microcontroller's time at an epoch time.
    #[must_use]
    pub fn mcu_ns(&self, epoch_ns: u64) -> u64 {
        let Some(anchor) = self.anchor else {
            return epoch_ns;
        };
        let since = epoch_ns as i64 - (anchor.second * NS_PER_S) as i64;
        let mcu = anchor.mcu_ns as i64 + since + anchor.excess(since);
        mcu.max(0) as u64
    }
}

impl Anchor {
    /// By how much the microcontroller's clock runs ahead over so long a time.
    fn excess(&self, since_ns: i64) -> i64 {
        let a_second = self.second_mcu_ns as i64 - NS_PER_S as i64;
        let (seconds, rest) = (since_ns / NS_PER_S as i64, since_ns % NS_PER_S as i64);
        seconds * a_second + rest * a_second / NS_PER_S as i64
    }
}

fn rounded(value: u64, unit: u64) -> u64 {
    (value + unit / 2) / unit
}
