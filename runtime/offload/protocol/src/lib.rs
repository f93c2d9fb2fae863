//! What vehicle and target say to each other: the messages of the Open Inference Protocol (KServe v2, NVIDIA Triton),
//! and what the models `scene_verify` and `scene_generate` take and give.

#![forbid(unsafe_code)]

/// Messages, client and server of the package `inference`, as compiled from the protocol's definition.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated"
)]
pub mod inference {
    tonic::include_proto!("inference");
}
