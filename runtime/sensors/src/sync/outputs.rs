//! What a source `sync:` has the microcontroller's outputs do.

use crate::uri::{SourceUri, output, pulses};
use drafthorse_link::Trigger;

/// How long a pulse is, where its period is at least twice that.
const WIDTH_NS: u32 = 1_000_000;

/// The pulses that such a source's options declare.
pub fn triggers_of(uri: &SourceUri) -> impl Iterator<Item = Trigger> + '_ {
    uri.options().iter().filter_map(trigger)
}

/// What an option says of an output; it was checked with the URI.
fn trigger((key, value): &(String, String)) -> Option<Trigger> {
    let (rate_millihz, phase_ns) = pulses(value)?;
    let half_period_ns = 500_000_000_000 / u64::from(rate_millihz);
    Some(Trigger {
        output: output(key)?,
        rate_millihz,
        phase_ns,
        width_ns: half_period_ns.min(u64::from(WIDTH_NS)) as u32,
    })
}
