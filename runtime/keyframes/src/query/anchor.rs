//! Times as people say them.

/// A time from the beginning as minutes and seconds, `MM:SS`, with hours where there are any.
#[must_use]
pub fn anchor(since_begin_ns: u64) -> String {
    let seconds = since_begin_ns / 1_000_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::anchor;

    #[test]
    fn an_anchor_names_the_second_in_which_a_moment_lies() {
        for (ns, text) in [
            (0, "00:00"),
            (999_999_999, "00:00"),
            (61_500_000_000, "01:01"),
            (3_599_000_000_000, "59:59"),
            (3_600_000_000_000, "1:00:00"),
        ] {
            assert_eq!(anchor(ns), text);
        }
    }
}
