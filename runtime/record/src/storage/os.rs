//! The two system calls that the standard library does not offer.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Bytes that an unprivileged process may still write to the file system of `path`.
///
/// # Errors
/// What the system reports.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut answer = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` is a NUL-terminated string and `answer` has room for the kernel's answer,
    // both alive during the call.
    let status = unsafe { libc::statvfs(path.as_ptr(), answer.as_mut_ptr()) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so the kernel has filled the whole structure.
    let answer = unsafe { answer.assume_init() };
    #[allow(clippy::unnecessary_cast)] // the fields' width differs between platforms
    Ok(answer.f_bavail as u64 * answer.f_frsize as u64)
}

/// Asks the kernel to begin writing a part of the file back; a hint, so its failure is nothing.
#[cfg(target_os = "linux")]
pub(super) fn begin_write_back(file: &File, offset: u64, length: u64) {
    // SAFETY: the descriptor is open for the duration of the call, which touches no memory.
    unsafe {
        libc::sync_file_range(
            file.as_raw_fd(),
            offset as libc::off64_t,
            length as libc::off64_t,
            libc::SYNC_FILE_RANGE_WRITE,
        );
    }
}

/// Elsewhere there is no such hint.
#[cfg(not(target_os = "linux"))]
pub(super) fn begin_write_back(_file: &File, _offset: u64, _length: u64) {}
