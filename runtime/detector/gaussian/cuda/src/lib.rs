//! The Gaussian radar detector's encoder, splat and stem on the board's GPU: the same as
//! `drafthorse-gaussian` on the processor, as kernels that NVRTC compiles at first use. It is not bit for
//! bit the same: a GPU fuses products and sums.

mod device;
mod front;
mod gpu;

pub use device::{Argument, Device};
pub use front::{Front, FrontError};
pub use gpu::{Gpu, GpuError, SOURCE, compile};
