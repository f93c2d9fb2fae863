//! The functions of the interface. What their arguments point to is as the header says, which is what
//! every unsafe block here rests on.

use crate::abi::{BuildOptions, Profile, SessionOptions, Status, TensorInfo, Versions};
use crate::engine::{self, Bounds};
use crate::session::{Session, constant};
use crate::{Failure, abi, failed, versions};
use drafthorse_engine::Kept;
use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

/// Bytes that are handed out.
pub(crate) struct Blob(Vec<u8>);

/// Runs the body of a function; its error is written where the caller wants it.
fn guarded(
    error: *mut c_char,
    capacity: u64,
    body: impl FnOnce() -> Result<(), Failure>,
) -> Status {
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let Failure { status, text } = match outcome {
        Ok(Ok(())) => return abi::OK,
        Ok(Err(failure)) => failure,
        Err(_) => failed("the stand-in panicked"),
    };
    if !error.is_null() && capacity > 0 {
        // SAFETY: the caller's buffer has that many bytes.
        let room = unsafe { slice::from_raw_parts_mut(error.cast::<u8>(), capacity as usize) };
        write_text(room, &text);
    }
    status
}

/// Writes as much of a text as there is room for, and NUL.
fn write_text(room: &mut [u8], text: &str) {
    let length = text.len().min(room.len().saturating_sub(1));
    room[..length].copy_from_slice(&text.as_bytes()[..length]);
    if let Some(end) = room.get_mut(length) {
        *end = 0;
    }
}

/// What a pointer and a length of the interface mean.
///
/// # Safety
/// As many elements lie there, or the length is 0.
unsafe fn list<'a, T>(data: *const T, length: u64) -> &'a [T] {
    if data.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: as said above.
    unsafe { slice::from_raw_parts(data, length as usize) }
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn dht_abi_version() -> u32 {
    abi::ABI_VERSION
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_get_versions(
    _device: i32,
    to: *mut Versions,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || {
        versions::onnxruntime()?;
        let mut found = Versions {
            tensorrt: versions::numbers(&versions::tensorrt())?,
            cuda: versions::numbers(&versions::cuda())?,
            compute: versions::numbers(&versions::compute())?,
            dla_cores: 0,
            implementation: [0; 64],
            device: [0; 256],
        };
        let fill = |room: &mut [c_char], text: &str| {
            let most = room.len() - 1;
            for (to, byte) in room.iter_mut().zip(text.bytes().take(most)) {
                *to = c_char::from_ne_bytes([byte]);
            }
        };
        fill(&mut found.implementation, versions::IMPLEMENTATION);
        fill(&mut found.device, &versions::device());
        // SAFETY: see above, here and below.
        unsafe { to.write(found) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_build(
    options: *const BuildOptions,
    engine: *mut *mut Blob,
    timing: *mut *mut Blob,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || {
        let options = unsafe { &*options };
        let (onnx, before, profiles) = unsafe {
            (
                list(options.onnx.cast(), options.onnx_size),
                list::<u8>(options.timing.cast(), options.timing_size),
                list(options.profiles, options.profile_count),
            )
        };
        let bounds = |profile: &Profile| unsafe {
            Bounds {
                input: CStr::from_ptr(profile.input).to_string_lossy().into(),
                min: list(profile.min, profile.rank).to_vec(),
                max: list(profile.max, profile.rank).to_vec(),
            }
        };
        let bounds = profiles.iter().map(bounds).collect();
        let mut step = |phase: &str, step: i32, steps: i32| {
            let (Some(progress), Ok(phase)) = (options.progress, CString::new(phase)) else {
                return true;
            };
            unsafe { progress(options.progress_context, phase.as_ptr(), step, steps) == 0 }
        };
        let built = engine::build(onnx, bounds, options.dla_core, &mut step)?;
        unsafe {
            engine.write(Box::into_raw(Box::new(Blob(built))));
            timing.write(Box::into_raw(Box::new(Blob(engine::times(before)))));
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_blob_data(blob: *const Blob) -> *const c_void {
    unsafe { &*blob }.0.as_ptr().cast()
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_blob_size(blob: *const Blob) -> u64 {
    unsafe { &*blob }.0.len() as u64
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_blob_free(blob: *mut Blob) {
    if !blob.is_null() {
        drop(unsafe { Box::from_raw(blob) });
    }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_open(
    options: *const SessionOptions,
    session: *mut *mut Session,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || {
        let options = unsafe { &*options };
        let engine = unsafe { list(options.engine.cast(), options.engine_size) };
        let opened = Box::new(Session::open(engine)?);
        unsafe { session.write(Box::into_raw(opened)) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_close(session: *mut Session) {
    if !session.is_null() {
        drop(unsafe { Box::from_raw(session) });
    }
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_count(session: *const Session) -> u64 {
    unsafe { &*session }.tensors.len() as u64
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_describe(
    session: *const Session,
    index: u64,
    info: *mut TensorInfo,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || {
        let tensor = unsafe { &*session }.at(index)?;
        let found = TensorInfo {
            name: tensor.name.as_ptr(),
            is_input: tensor.is_input.into(),
            dtype: constant(tensor.port.dtype),
            rank: i32::try_from(tensor.port.dims.len()).map_err(failed)?,
            dims: tensor.dims(),
        };
        unsafe { info.write(found) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_keep(
    session: *mut Session,
    index: u64,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || unsafe { &mut *session }.keep(index))
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_set_shape(
    session: *mut Session,
    index: u64,
    rank: u64,
    dims: *const i64,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || {
        unsafe { &mut *session }.set_shape(index, unsafe { list(dims, rank) })
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_shape(
    session: *const Session,
    index: u64,
    rank: *mut u64,
    dims: *mut i64,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || {
        let shape = unsafe { &*session }.shape(index)?;
        unsafe { rank.write(shape.len() as u64) };
        for (axis, &length) in shape.iter().enumerate() {
            let length = i64::try_from(length).map_err(failed)?;
            unsafe { dims.add(axis).write(length) };
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_host(
    session: *const Session,
    index: u64,
    data: *mut *mut c_void,
    size: *mut u64,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || {
        let (buffer, bytes) = unsafe { &*session }.host(index)?;
        unsafe {
            data.write(buffer.data());
            size.write(bytes as u64);
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_run(
    session: *mut Session,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || unsafe { &mut *session }.run())
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_gather(
    session: *mut Session,
    input: u64,
    output: u64,
    axis: u64,
    first: u64,
    count: u64,
    then: *const u64,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || {
        let then = unsafe { list(then, count) }.iter();
        let then: Vec<usize> = then.map(|&entry| entry as usize).collect();
        let kept = Kept {
            first: first as usize,
            then: &then,
        };
        unsafe { &mut *session }.gather(input, output, axis, kept)
    })
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn dht_session_swap(
    session: *mut Session,
    input: u64,
    output: u64,
    error: *mut c_char,
    capacity: u64,
) -> Status {
    guarded(error, capacity, || {
        unsafe { &mut *session }.swap(input, output)
    })
}
