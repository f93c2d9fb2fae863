//! When a caller stops waiting.

use std::time::{Duration, Instant};
use tonic::metadata::MetadataMap;

/// From the header `grpc-timeout` of a request that came just now: up to eight digits and a unit, as gRPC over HTTP/2
/// has it. None where there is none, or one that gRPC does not know.
pub(crate) fn of(metadata: &MetadataMap) -> Option<Instant> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    Instant::now().checked_add(duration(text)?)
}

fn duration(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::duration;
    use std::time::Duration;

    #[test]
    fn digits_and_a_unit() {
        assert_eq!(duration("250m"), Some(Duration::from_millis(250)));
        assert_eq!(
            duration("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3600))
        );
        for wrong in ["", "m", "1", "123456789S", "-1S", "1x", "1.5S", "1\u{e9}"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
