//! The vehicle's own motion: one scan's estimate, its filter over time, and dead reckoning.

mod filter;
mod instantaneous;
mod odometry;

pub(crate) use filter::{EgoFilter, Observation, seconds};
pub(crate) use instantaneous::InstantEstimator;
pub(crate) use odometry::{Odometry, wrapped};
