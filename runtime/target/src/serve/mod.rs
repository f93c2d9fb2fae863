//! The target as a server of the Open Inference Protocol, for development and tests: one block at a time a worker, no
//! batching. What it takes is bounded: messages in size, requests at once, connections, blocks a second of a vehicle.

mod admission;
mod answers;
mod connections;
mod deadline;
mod metadata;
mod rate;
mod server;
mod service;
mod shed;
mod tls;
mod vehicle;
mod work;

pub use server::{Bound, ServeError, ServeOptions, bind};
pub use shed::PUSHBACK;
pub use tls::TlsFiles;
