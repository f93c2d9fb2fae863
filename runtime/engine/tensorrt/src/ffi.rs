//! Calls into the library of `shim/drafthorse_tensorrt.h`: the only unsafe code of this crate.
//!
//! Everything here is safe to call. What the library promises stands in its header; that it is the
//! right version of it is checked before anything else is called.
#![allow(unsafe_code)]

use crate::abi;
use drafthorse_engine::{DType, Kept, View, ViewMut};
use libloading::Library;
use std::any::Any;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

/// Room for the text of an error.
const ERROR: usize = 4096;

/// Declares the functions of the library and how they are found in it.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $answer:ty)?;)*) => {
        #[allow(clippy::struct_field_names)]
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)*
        }

        impl Functions {
            fn find(library: &Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    // SAFETY: the version of the header was compared before, so that each of these
                    // names has the signature that `abi` and this list give it. The library is
                    // never unloaded, so that the addresses stay good.
                    $($name: unsafe { *library.get(concat!(stringify!($name), "\0"))? },)*
                })
            }
        }
    };
}

type Error = *mut c_char;

functions! {
    dht_get_versions: fn(i32, *mut abi::Versions, Error, u64) -> abi::Status;
    dht_build: fn(*const abi::BuildOptions, *mut *mut abi::BlobHandle, *mut *mut abi::BlobHandle, Error, u64) -> abi::Status;
    dht_blob_data: fn(*const abi::BlobHandle) -> *const c_void;
    dht_blob_size: fn(*const abi::BlobHandle) -> u64;
    dht_blob_free: fn(*mut abi::BlobHandle);
    dht_session_open: fn(*const abi::SessionOptions, *mut *mut abi::SessionHandle, Error, u64) -> abi::Status;
    dht_session_close: fn(*mut abi::SessionHandle);
    dht_session_count: fn(*const abi::SessionHandle) -> u64;
    dht_session_describe: fn(*const abi::SessionHandle, u64, *mut abi::TensorInfo, Error, u64) -> abi::Status;
    dht_session_keep: fn(*mut abi::SessionHandle, u64, Error, u64) -> abi::Status;
    dht_session_set_shape: fn(*mut abi::SessionHandle, u64, u64, *const i64, Error, u64) -> abi::Status;
    dht_session_shape: fn(*const abi::SessionHandle, u64, *mut u64, *mut i64, Error, u64) -> abi::Status;
    dht_session_host: fn(*const abi::SessionHandle, u64, *mut *mut c_void, *mut u64, Error, u64) -> abi::Status;
    dht_session_run: fn(*mut abi::SessionHandle, Error, u64) -> abi::Status;
    dht_session_gather: fn(*mut abi::SessionHandle, u64, u64, u64, u64, u64, *const u64, Error, u64) -> abi::Status;
    dht_session_swap: fn(*mut abi::SessionHandle, u64, u64, Error, u64) -> abi::Status;
}

/// Why a library cannot be used.
pub(crate) enum Unusable {
    /// It does not load, or lacks a function.
    Foreign(String),
    /// It has another version of the interface.
    Abi(u32),
}

/// What a call of the library said instead of doing its work.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: abi::Status,
    pub(crate) text: String,
}

impl Said {
    fn new(text: &str) -> Self {
        Self {
            status: -1,
            text: text.to_owned(),
        }
    }
}

/// The library, loaded.
pub(crate) struct Shim {
    functions: Functions,
    /// CUDA does not survive being unloaded.
    _library: ManuallyDrop<Library>,
}

/// Versions and names that the library tells.
pub(crate) struct Versions {
    pub(crate) numbers: abi::Versions,
    pub(crate) implementation: String,
    pub(crate) device: String,
}

/// What is built.
pub(crate) struct Build<'a> {
    pub(crate) onnx: &'a [u8],
    pub(crate) timing: &'a [u8],
    pub(crate) calibration: &'a [u8],
    /// Names with shortest, best and longest shapes, each of one length.
    pub(crate) profiles: &'a [(CString, [Vec<i64>; 3])],
    pub(crate) workspace: u64,
    pub(crate) device: i32,
    pub(crate) dla_core: i32,
    pub(crate) fp16: bool,
    pub(crate) int8: bool,
}

