//! What vehicle and target say to each other: the messages of the Open Inference Protocol (KServe v2, NVIDIA Triton),
//! and what the models `scene_verify` and `scene_generate` take and give.
//!
//! [`VerifyRequest`] and [`GenerateRequest`] become a [`inference::ModelInferRequest`] and come back from one;
//! [`Verdict`] does so with a [`inference::ModelInferResponse`]. What a message holds is never trusted: sizes, types, ids
//! and levels are checked against the target's [`TargetShape`] and the [`limits`], and anything wrong is a
//! [`ContractError`] that names the tensor. No I/O here.

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

mod block;
mod code;
mod error;
pub mod fuzz;
mod kept;
pub mod limits;
mod request;
mod shape;
mod sizes;
mod specification;
mod tensor;
mod verdict;

pub use block::{BlockId, Draft, Frame, GenerateRequest, Scene, VerifyRequest, confidence_of};
pub use code::{Code, FsqCode, decode_f16, decode_int8, encode_f16, encode_int8};
pub use error::ContractError;
pub use kept::Kept;
pub use shape::TargetShape;
pub use sizes::Sizes;
pub use specification::{
    GENERATE_INPUTS, GENERATE_MODEL, GENERATE_OUTPUTS, TensorSpecification, VERIFY_INPUTS,
    VERIFY_MODEL, VERIFY_OUTPUTS,
};
pub use verdict::{FrameVerdict, Verdict};
