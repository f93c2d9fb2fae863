//! From returns to boxes: moving/stationary split, density clustering, box fit.

mod boxes;
mod dbscan;
mod grid;
mod shape;
mod split;

pub(crate) use boxes::{Candidate, centre_cov, complete, detect};
pub(crate) use dbscan::{Dbscan, Element, Reach};
pub(crate) use split::{Ground, Labelled, split};