/// A phase of a build, and how many of its steps are done; `false` ends the build.
pub(crate) type Step<'a> = dyn FnMut(&str, i32, i32) -> bool + Send + 'a;

/// An error of the loader with its cause, which names the library or the function.
fn words(error: &libloading::Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Calls a function that writes its error into a buffer.
fn call(function: impl FnOnce(Error, u64) -> abi::Status) -> Result<(), Said> {
    let mut text = [0u8; ERROR];
    let status = function(text.as_mut_ptr().cast(), ERROR as u64);
    if status == abi::OK {
        return Ok(());
    }
    let text = CStr::from_bytes_until_nul(&text).unwrap_or_default();
    let text = text.to_string_lossy().replace('\n', " ");
    Err(Said {
        status,
        text: text.trim().to_owned(),
    })
}

impl Shim {
    pub(crate) fn open(path: &Path) -> Result<Self, Unusable> {
        let foreign = |error: libloading::Error| Unusable::Foreign(words(&error));
        // SAFETY: loading runs the initialisers of the library and of TensorRT and CUDA, on which it
        // depends; they are trusted as the program's own code is.
        let library = unsafe { Library::new(path) }.map_err(foreign)?;
        let library = ManuallyDrop::new(library);
        // SAFETY: the function of this name has this signature in every version of the interface.
        let version = unsafe {
            library
                .get::<unsafe extern "C" fn() -> u32>("dht_abi_version\0")
                .map(|function| function())
        };
        let version = version.map_err(foreign)?;
        if version != abi::ABI_VERSION {
            return Err(Unusable::Abi(version));
        }
        Ok(Self {
            functions: Functions::find(&library).map_err(foreign)?,
            _library: library,
        })
    }

    pub(crate) fn versions(&self, device: i32) -> Result<Versions, Said> {
        let mut numbers = abi::Versions {
            tensorrt: [0; 3],
            cuda: [0; 2],
            compute: [0; 2],
            dla_cores: 0,
            implementation: [0; 64],
            device: [0; 256],
        };
        // SAFETY: `numbers` and the error's buffer outlive the call.
        call(|error, capacity| unsafe {
            (self.functions.dht_get_versions)(device, &raw mut numbers, error, capacity)
        })?;
        let text = |text: &[c_char]| {
            // `c_char` is signed on some processors.
            let bytes: Vec<u8> = text.iter().map(|&c| c.to_ne_bytes()[0]).collect();
            let text = CStr::from_bytes_until_nul(&bytes).unwrap_or_default();
            text.to_string_lossy().into_owned()
        };
        Ok(Versions {
            implementation: text(&numbers.implementation),
            device: text(&numbers.device),
            numbers,
        })
    }

    /// Builds an engine: its bytes, and the kernels' times for the next build.
    ///
    /// # Panics
    /// With what `step` panics with, once the build has ended.
    pub(crate) fn build(
        &self,
        build: &Build<'_>,
        step: &mut Step<'_>,
    ) -> Result<(Vec<u8>, Vec<u8>), Said> {
        let profiles: Vec<abi::Profile> = build
            .profiles
            .iter()
            .map(|(input, [min, opt, max])| abi::Profile {
                input: input.as_ptr(),
                rank: min.len().min(opt.len()).min(max.len()) as u64,
                min: min.as_ptr(),
                opt: opt.as_ptr(),
                max: max.as_ptr(),
            })
            .collect();
        let mut listener = Listener {
            step,
            panicked: None,
        };
        let options = abi::BuildOptions {
            onnx: build.onnx.as_ptr().cast(),
            onnx_size: build.onnx.len() as u64,
            timing: build.timing.as_ptr().cast(),
            timing_size: build.timing.len() as u64,
            calibration: build.calibration.as_ptr().cast(),
            calibration_size: build.calibration.len() as u64,
            profiles: profiles.as_ptr(),
            profile_count: profiles.len() as u64,
            workspace: build.workspace,
            device: build.device,
            dla_core: build.dla_core,
            fp16: build.fp16.into(),
            int8: build.int8.into(),
            progress: Some(told),
            progress_context: (&raw mut listener).cast(),
        };
        let (mut engine, mut timing) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: all that `options` points to outlives the call, and the library keeps none of it.
        let built = call(|error, capacity| unsafe {
            (self.functions.dht_build)(
                &raw const options,
                &raw mut engine,
                &raw mut timing,
                error,
                capacity,
            )
        });
        let (engine, timing) = (self.take(engine), self.take(timing));
        if let Some(panic) = listener.panicked {
            resume_unwind(panic);
        }
        built.map(|()| (engine, timing))
    }

    /// The bytes of a blob, which is freed.
    fn take(&self, blob: *mut abi::BlobHandle) -> Vec<u8> {
        if blob.is_null() {
            return Vec::new();
        }
        // SAFETY: a blob that the library gave and that was not freed yet; its bytes, as many as it
        // says, are there until it is.
        unsafe {
            let data: *const u8 = (self.functions.dht_blob_data)(blob).cast();
            let size = (self.functions.dht_blob_size)(blob);
            let bytes = match data.is_null() {
                true => Vec::new(),
                false => std::slice::from_raw_parts(data, size as usize).to_vec(),
            };
            (self.functions.dht_blob_free)(blob);
            bytes
        }
    }
}

struct Listener<'a, 'b> {
    step: &'a mut Step<'b>,
    panicked: Option<Box<dyn Any + Send>>,
}

/// The `dht_progress` of [`Shim::build`].
///
/// # Safety
/// `context` is the [`Listener`] of a build that is under way, `phase` a text that ends with NUL, and
/// no other call is under way.
unsafe extern "C" fn told(
    context: *mut c_void,
    phase: *const c_char,
    step: i32,
    steps: i32,
) -> i32 {
    // SAFETY: as said above; the listener's closure is `Send`, so that any thread may call it.
    let (listener, phase) = unsafe {
        (
            &mut *context.cast::<Listener<'_, '_>>(),
            CStr::from_ptr(phase),
        )
    };
    if listener.panicked.is_some() {
        return 1;
    }
    let go_on = catch_unwind(AssertUnwindSafe(|| {
        (listener.step)(&phase.to_string_lossy(), step, steps)
    }));
    match go_on {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(panic) => {
            listener.panicked = Some(panic);
            1
        }
    }
}

/// What an engine says of an input or output; no type where it is one that has no place here.
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) is_input: bool,
    pub(crate) dtype: Option<DType>,
}

