//! Models of pictures and words beside Hugging Face's own code: small models with random weights, and
//! what `transformers` made of the same pictures and words (tests/python/vision_peers).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod files;
mod pixels;
mod qwen;
mod scene;
mod smolvlm;
