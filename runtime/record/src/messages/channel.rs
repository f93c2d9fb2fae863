//! Channels and their roles: what replay recomputes, what it feeds, what it ignores.

use super::DESCRIPTOR_SET;
use crate::ChannelSpec;
use std::collections::BTreeMap;

/// Channel metadata key of the [`Role`].
pub const ROLE_KEY: &str = "drafthorse.role";
/// Channel metadata key of the sensor's name.
pub const SENSOR_KEY: &str = "drafthorse.sensor";
/// Channel metadata key of the sensor's index.
pub const SENSOR_INDEX_KEY: &str = "drafthorse.sensor_index";

/// What a channel's messages are to replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sensor bytes as they arrived; fed to the pipeline again.
    Raw,
    /// Computed from raw and input; recomputed and compared byte for byte.
    Derived,
    /// A decision or observation of the outside world that steered the run; obeyed again.
    Input,
    /// Wall-clock measurement; never compared.
    Measured,
    /// Ground truth of a synthetic or labelled drive; never read by the pipeline.
    Truth,
    /// Known before the first message: calibration and mounting.
    Static,
}

impl Role {
    /// The name in the channel's metadata.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Derived => "derived",
            Self::Input => "input",
            Self::Measured => "measured",
            Self::Truth => "truth",
            Self::Static => "static",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Raw,
            Self::Derived,
            Self::Input,
            Self::Measured,
            Self::Truth,
            Self::Static,
        ]
        .into_iter()
        .find(|role| role.name() == name)
    }
}

/// A channel of one of the log's own messages, for example `drafthorse.Tracks`.
#[must_use]
pub fn own_channel(topic: &str, message: &str, role: Role) -> ChannelSpec {
    channel(
        topic,
        format!("drafthorse.{message}"),
        DESCRIPTOR_SET.to_vec(),
        role,
    )
}

/// A channel of one of Foxglove's messages.
#[must_use]
pub fn foxglove_channel<T: foxglove::Encode>(topic: &str, role: Role) -> ChannelSpec {
    let (name, data) =
        T::get_schema().map_or_else(Default::default, |s| (s.name, s.data.into_owned()));
    channel(topic, name, data, role)
}

fn channel(topic: &str, schema_name: String, schema_data: Vec<u8>, role: Role) -> ChannelSpec {
    ChannelSpec {
        topic: topic.to_owned(),
        schema_name,
        schema_encoding: "protobuf".to_owned(),
        schema_data,
        message_encoding: "protobuf".to_owned(),
        metadata: BTreeMap::from([(ROLE_KEY.to_owned(), role.name().to_owned())]),
    }
}
