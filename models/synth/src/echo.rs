//! Echoes: what the detector declared, and what it really comes from.

/// What a return really comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The road user of that identifier in the truth.
    Object(u32),
    /// Something that stands still and is no object: buildings, rails, poles, plants, the road.
    Scenery,
    /// A road user seen by way of a wall or twice over.
    Ghost,
    /// Nothing: noise.
    FalseAlarm,
}

/// A declared echo before measurement noise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo {
    pub(crate) range: f64,
    pub(crate) azimuth: f64,
    pub(crate) elevation: f64,
    pub(crate) range_rate: f64,
    pub(crate) rcs_db: f64,
    pub(crate) snr_db: f64,
    pub(crate) source: Source,
    pub(crate) moving: bool,
}
