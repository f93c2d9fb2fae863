//! What outlives a reset: the count of sessions, and that a watchdog ended the last one. It is kept in memory
//! that no reset clears. When the power comes the memory holds anything: another number too, and hardly ever
//! the watchdog's mark.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

/// What a session knows of itself and of the one before.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Another number than those before.
    pub number: u16,
    /// The session before said that its watchdog ended it.
    pub after_watchdog: bool,
}

const MARK: u64 = 0xD06B_17E5_0F7A_11ED;

/// The start code leaves this section alone.
#[unsafe(link_section = ".uninit.drafthorse_session")]
static mut COUNT: MaybeUninit<u16> = MaybeUninit::uninit();
#[unsafe(link_section = ".uninit.drafthorse_session")]
static mut WATCHDOG: MaybeUninit<u64> = MaybeUninit::uninit();

/// Begins a session. Call it once, at the beginning.
#[must_use]
pub fn begin() -> Session {
    let count = (&raw mut COUNT).cast::<u16>();
    let watchdog = (&raw mut WATCHDOG).cast::<u64>();
    // SAFETY: the pointers are to statics of those sizes and alignments, whose any bits are a number; volatile
    // accesses keep the compiler from reasoning about them. The program has one core, and calls this before
    // its interrupts begin.
    unsafe {
        let number = count.read_volatile().wrapping_add(1);
        count.write_volatile(number);
        let after_watchdog = watchdog.read_volatile() == MARK;
        watchdog.write_volatile(0);
        Session {
            number,
            after_watchdog,
        }
    }
}

/// Notes for the next session that the watchdog ends this one. For boards whose hardware does not say so.
pub fn ended_by_watchdog() {
    let watchdog = (&raw mut WATCHDOG).cast::<u64>();
    // SAFETY: as above; nothing runs after this but the reset.
    unsafe { watchdog.write_volatile(MARK) };
}