/// An engine that is open, with its memory.
pub(crate) struct Session {
    shim: Arc<Shim>,
    handle: *mut abi::SessionHandle,
}

// SAFETY: the library allows a session on any thread, one at a time, and `&mut` sees to the latter.
unsafe impl Send for Session {}

impl Session {
    pub(crate) fn open(
        shim: &Arc<Shim>,
        engine: &[u8],
        device: i32,
        dla_core: i32,
        graphs: bool,
    ) -> Result<Self, Said> {
        let options = abi::SessionOptions {
            engine: engine.as_ptr().cast(),
            engine_size: engine.len() as u64,
            device,
            dla_core,
            graphs: graphs.into(),
        };
        let mut handle = ptr::null_mut();
        // SAFETY: `engine` and `handle` outlive the call, and the library keeps neither.
        call(|error, capacity| unsafe {
            (shim.functions.dht_session_open)(&raw const options, &raw mut handle, error, capacity)
        })?;
        if handle.is_null() {
            return Err(Said::new("the library gave no session"));
        }
        Ok(Self {
            shim: Arc::clone(shim),
            handle,
        })
    }

    pub(crate) fn count(&self) -> usize {
        // SAFETY: the handle is that of an open session, here and below.
        unsafe { (self.shim.functions.dht_session_count)(self.handle) as usize }
    }

