//! The types of `shim/drafthorse_tensorrt.h`, word for word.

use std::ffi::{c_char, c_void};

/// `DHT_ABI_VERSION` of the header that this program was compiled with.
pub(crate) const ABI_VERSION: u32 = 2;

/// `DHT_MAX_RANK`.
pub(crate) const MAX_RANK: usize = 8;

/// `dht_status`: its values follow.
pub(crate) type Status = i32;
pub(crate) const OK: Status = 0;
pub(crate) const CANCELLED: Status = 2;

/// `dht_versions`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Versions {
    pub(crate) tensorrt: [i32; 3],
    pub(crate) cuda: [i32; 2],
    pub(crate) compute: [i32; 2],
    pub(crate) dla_cores: i32,
    pub(crate) implementation: [c_char; 64],
    pub(crate) device: [c_char; 256],
}

/// `dht_progress`.
pub(crate) type ProgressFunction =
    unsafe extern "C" fn(context: *mut c_void, phase: *const c_char, step: i32, steps: i32) -> i32;

/// `dht_profile`.
#[repr(C)]
pub(crate) struct Profile {
    pub(crate) input: *const c_char,
    pub(crate) rank: u64,
    pub(crate) min: *const i64,
    pub(crate) opt: *const i64,
    pub(crate) max: *const i64,
}

/// `dht_build_options`.
#[repr(C)]
pub(crate) struct BuildOptions {
    pub(crate) onnx: *const c_void,
    pub(crate) onnx_size: u64,
    pub(crate) timing: *const c_void,
    pub(crate) timing_size: u64,
    pub(crate) calibration: *const c_void,
    pub(crate) calibration_size: u64,
    pub(crate) profiles: *const Profile,
    pub(crate) profile_count: u64,
    pub(crate) workspace: u64,
    pub(crate) device: i32,
    pub(crate) dla_core: i32,
    pub(crate) fp16: i32,
    pub(crate) int8: i32,
    pub(crate) progress: Option<ProgressFunction>,
    pub(crate) progress_context: *mut c_void,
}

/// `dht_session_options`.
#[repr(C)]
pub(crate) struct SessionOptions {
    pub(crate) engine: *const c_void,
    pub(crate) engine_size: u64,
    pub(crate) device: i32,
    pub(crate) dla_core: i32,
    pub(crate) graphs: i32,
}

/// `dht_tensor`.
#[repr(C)]
pub(crate) struct TensorInfo {
    pub(crate) name: *const c_char,
    pub(crate) is_input: i32,
    pub(crate) dtype: i32,
    pub(crate) rank: i32,
    pub(crate) dims: [i64; MAX_RANK],
}

/// `dht_blob`, known only by its address.
#[repr(C)]
pub(crate) struct BlobHandle {
    _private: [u8; 0],
}

/// `dht_session`, known only by its address.
#[repr(C)]
pub(crate) struct SessionHandle {
    _private: [u8; 0],
}
