//! What `pmc -u -b 0 'GET TIME_STATUS_NP'` says.

/// ptp4l's view of its clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PtpStatus {
    /// A grandmaster is there.
    pub grandmaster_present: bool,
    /// Its identity.
    pub grandmaster: String,
    /// Offset from the master, ns: positive where the local clock is ahead.
    pub master_offset_ns: i64,
}

/// Parses the answer's `name value` lines. `None` where there is no answer among them.
#[must_use]
pub fn parse_time_status(text: &str) -> Option<PtpStatus> {
    let value = |name: &str| {
        let mut lines = text.lines().map(str::split_whitespace);
        lines.find_map(|mut words| (words.next() == Some(name)).then(|| words.next())?)
    };
    Some(PtpStatus {
        master_offset_ns: value("master_offset")?.parse().ok()?,
        grandmaster_present: value("gmPresent")? == "true",
        grandmaster: value("gmIdentity").unwrap_or("unknown").to_owned(),
    })
}
