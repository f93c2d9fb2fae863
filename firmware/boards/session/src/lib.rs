//! A number that differs from reset to reset: a count in memory that no reset clears. When the power comes
//! the memory holds anything, which is another number too.
#![no_std]
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

/// The start code leaves this section alone.
#[unsafe(link_section = ".uninit.drafthorse_session")]
static mut COUNT: MaybeUninit<u16> = MaybeUninit::uninit();

/// The number of this session. Call it once, at the beginning.
#[must_use]
pub fn next() -> u16 {
    let count = (&raw mut COUNT).cast::<u16>();
    // SAFETY: the pointer is to a static of that size and alignment, whose any bits are a number; volatile
    // accesses keep the compiler from reasoning about them. The program has one core, and calls this before
    // its interrupts begin.
    unsafe {
        let session = count.read_volatile().wrapping_add(1);
        count.write_volatile(session);
        session
    }
}
