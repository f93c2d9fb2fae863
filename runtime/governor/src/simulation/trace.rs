//! Drives: the air around the board, traffic, the description model's appetite, and what else runs.

/// A drive, second by second.
#[derive(Clone, Debug)]
pub struct Trace {
    air_c: Vec<f64>,
    crowd: Vec<f64>,
    describing: Vec<f64>,
    others: Vec<f64>,
}

/// Seconds of a drive.
const SECONDS: usize = 900;

/// Draws of one seed (`SplitMix64`).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Trace {
    /// A random drive of fifteen minutes.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut draws = Draws(seed);
        // From a cold morning to a closed car in the sun; the air conditioning, the sun and tunnels change it slowly.
        let start = draws.between(15.0, 62.0);
        let model = draws.between(0.05, 1.2);
        Self {
            air_c: levels(
                &mut draws,
                [120.0, 400.0],
                |d| d.between(-12.0, 12.0) + start,
                60.0,
            ),
            crowd: levels(&mut draws, [30.0, 120.0], |d| d.between(0.5, 1.5), 5.0),
            describing: levels(
                &mut draws,
                [20.0, 90.0],
                |d| d.between(0.0, 2.0) * model,
                1.0,
            ),
            others: levels(
                &mut draws,
                [20.0, 240.0],
                |d| d.between(0.0, 1.0).powi(2) * 1.6,
                1.0,
            ),
        }
    }

    /// The same drive with other air: `air_c` gives each second's.
    #[must_use]
    pub fn with_air(mut self, air_c: impl Fn(usize) -> f64) -> Self {
        self.air_c = (0..SECONDS).map(air_c).collect();
        self
    }

    /// A drive on which nothing changes.
    #[must_use]
    pub fn steady(air_c: f64, crowd: f64, describing: f64, others: f64) -> Self {
        let all = |value| vec![value; SECONDS];
        Self {
            air_c: all(air_c),
            crowd: all(crowd),
            describing: all(describing),
            others: all(others),
        }
    }

    /// How long it is, s.
    #[must_use]
    pub fn seconds(&self) -> usize {
        self.air_c.len()
    }

    /// Degrees Celsius of the air around the board.
    #[must_use]
    pub fn air_c(&self, second: usize) -> f64 {
        self.air_c[second]
    }

    /// The radar's work, as a share of the usual.
    #[must_use]
    pub fn crowd(&self, second: usize) -> f64 {
        self.crowd[second]
    }

    /// Cores that describing at full quality takes.
    #[must_use]
    pub fn describing(&self, second: usize) -> f64 {
        self.describing[second]
    }

    /// Cores that other programs take.
    #[must_use]
    pub fn others(&self, second: usize) -> f64 {
        self.others[second]
    }
}

/// Levels that hold for a random while each, with edges as steep as the time constant `edge_s`.
fn levels(
    draws: &mut Draws,
    [shortest, longest]: [f64; 2],
    level: impl Fn(&mut Draws) -> f64,
    edge_s: f64,
) -> Vec<f64> {
    let mut values = Vec::with_capacity(SECONDS);
    let mut now = level(draws);
    while values.len() < SECONDS {
        let to = level(draws);
        for _ in 0..draws.between(shortest, longest) as usize {
            now += (to - now) / edge_s;
            values.push(now);
        }
    }
    values.truncate(SECONDS);
    values
}
