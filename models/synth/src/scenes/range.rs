//! How far facts reach. What the drive's truth claims and what the checker settles are about the
//! same road; what is seen beyond it leaves open whatever depends on it.

use std::ops::Range;

/// Road users are counted up to this distance from the camera, m.
pub(crate) const USERS_M: f64 = 38.0;
/// Road users are listed up to here, m. Farther ones are smaller than what can be told apart.
pub(crate) const LISTED_M: f64 = 120.0;
/// Traffic lights count up to this far ahead along the road, m.
pub(crate) const LIGHTS_M: f64 = 60.0;
/// Zebra crossings count from here to here along the road, m.
pub(crate) const ZEBRAS_M: Range<f64> = 4.0..50.0;
/// Lights and crossings are looked for on this stretch: as far as lights are drawn, m.
pub(crate) const LOOKED_AT_M: Range<f64> = -5.0..200.0;
