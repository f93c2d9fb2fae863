//! The few system calls that have no safe wrapper: clock state, kernel receive stamps.
#![allow(unsafe_code)]

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

/// `CLOCK_REALTIME` in nanoseconds.
pub(crate) fn realtime_ns() -> u64 {
    clock_ns(libc::CLOCK_REALTIME)
}

/// `CLOCK_MONOTONIC` in nanoseconds.
#[cfg(feature = "v4l2")]
pub(crate) fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid, writable timespec for the whole call; both clocks always exist.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    nanoseconds(time)
}

fn nanoseconds(time: libc::timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let rest = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// The kernel's clock state and parameters, unchanged; `None` where it refuses.
pub(crate) fn adjtimex() -> Option<(i32, libc::timex)> {
    // SAFETY: timex is plain integers, for which all zeros is a valid value.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `timex` is valid and writable; `modes` is 0, so that nothing is changed.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    (state >= 0).then_some((state, timex))
}

/// One datagram or frame as the kernel gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// Bytes written to the buffer.
    pub(crate) bytes: usize,
    /// Arrival on `CLOCK_REALTIME`, ns, where the kernel stamped it.
    pub(crate) stamp_ns: Option<u64>,
    /// Messages dropped on this socket so far for want of room, where the kernel says so.
    pub(crate) dropped: Option<u32>,
}

/// Whether a receive only ran out of time.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// Asks the kernel to stamp what arrives on a socket and to count what it drops.
pub(crate) fn want_stamps_and_drops(socket: BorrowedFd<'_>) -> io::Result<()> {
    for option in [libc::SO_TIMESTAMPNS, libc::SO_RXQ_OVFL] {
        let on: libc::c_int = 1;
        // SAFETY: the descriptor is open while it is borrowed; `on` is a valid c_int of the size
        // given, and the kernel only reads it.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const on).cast(),
                size_of_val(&on) as libc::socklen_t,
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Room for the control messages asked for, aligned as `cmsghdr` must be.
#[repr(C, align(8))]
struct Control([u8; 256]);

/// Receives one message into `buffer`, with its kernel stamp and drop count.
///
/// # Errors
/// What the kernel says; see [`is_timeout`].
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut control = Control([0; 256]);
    // SAFETY: msghdr is plain pointers and integers, for which all zeros is a valid value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len() as _;
    // SAFETY: the header points to one iovec over `buffer` and to `control`, both of which outlive
    // the call and are as long as stated; the descriptor is open while it is borrowed.
    let bytes = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, 0) };
    let bytes = usize::try_from(bytes).map_err(|_| io::Error::last_os_error())?;
    let mut received = Received {
        bytes: bytes.min(buffer.len()),
        stamp_ns: None,
        dropped: None,
    };
    // SAFETY: the kernel filled `header` and the first `msg_controllen` bytes of `control`.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(&raw const header) };
    while !message.is_null() {
        // SAFETY: not null, so it points to a whole, aligned cmsghdr within `control`; its data is
        // read without assuming alignment, and only where its kind says what it is and its length
        // that all of it is there.
        unsafe {
            let data = libc::CMSG_DATA(message);
            let length = (*message).cmsg_len as usize;
            let holds = |size: usize| length >= libc::CMSG_LEN(size as u32) as usize;
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) if holds(size_of::<libc::timespec>()) => {
                    let time = data.cast::<libc::timespec>().read_unaligned();
                    received.stamp_ns = Some(nanoseconds(time));
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) if holds(size_of::<u32>()) => {
                    received.dropped = Some(data.cast::<u32>().read_unaligned());
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(&raw const header, message);
        }
    }
    Ok(received)
}
