use std::path::PathBuf;
use std::time::Duration;

use drafthorse_protocol::Code;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::client::ClientSettings;
use crate::engine::EngineSettings;
use crate::spool::SpoolLimits;

/// `[offload]`: where the target is and what may be used to reach it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who is asked, and how it is known that it is them.
    pub target: ClientSettings,
    /// Folder of what waits for the target; on a disk that survives a power cut.
    pub spool: PathBuf,
    /// Time from a draft to the target's answer after which the draft stands as unverified, s; an answer that comes later
    /// amends it.
    #[serde(default = "deadline_s")]
    pub deadline_s: f64,
    /// The most precise code of image tokens that may be sent: `f16`, `int8` or `fsq`, the narrowest. A poor or metered
    /// link is given the narrowest that there is.
    #[serde(default = "code")]
    pub code: Code,
    /// Bound of the spool.
    #[serde(default = "spool_mib")]
    pub spool_mib: u64,
    /// What waited longer is given up.
    #[serde(default = "spool_hours")]
    pub spool_hours: f64,
    /// A single call is given up after this.
    #[serde(default = "attempt_ms")]
    pub attempt_ms: u64,
    /// Calls at once.
    #[serde(default = "in_flight")]
    pub in_flight: usize,
    /// A link without traffic is probed so often.
    #[serde(default = "probe_s")]
    pub probe_s: f64,
    /// A connection is replaced after about this: a long one stays with one server of many.
    #[serde(default = "reconnect_s")]
    pub reconnect_s: f64,
    /// Bound of a metered link, both ways together; none: not metered.
    #[serde(default)]
    pub mib_per_hour: Option<f64>,
    /// Seed of the pauses' jitter; by default another one in every run.
    #[serde(default)]
    pub seed: Option<u64>,
}

fn deadline_s() -> f64 {
    10.0
}
fn code() -> Code {
    Code::Fsq
}
fn spool_mib() -> u64 {
    256
}
fn spool_hours() -> f64 {
    72.0
}
fn attempt_ms() -> u64 {
    4000
}
fn in_flight() -> usize {
    4
}
fn probe_s() -> f64 {
    30.0
}
fn reconnect_s() -> f64 {
    1800.0
}

impl Settings {
    /// Settings with the defaults for all but who is asked and where the spool is.
    #[must_use]
    pub fn new(target: ClientSettings, spool: PathBuf) -> Self {
        Self {
            target,
            spool,
            deadline_s: deadline_s(),
            code: code(),
            spool_mib: spool_mib(),
            spool_hours: spool_hours(),
            attempt_ms: attempt_ms(),
            in_flight: in_flight(),
            probe_s: probe_s(),
            reconnect_s: reconnect_s(),
            mib_per_hour: None,
            seed: None,
        }
    }

    /// Refuses numbers that cannot be, in words.
    ///
    /// # Errors
    /// Which one, and what may stand there.
    pub fn check(&self) -> Result<(), String> {
        let settings = [
            ("deadline_s", self.deadline_s, 0.01, 3600.0),
            ("spool_hours", self.spool_hours, 0.01, 1e5),
            ("probe_s", self.probe_s, 0.1, 86_400.0),
            ("reconnect_s", self.reconnect_s, 1.0, 86_400.0),
            ("mib_per_hour", self.mib_per_hour.unwrap_or(1.0), 0.0, 1e9),
        ];
        for (name, value, least, most) in settings {
            if !(least..=most).contains(&value) {
                return Err(format!("{name} is {value}; choose {least} to {most}"));
            }
        }
        if self.spool_mib == 0 || self.spool_mib > 1 << 30 {
            let mib = self.spool_mib;
            return Err(format!("spool_mib is {mib}; choose 1 to {}", 1u64 << 30));
        }
        Ok(())
    }

    pub(crate) fn limits(&self) -> SpoolLimits {
        SpoolLimits {
            bytes: self.spool_mib << 20,
            age: seconds(self.spool_hours * 3600.0),
        }
    }

    pub(crate) fn engine(&self, now_ns: u64) -> EngineSettings {
        EngineSettings {
            attempt: Duration::from_millis(self.attempt_ms.max(1)),
            in_flight: self.in_flight.max(1),
            probe: seconds(self.probe_s),
            reconnect: seconds(self.reconnect_s),
            bytes_per_hour: self
                .mib_per_hour
                .map(|mib| (mib.max(0.0) * 1048576.0) as u64),
            seed: self
                .seed
                .unwrap_or(now_ns ^ u64::from(std::process::id()) << 32),
            ..EngineSettings::default()
        }
    }
}

/// What no duration can hold becomes the longest one.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.001)).unwrap_or(Duration::MAX)
}
