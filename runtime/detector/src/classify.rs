//! Class by size and speed, and the dimensions typical of a class.
//!
//! A guess: nothing of the returns' strength is used, since strengths of the classes overlap.

use drafthorse_core::Class;

/// Typical length, width and height of a class, m.
pub(crate) fn typical_size(class: Class) -> [f64; 3] {
    match class {
        Class::Truck => [9.0, 2.5, 3.2],
        Class::Cyclist => [1.8, 0.7, 1.7],
        Class::Pedestrian => [0.6, 0.6, 1.75],
        Class::Car | Class::Unknown => [4.5, 1.85, 1.5],
    }
}

/// Class of something that size (longest extent seen, m) and that fast (greatest speed over ground
/// seen, m/s), hit by `points` returns at once.
pub(crate) fn classify(extent_m: f64, speed_mps: f64, points: f64) -> Class {
    if extent_m > 6.5 {
        Class::Truck
    } else if extent_m > 2.3 || speed_mps > 9.0 {
        Class::Car
    } else if speed_mps > 2.6 {
        if points > 6.0 {
            Class::Car
        } else {
            Class::Cyclist
        }
    } else if speed_mps > 0.3 {
        Class::Pedestrian
    } else if extent_m > 1.2 {
        Class::Car
    } else {
        Class::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_and_speed_decide() {
        assert_eq!(classify(8.0, 20.0, 12.0), Class::Truck);
        assert_eq!(classify(1.5, 20.0, 3.0), Class::Car);
        assert_eq!(classify(4.0, 0.0, 8.0), Class::Car);
        assert_eq!(classify(0.8, 1.3, 2.0), Class::Pedestrian);
        assert_eq!(classify(1.2, 5.0, 3.0), Class::Cyclist);
        assert_eq!(classify(0.3, 0.0, 4.0), Class::Unknown);
    }
}
