//! The calibration cache that TensorRT reads instead of calibrating by itself.

use crate::affine::Grid;
use crate::ranges::Ranges;

/// The text of a calibration cache for that version of TensorRT, as its header has it: 8601 for
/// 8.6.1. Each value has a line with the bits of its scale, range over 127, in hexadecimal digits,
/// highest first; values come in the order of their names.
///
/// Take the ranges with [`Grid::S8`] of a graph whose values have the names that TensorRT will see.
#[must_use]
pub fn calibration_cache(version: u32, ranges: &Ranges) -> String {
    let header = format!("TRT-{version}-EntropyCalibration2\n");
    ranges.0.iter().fold(header, |text, (value, range)| {
        let bits = Grid::S8.fit(*range).scale.to_bits();
        format!("{text}{value}: {bits:08x}\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranges::Range;

    #[test]
    fn each_value_has_the_bits_of_its_scale() {
        let range = |min, max| Range { min, max };
        let ranges = [("y", range(-254.0, 1.0)), ("x", range(0.0, 127.0))];
        let ranges = ranges.map(|(name, range)| (name.to_owned(), range));
        let text = calibration_cache(8601, &Ranges(ranges.into()));
        let expected = "TRT-8601-EntropyCalibration2\nx: 3f800000\ny: 40000000\n";
        assert_eq!(text, expected);
    }
}