    pub(crate) fn describe(&self, index: usize) -> Result<Described, Said> {
        let mut info = abi::TensorInfo {
            name: ptr::null(),
            is_input: 0,
            dtype: 0,
            rank: 0,
            dims: [0; abi::MAX_RANK],
        };
        // SAFETY: `info` outlives the call.
        call(|error, capacity| unsafe {
            (self.shim.functions.dht_session_describe)(
                self.handle,
                index as u64,
                &raw mut info,
                error,
                capacity,
            )
        })?;
        if info.name.is_null() {
            return Err(Said::new("the library gave a tensor without a name"));
        }
        // SAFETY: the name lives as long as the session and ends with NUL.
        let name = unsafe { CStr::from_ptr(info.name) };
        Ok(Described {
            name: name.to_string_lossy().into_owned(),
            is_input: info.is_input != 0,
            dtype: dtype(info.dtype),
        })
    }

    pub(crate) fn keep(&mut self, index: usize) -> Result<(), Said> {
        // SAFETY: see `count`.
        call(|error, capacity| unsafe {
            (self.shim.functions.dht_session_keep)(self.handle, index as u64, error, capacity)
        })
    }

    pub(crate) fn set_shape(&mut self, index: usize, shape: &[usize]) -> Result<(), Said> {
        let mut dims = [0i64; abi::MAX_RANK];
        let Some(dims) = dims.get_mut(..shape.len()) else {
            return Err(Said::new("it has too many axes"));
        };
        for (dim, &length) in dims.iter_mut().zip(shape) {
            *dim = i64::try_from(length).map_err(|_| Said::new("an axis is too long"))?;
        }
        // SAFETY: `dims` has as many lengths as are said and outlives the call.
        call(|error, capacity| unsafe {
            (self.shim.functions.dht_session_set_shape)(
                self.handle,
                index as u64,
                dims.len() as u64,
                dims.as_ptr(),
                error,
                capacity,
            )
        })
    }

    /// Writes a tensor's shape into `shape`.
    pub(crate) fn shape(&self, index: usize, shape: &mut Vec<usize>) -> Result<(), Said> {
        let (mut rank, mut dims) = (0u64, [0i64; abi::MAX_RANK]);
        // SAFETY: `dims` has room for the largest rank; both outlive the call.
        call(|error, capacity| unsafe {
            (self.shim.functions.dht_session_shape)(
                self.handle,
                index as u64,
                &raw mut rank,
                dims.as_mut_ptr(),
                error,
                capacity,
            )
        })?;
        let Some(dims) = dims.get(..rank as usize) else {
            return Err(Said::new("the library gave a tensor of too many axes"));
        };
        shape.clear();
        for &length in dims {
            shape.push(usize::try_from(length).map_err(|_| Said::new("a length is negative"))?);
        }
        Ok(())
    }

    pub(crate) fn run(&mut self) -> Result<(), Said> {
        // SAFETY: see `count`; nothing borrows the session's memory meanwhile.
        call(|error, capacity| unsafe {
            (self.shim.functions.dht_session_run)(self.handle, error, capacity)
        })
    }

    /// Copies entries of an input along an axis into the memory of an output, which then has their shape.
    pub(crate) fn gather(
        &mut self,
        input: usize,
        output: usize,
        axis: usize,
        kept: Kept<'_>,
    ) -> Result<(), Said> {
        let then: Vec<u64> = kept.then.iter().map(|&entry| entry as u64).collect();
        // SAFETY: `then` has as many entries as are said and outlives the call; see `count`.
        call(|error, capacity| unsafe {
            (self.shim.functions.dht_session_gather)(
                self.handle,
                input as u64,
                output as u64,
                axis as u64,
                kept.first as u64,
                then.len() as u64,
                then.as_ptr(),
                error,
                capacity,
            )
        })
    }

    pub(crate) fn swap(&mut self, input: usize, output: usize) -> Result<(), Said> {
        // SAFETY: see `count`.
        call(|error, capacity| unsafe {
            (self.shim.functions.dht_session_swap)(
                self.handle,
                input as u64,
                output as u64,
                error,
                capacity,
            )
        })
    }

