//! What happens to a raw message: the lanes' queues and the pure steps they run.
//!
//! Everything in [`radar`], [`camera`], [`keyframes`] and [`align`] is a function of its inputs in order, so that
//! replay can run it again. An engine's answer ([`ask`]) is such an input; threads and the recorder are the business of [`crate::run`].

pub mod align;
pub mod ask;
pub mod ask_picture;
pub mod ask_scan;
pub mod camera;
pub mod channels;
pub mod faults;
pub mod keyframes;
pub mod network;
pub mod pace;
pub mod picture;
pub mod preview;
pub mod queue;
pub mod radar;
pub mod radar_network;
pub mod staged;
pub mod stages;
