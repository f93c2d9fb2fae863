//! What `chronyc -c tracking` says.

/// chrony's view of the system clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChronyTracking {
    /// It follows a reference.
    pub synchronised: bool,
    /// Name or address of the reference.
    pub reference: String,
    /// The reference is a PTP hardware clock.
    pub is_ptp: bool,
    /// System time minus true time as chrony knows it, ns.
    pub offset_ns: i64,
}

/// Parses one line of comma-separated fields: reference id (hexadecimal), its name, stratum,
/// reference time, system time offset in seconds (positive: slow of true time as chrony prints
/// it), ..., leap status last. `None` for anything else.
#[must_use]
pub fn parse_tracking(text: &str) -> Option<ChronyTracking> {
    let line = text.lines().find(|l| !l.trim().is_empty())?;
    let fields: Vec<&str> = line.trim().split(',').collect();
    if fields.len() < 14 {
        return None;
    }
    let id = u32::from_str_radix(fields[0], 16).ok()?;
    let stratum: u8 = fields[2].parse().ok()?;
    let correction_s: f64 = fields[4].parse().ok()?;
    if !correction_s.is_finite() || correction_s.abs() > 1e9 {
        return None;
    }
    let leap = fields.last().map_or("", |l| l.trim());
    let is_ptp = id.to_be_bytes().starts_with(b"PHC") || fields[1].starts_with("PHC");
    Some(ChronyTracking {
        synchronised: leap != "Not synchronised" && id != 0 && stratum > 0,
        reference: fields[1].to_owned(),
        is_ptp,
        offset_ns: -(correction_s * 1e9).round() as i64,
    })
}
