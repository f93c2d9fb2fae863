//! What the datasets' authors count, each in a file of its own.

pub mod drives;
mod kitti;
pub mod nuscenes;
pub mod tj4dradset;
pub mod view_of_delft;
