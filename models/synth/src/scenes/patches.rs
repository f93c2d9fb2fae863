//! What each patch of a picture shows.

use super::eye::{HEIGHT_PX, WIDTH_PX};
use super::{PATCH_PX, PATCHES};
use crate::shard::CLASSES;

/// A patch shows what at least this many of its pixels show.
const PATCH_SHOWS_PX: u16 = 8;

/// A patch's bits: 1 << class for road users, then these.
pub const RED_BIT: u8 = 4;
/// Green traffic light.
pub const GREEN_BIT: u8 = 5;
/// Zebra crossing.
pub const ZEBRA_BIT: u8 = 6;
/// Something that is neither clearly shown nor hidden: the other bits are not to be trusted.
pub const BETWEEN_BIT: u8 = 7;

/// What the bits stand for, from the lowest.
pub const BITS: [&str; 8] = [
    CLASSES[0], CLASSES[1], CLASSES[2], CLASSES[3], "red", "green", "zebra", "between",
];

/// The bit of a traffic light.
pub(crate) fn light_bit(green: bool) -> u8 {
    if green { GREEN_BIT } else { RED_BIT }
}

/// How many pixels of each patch show what.
pub(crate) struct Patches {
    counts: Vec<[u16; 8]>,
}

impl Default for Patches {
    fn default() -> Self {
        Self {
            counts: vec![[0; 8]; PATCHES],
        }
    }
}

impl Patches {
    /// Adds pixels (index in the picture) that show what `bit` stands for.
    pub(crate) fn add(&mut self, pixels: &[usize], bit: u8) {
        for pixel in pixels {
            let (x, y) = (pixel % WIDTH_PX, pixel / WIDTH_PX);
            let patch = y / PATCH_PX * (WIDTH_PX / PATCH_PX) + x / PATCH_PX;
            self.counts[patch][usize::from(bit)] += 1;
        }
    }

    /// Adds pixels of a thing so small that each counts for many.
    pub(crate) fn add_small(&mut self, pixels: &[usize], bit: u8) {
        (0..PATCH_SHOWS_PX / 2).for_each(|_| self.add(pixels, bit));
    }

    /// The bits of each patch.
    pub(crate) fn bits(&self) -> Vec<u8> {
        debug_assert_eq!(HEIGHT_PX / PATCH_PX * (WIDTH_PX / PATCH_PX), PATCHES);
        let byte = |counts: &[u16; 8]| {
            (0..8).fold(0, |byte, bit| {
                byte | u8::from(counts[bit] >= PATCH_SHOWS_PX) << bit
            })
        };
        self.counts.iter().map(byte).collect()
    }
}
