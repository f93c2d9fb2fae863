//! Board profiles: what a machine that runs Drafthorse is and what it can be asked for, one TOML
//! file a board. Nothing here probes the machine; a profile says what is expected of it.

mod bundle;
mod deploy;
mod error;
mod flash;
mod floor;
mod lanes;
mod peripherals;
mod profile;
mod shipped;

pub use bundle::BundleProfile;
pub use deploy::DeployProfile;
pub use error::BoardError;
pub use flash::{FlashProfile, JetsonLinux, Storage, UsbId};
pub use floor::{Floor, Version};
pub use lanes::{LaneProfile, LaneProfiles, RecordProfile};
pub use peripherals::{GpioLine, GpioUse, PowerModes, Sensing};
pub use profile::{BoardProfile, ClockDiscipline, Engine};
pub use shipped::{builtin, host, names};
