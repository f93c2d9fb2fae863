//! What happens to a raw message: the lanes' queues and the pure steps they run.
//!
//! Everything in [`radar`], [`camera`] and [`align`] is a function of its inputs in order, so that
//! replay can run it again; threads and the recorder are the business of [`crate::run`].

pub mod align;
pub mod camera;
pub mod channels;
pub mod faults;
pub mod queue;
pub mod radar;
pub mod staged;
pub mod stages;