    /// Where the elements of a tensor lie: as many of that size as `shape` says.
    fn host(&self, index: usize, size: usize, shape: &[usize]) -> Result<*mut c_void, Said> {
        let (mut data, mut bytes) = (ptr::null_mut(), 0u64);
        // SAFETY: `data` and `bytes` outlive the call.
        call(|error, capacity| unsafe {
            (self.shim.functions.dht_session_host)(
                self.handle,
                index as u64,
                &raw mut data,
                &raw mut bytes,
                error,
                capacity,
            )
        })?;
        let lengths = shape.iter();
        let needed = lengths.fold(size as u64, |bytes, &length| {
            bytes.saturating_mul(length as u64)
        });
        if data.is_null() || data.addr() % size != 0 || bytes < needed {
            return Err(Said::new("the library gave memory that does not fit"));
        }
        Ok(data)
    }

    /// The elements of a tensor of that type and shape.
    pub(crate) fn view<'a>(
        &'a self,
        index: usize,
        dtype: DType,
        shape: &'a [usize],
    ) -> Result<View<'a>, Said> {
        let data = self.host(index, size(dtype), shape)?;
        let count = shape.iter().product();
        // SAFETY: `host` has checked that so many elements lie there, aligned. They stay until the
        // session is used through `&mut`, which this borrow prevents. All bits are values of these
        // types; those of truth values are looked at first.
        unsafe {
            Ok(match dtype {
                DType::F32 => View::F32(shape, std::slice::from_raw_parts(data.cast(), count)),
                DType::I64 => View::I64(shape, std::slice::from_raw_parts(data.cast(), count)),
                DType::I32 => View::I32(shape, std::slice::from_raw_parts(data.cast(), count)),
                DType::U8 => View::U8(shape, std::slice::from_raw_parts(data.cast(), count)),
                DType::I8 => View::I8(shape, std::slice::from_raw_parts(data.cast(), count)),
                DType::Bool => {
                    check_truths(std::slice::from_raw_parts(data.cast(), count))?;
                    View::Bool(shape, std::slice::from_raw_parts(data.cast(), count))
                }
            })
        }
    }

    /// The same, to fill.
    pub(crate) fn view_mut<'a>(
        &'a mut self,
        index: usize,
        dtype: DType,
        shape: &'a [usize],
    ) -> Result<ViewMut<'a>, Said> {
        let data = self.host(index, size(dtype), shape)?;
        let count = shape.iter().product();
        // SAFETY: as in `view`; the elements of different tensors do not overlap, and this borrow
        // allows only one.
        unsafe {
            use std::slice::from_raw_parts_mut as slice;
            Ok(match dtype {
                DType::F32 => ViewMut::F32(shape, slice(data.cast(), count)),
                DType::I64 => ViewMut::I64(shape, slice(data.cast(), count)),
                DType::I32 => ViewMut::I32(shape, slice(data.cast(), count)),
                DType::U8 => ViewMut::U8(shape, slice(data.cast(), count)),
                DType::I8 => ViewMut::I8(shape, slice(data.cast(), count)),
                DType::Bool => {
                    check_truths(std::slice::from_raw_parts(data.cast(), count))?;
                    ViewMut::Bool(shape, slice(data.cast(), count))
                }
            })
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the session is open and is not used afterwards.
        unsafe { (self.shim.functions.dht_session_close)(self.handle) }
    }
}

fn check_truths(bytes: &[u8]) -> Result<(), Said> {
    match bytes.iter().all(|&byte| byte <= 1) {
        true => Ok(()),
        false => Err(Said::new("the library gave truth values that are none")),
    }
}

/// The `DHT_` constant's type.
fn dtype(constant: i32) -> Option<DType> {
    Some(match constant {
        0 => DType::F32,
        1 => DType::I64,
        2 => DType::I32,
        3 => DType::U8,
        4 => DType::I8,
        5 => DType::Bool,
        _ => return None,
    })
}

/// Bytes of an element.
fn size(dtype: DType) -> usize {
    match dtype {
        DType::I64 => 8,
        DType::F32 | DType::I32 => 4,
        DType::U8 | DType::I8 | DType::Bool => 1,
    }
}
