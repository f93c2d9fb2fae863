//! Multi-object tracking in the run's own frame, so that the vehicle's motion does not look like
//! the objects'.

mod associate;
mod kalman;
mod life;
mod measurement;
mod tracker;

pub(crate) use tracker::{Tracker, TrackerState};
