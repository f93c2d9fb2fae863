//! Deployments over a real ssh server on the loopback, to a folder that stands for a device: the
//! program of the bundle is the real one and its service a live run of it. Whatever is cut, killed,
//! full or forged: afterwards the device runs a whole release, the old one or the new one.
//!
//! These need OpenSSH's server and say so where it is missing.

#![allow(clippy::unwrap_used)]

mod bundles;
mod device;
mod faults;
mod first;
mod fleet;
mod interrupted;
mod sshd;
