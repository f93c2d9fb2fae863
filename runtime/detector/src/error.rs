//! What the detector refuses.

use thiserror::Error;

/// Why a detector could not be built or restored.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DetectorError {
    /// A configured value is not finite, or outside its range.
    #[error("detector setting `{name}` is {value}; it must be {expected}")]
    Setting {
        /// The setting's path in the configuration.
        name: &'static str,
        /// The value found.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A mounting pose has a value that is not finite.
    #[error("the mounting pose of sensor {sensor} is not finite; correct its six numbers")]
    Mount {
        /// Index of the sensor.
        sensor: u16,
    },
    /// Two mounting poses name the same sensor.
    #[error("sensor {sensor} has two mounting poses; keep one")]
    DuplicateMount {
        /// Index of the sensor.
        sensor: u16,
    },
    /// A checkpoint's bytes do not describe a detector state.
    #[error(
        "the checkpoint is not a detector state of this version ({reason}); replay from an earlier segment"
    )]
    Checkpoint {
        /// What the decoder said.
        reason: String,
    },
}
