//! The main loop's part: the link to the host, the inertial sensor, faults and the watchdog.

use crate::clock::Clock;
use crate::inertial::Inertial;
use crate::interrupts::Interrupts;
use crate::outbox::Outbox;
use drafthorse_link::{Decoder, Faults, Message, Refusal, Status, Trigger};
use embedded_hal::digital::OutputPin;
use embedded_hal::i2c::I2c;
use heapless::Deque;

const STATUS_NS: u64 = 1_000_000_000;
/// How long a host may be silent.
const SILENCE_NS: u64 = 2_000_000_000;
/// How far behind the triggers may be before the watchdog is left to bite.
const OVERDUE_NS: u64 = 100_000_000;

/// Resets the microcontroller unless it is fed again and again.
pub trait Watchdog {
    /// All is well.
    fn feed(&mut self);
}

/// What a session begins with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin {
    /// Another number than the sessions before.
    pub session: u16,
    /// Major, minor, patch.
    pub firmware: [u8; 3],
    /// The watchdog ended the session before.
    pub after_watchdog: bool,
}

/// Everything that can wait for a moment.
pub struct Station<I2C, F> {
    origin: Origin,
    decoder: Decoder,
    outbox: Outbox,
    bytes: Deque<(u8, u64), 256>,
    declared: Deque<Trigger, 8>,
    inertial: Inertial<I2C>,
    /// Low while something is wrong, so that a dead microcontroller says so too.
    fault_line: F,
    faults: Faults,
    heard_mcu_ns: u64,
    next_status_ns: u64,
    late_at_status: u32,
    seen: Seen,
}

/// What the interrupts know.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    late: u32,
    failed: bool,
    pps_refused: u32,
    pps_lost: bool,
    dropped: u32,
    overdue_ns: u64,
}

impl<I2C: I2c, F: OutputPin> Station<I2C, F> {
    /// At the beginning of a session.
    pub fn new(origin: Origin, bus: I2C, fault_line: F) -> Self {
        Self {
            origin,
            decoder: Decoder::new(),
            outbox: Outbox::new(origin.session),
            bytes: Deque::new(),
            declared: Deque::new(),
            inertial: Inertial::new(bus),
            fault_line,
            faults: Faults::HOST_SILENT,
            heard_mcu_ns: 0,
            next_status_ns: 0,
            late_at_status: 0,
            seen: Seen::default(),
        }
    }

    /// Takes over what interrupts left and hands them what the host declared. Under a critical section:
    /// it does nothing slow. Whether the alarm is to be set anew.
    pub fn exchange<P: OutputPin, const OUTPUTS: usize>(
        &mut self,
        interrupts: &mut Interrupts<P, OUTPUTS>,
        now_mcu_ns: u64,
    ) -> bool {
        while !self.bytes.is_full()
            && let Some(byte) = interrupts.bytes.pop_front()
        {
            let _ = self.bytes.push_back(byte);
        }
        while let Some(edge) = interrupts.edges.pop_front() {
            self.outbox.edge(edge);
        }
        let triggers = &mut interrupts.triggers;
        let is_changed = !self.declared.is_empty();
        while let Some(trigger) = self.declared.pop_front() {
            let answer = match triggers.declare(trigger, now_mcu_ns) {
                Ok(()) => Message::Declared(trigger),
                Err(why) => refused(trigger, why),
            };
            self.outbox.answer(answer);
        }
        self.seen = Seen {
            late: triggers.late(),
            failed: triggers.failed(),
            pps_refused: triggers.epoch().refused(),
            pps_lost: triggers.is_active() && triggers.epoch().is_lost(now_mcu_ns),
            dropped: interrupts.dropped,
            overdue_ns: triggers.overdue_ns(now_mcu_ns),
        };
        is_changed
    }

    /// Reads the host's bytes and the inertial sensor, looks for faults, and feeds the watchdog where
    /// triggers keep their time.
    pub fn work(&mut self, clock: &impl Clock, watchdog: &mut impl Watchdog) {
        while let Some((byte, at_mcu_ns)) = self.bytes.pop_front() {
            if let Some(Ok(frame)) = self.decoder.push(byte) {
                self.hear(&frame.message, at_mcu_ns);
            }
        }
        if let Some(sample) = self.inertial.poll(clock) {
            self.outbox.sample(sample);
        }
        let now = clock.now_ns();
        self.look_for_faults(now);
        if now >= self.next_status_ns {
            self.next_status_ns = now + STATUS_NS;
            self.report(now);
        }
        if self.seen.overdue_ns < OVERDUE_NS {
            watchdog.feed();
        }
    }

    /// The next byte for the host, where there is one.
    pub fn next_byte(&mut self, now_mcu_ns: u64) -> Option<u8> {
        self.outbox.next_byte(now_mcu_ns)
    }

    /// What is wrong now.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults
    }

    fn hear(&mut self, message: &Message, at_mcu_ns: u64) {
        match *message {
            Message::TimeRequest { host_ns } => self.outbox.asked(host_ns, at_mcu_ns),
            Message::Declare(trigger) => {
                // Without room the host hears no answer and declares again.
                let _ = self.declared.push_back(trigger);
            }
            // These go the other way: the line hears itself.
            Message::TimeReply(_)
            | Message::Declared(_)
            | Message::Refused { .. }
            | Message::Edge(_)
            | Message::Imu(_)
            | Message::Status(_) => return,
        }
        self.heard_mcu_ns = at_mcu_ns;
        self.faults.set(Faults::HOST_SILENT, false);
    }

    fn look_for_faults(&mut self, now_mcu_ns: u64) {
        let before = self.faults;
        if now_mcu_ns.saturating_sub(self.heard_mcu_ns) > SILENCE_NS {
            self.faults.set(Faults::HOST_SILENT, true);
        }
        self.faults.set(Faults::PPS_LOST, self.seen.pps_lost);
        self.faults.set(Faults::IMU, !self.inertial.is_well());
        self.faults.set(Faults::OUTPUT, self.seen.failed);
        if self.seen.late != self.late_at_status {
            self.faults.set(Faults::TRIGGER_LATE, true);
        }
        // What a fault line that cannot be set would say is what it says unpowered.
        let _ = match self.faults.is_empty() {
            true => self.fault_line.set_high(),
            false => self.fault_line.set_low(),
        };
        if before != self.faults {
            #[cfg(feature = "defmt")]
            defmt::info!("faults {} -> {}", before, self.faults);
        }
    }

    fn report(&mut self, now_mcu_ns: u64) {
        self.outbox.status(Status {
            firmware: self.origin.firmware,
            at_mcu_ns: now_mcu_ns,
            faults: self.faults,
            after_watchdog: self.origin.after_watchdog,
            frames_refused: self.decoder.counts().refused,
            messages_dropped: self.outbox.dropped.saturating_add(self.seen.dropped),
            triggers_late: self.seen.late,
            pps_refused: self.seen.pps_refused,
        });
        self.faults.set(Faults::TRIGGER_LATE, false);
        self.late_at_status = self.seen.late;
    }
}

fn refused(trigger: Trigger, why: Refusal) -> Message {
    Message::Refused {
        output: trigger.output,
        why,
    }
}
