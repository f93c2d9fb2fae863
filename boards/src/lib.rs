//! Board profiles: what a machine that runs Drafthorse is and what it can be asked for, one TOML
//! file a board. Nothing here probes the machine; a profile says what is expected of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a profile was refused.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// Not TOML, an unknown key, a missing key or a wrong type.
    #[error("the board profile is not valid: {0}; correct that key")]
    Syntax(#[from] toml::de::Error),
    /// A value that no board can have.
    #[error("board profile {board}: {key} {what}; correct the value")]
    Value {
        /// The profile's name.
        board: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// No such profile is shipped.
    #[error("there is no board profile named {name}; name one of: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The shipped profiles.
        known: String,
    },
}

/// What disciplines a board's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockDiscipline {
    /// Precision time protocol.
    Ptp,
    /// Network time protocol.
    Ntp,
    /// Nothing.
    None,
}

/// What can run a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// ONNX Runtime with its TensorRT provider.
    Tensorrt,
    /// ONNX Runtime on the processor.
    Onnxruntime,
    /// tract, in Rust, on the processor.
    Tract,
}

/// What a lane is given.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaneProfile {
    /// Time from receipt to results after which a step is late, ms.
    pub deadline_ms: f64,
    /// Messages that may wait.
    pub queue: usize,
}

/// The lanes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaneProfiles {
    /// CAN frames that may wait for the radar lane, beside each radar's messages.
    pub can_queue: usize,
    /// The lane of all radars.
    pub radar: LaneProfile,
    /// The lane of each camera.
    pub camera: LaneProfile,
}

/// Defaults of the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordProfile {
    /// Free space at which recording stops, MiB.
    pub free_space_floor_mib: u64,
    /// Size of all logs together beyond which the oldest goes, MiB; 0 never.
    pub quota_mib: u64,
    /// Memory in which a live run's messages may wait for a slow disk, MiB.
    pub buffer_mib: u64,
}

/// One board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BoardProfile {
    /// The profile's name.
    pub name: String,
    /// One line about the board.
    pub description: String,
    /// Rust's name of the platform it runs.
    pub triple: String,
    /// Processor cores that a run may count on.
    pub cores: usize,
    /// Engines, best first.
    pub engines: Vec<Engine>,
    /// Discipline that the clock should have; a log says when it has not.
    pub clock: ClockDiscipline,
    /// Deadlines and queues.
    pub lanes: LaneProfiles,
    /// Defaults of the recorder.
    pub record: RecordProfile,
}

impl BoardProfile {
    /// Reads a profile from TOML text.
    ///
    /// # Errors
    /// [`BoardError::Syntax`] for text that is not such a file (unknown keys included),
    /// [`BoardError::Value`] for impossible values.
    pub fn parse(text: &str) -> Result<Self, BoardError> {
        let profile: Self = toml::from_str(text)?;
        profile.check()?;
        Ok(profile)
    }

    fn check(&self) -> Result<(), BoardError> {
        let lanes = [&self.lanes.radar, &self.lanes.camera];
        let late = |l: &&LaneProfile| !(l.deadline_ms > 0.0 && l.deadline_ms.is_finite());
        let (key, what) = if self.cores == 0 {
            ("cores", "must be at least 1")
        } else if self.engines.is_empty() {
            ("engines", "must name at least one engine")
        } else if lanes.iter().any(late) {
            ("deadline_ms", "must be a positive time")
        } else if lanes.iter().any(|l| l.queue == 0) {
            ("queue", "must hold at least one message")
        } else if self.lanes.can_queue == 0 {
            ("can_queue", "must hold at least one frame")
        } else if self.record.buffer_mib < 2 {
            ("buffer_mib", "must hold at least two chunks of 1 MiB")
        } else {
            return Ok(());
        };
        Err(BoardError::Value {
            board: self.name.clone(),
            key,
            what,
        })
    }
}

/// Text of each shipped profile by name.
const SHIPPED: [(&str, &str); 1] = [("host", include_str!("../host.toml"))];

/// The shipped profile of that name.
///
/// # Errors
/// [`BoardError::Unknown`] with the names there are.
pub fn builtin(name: &str) -> Result<BoardProfile, BoardError> {
    let Some((_, text)) = SHIPPED.iter().find(|(known, _)| *known == name) else {
        return Err(BoardError::Unknown {
            name: name.to_owned(),
            known: SHIPPED.map(|(known, _)| known).join(", "),
        });
    };
    BoardProfile::parse(text)
}

/// The profile of an ordinary Linux computer.
#[must_use]
pub fn host() -> BoardProfile {
    #[allow(clippy::expect_used)] // The text is compiled in; a test parses it.
    builtin("host").expect("the shipped profile is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_is_valid_and_bears_its_name() {
        for (name, _) in SHIPPED {
            assert_eq!(builtin(name).unwrap().name, name);
        }
        assert!(host().lanes.radar.queue > 0);
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = builtin("toaster").unwrap_err().to_string();
        assert!(
            error.contains("toaster") && error.contains("host"),
            "{error}"
        );
    }

    #[test]
    fn faulty_profiles_are_refused() {
        let text = toml::to_string(&host()).unwrap();
        assert_eq!(BoardProfile::parse(&text).unwrap(), host());
        for (from, to, word) in [
            ("cores = 2", "cores = 0", "cores"),
            ("cores = 2", "cores = 2\nfans = 3", "fans"),
            ("queue = 8", "queue = 0", "queue"),
            ("queue = 8", "queue = -1", "queue"),
            ("deadline_ms = 50.0", "deadline_ms = nan", "deadline_ms"),
            ("clock = \"ntp\"", "clock = \"sundial\"", "sundial"),
            ("buffer_mib = 64", "buffer_mib = 0", "buffer_mib"),
            ("can_queue = 1024", "can_queue = 0", "can_queue"),
        ] {
            let faulty = text.replacen(from, to, 1);
            assert_ne!(faulty, text, "{from}");
            let error = BoardProfile::parse(&faulty).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
