//! Cameras, radars, CAN and the sync microcontroller as streams of stamped bytes, camera decoding, and clock
//! alignment.
//!
//! A [`SourceUri`] names a sensor or a recording, [`open`] turns it into a [`Source`] of
//! [`RawMessage`](drafthorse_core::RawMessage)s, [`CameraDecoder`] turns the pictures among them
//! into [`Image`](drafthorse_core::Image)s, and [`Aligner`] checks the stamps of all of them and
//! pairs cameras with radars. Logs (`mcap:`) and synthetic drives (`synth:`) need other rooms and
//! are composed by the application.

pub mod align;
pub mod camera;
pub mod clock;
mod os;
pub mod radar;
pub mod source;
pub mod sync;
pub mod uri;

pub use align::{AlignConfig, AlignSensor, Aligner, Alignment, Header, Pairing};
pub use camera::{CameraDecoder, CameraError};
pub use clock::{ClockState, vehicle_clock_ns};
pub use source::{ReadOutcome, Source, SourceError, is_built, open};
pub use uri::{Scheme, SourceKind, SourceUri, UriError};
