//! The conversation with the microcontroller, as a fold over bytes and the vehicle clock.

use super::discipline::{Discipline, Exchange, Verdict};
use super::record::{SyncClock, SyncRecord};
use drafthorse_link::{
    Decoder, Encoder, Frame, FrameError, Line, MAX_FRAME_BYTES, Message, Refusal, TimeReply,
    Trigger,
};
use std::collections::VecDeque;

/// Time between two questions for the time: quick at first, until the clock is known.
const ASK_FIRST_NS: u64 = 25_000_000;
const ASK_NS: u64 = 125_000_000;
/// Time until a declaration is repeated that nobody confirmed.
const DECLARE_NS: u64 = 200_000_000;
const CLOCK_NS: u64 = 1_000_000_000;
/// Questions whose answers are still taken.
const OPEN: usize = 8;
/// Records that wait for whoever reads; more are dropped, the oldest first.
const WAITING: usize = 4096;
/// Bits of a byte on the wire, with start and stop.
const BITS: u64 = 10;

/// A record with its stamps on the vehicle clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamped {
    /// When it happened, ns.
    pub captured_ns: u64,
    /// When it was here, ns.
    pub received_ns: u64,
    /// What.
    pub record: SyncRecord,
}

/// What somebody should be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The microcontroller started anew; its outputs are declared again.
    Restarted,
    /// A clock was set, or the microcontroller's runs otherwise than before.
    ClockSet,
    /// An output cannot do what it should. It is not asked again.
    Refused(Trigger, Refusal),
    /// The microcontroller speaks another version of the link.
    Version(FrameError),
}

/// What came and what did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were refused.
    pub frames_refused: u32,
    /// Frames that sequence numbers leave out, refused ones among them.
    pub frames_missing: u32,
    /// Exchanges of time that counted.
    pub exchanges: u32,
    /// Exchanges that did not.
    pub exchanges_rejected: u32,
    /// Records that came before the clock was known, or that nobody read in time.
    pub records_dropped: u32,
}

/// The host's end of the link.
#[derive(Debug)]
pub struct SyncLink {
    byte_ns: u64,
    decoder: Decoder,
    encoder: Encoder,
    discipline: Discipline,
    session: Option<u16>,
    wanted: Vec<Wanted>,
    /// Stamps and lengths of the questions that may still be answered.
    asked: VecDeque<(u64, usize)>,
    next_ask_ns: u64,
    next_clock_ns: u64,
    pps_offset_ns: Option<i64>,
    records: VecDeque<Stamped>,
    events: Vec<Event>,
    counts: Counts,
    told_version: bool,
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    trigger: Trigger,
    is_done: bool,
    next_ns: u64,
}

impl SyncLink {
    /// A conversation over a line of that rate, 1 baud or more, with what the outputs are to do. `session`
    /// is a number of this side's, another one each time.
    #[must_use]
    pub fn new(baud: u32, triggers: &[Trigger], session: u16) -> Self {
        let wanted = triggers.iter().map(|trigger| Wanted {
            trigger: *trigger,
            is_done: false,
            next_ns: 0,
        });
        Self {
            byte_ns: BITS * 1_000_000_000 / u64::from(baud.max(1)),
            decoder: Decoder::new(),
            encoder: Encoder::new(session),
            discipline: Discipline::default(),
            session: None,
            wanted: wanted.collect(),
            asked: VecDeque::with_capacity(OPEN),
            next_ask_ns: 0,
            next_clock_ns: 0,
            pps_offset_ns: None,
            records: VecDeque::with_capacity(WAITING),
            events: Vec::new(),
            counts: Counts::default(),
            told_version: false,
        }
    }

    /// Appends what is to be sent now, at `now_ns` on the vehicle clock: hand it to the line at once.
    pub fn send(&mut self, now_ns: u64, out: &mut Vec<u8>) {
        self.follow_clock(now_ns);
        let mut buffer = [0; MAX_FRAME_BYTES];
        // First of all, since its stamp is now.
        if now_ns >= self.next_ask_ns {
            let is_known = self.discipline.estimate().is_some();
            self.next_ask_ns = now_ns + if is_known { ASK_NS } else { ASK_FIRST_NS };
            let question = Message::TimeRequest { host_ns: now_ns };
            let frame = self.encoder.encode(&question, &mut buffer);
            out.extend_from_slice(frame);
            if self.asked.len() == OPEN {
                self.asked.pop_front();
            }
            self.asked.push_back((now_ns, frame.len()));
        }
        if self.session.is_none() {
            return;
        }
        for wanted in &mut self.wanted {
            if !wanted.is_done && now_ns >= wanted.next_ns {
                wanted.next_ns = now_ns + DECLARE_NS;
                let declaration = Message::Declare(wanted.trigger);
                out.extend_from_slice(self.encoder.encode(&declaration, &mut buffer));
            }
        }
    }

    /// What is due later than it ever is set is due now: the vehicle clock was set back, and would be waited for.
    fn follow_clock(&mut self, now_ns: u64) {
        let due = |at_ns: &mut u64, interval_ns: u64| {
            if *at_ns > now_ns.saturating_add(interval_ns) {
                *at_ns = now_ns;
            }
        };
        due(&mut self.next_ask_ns, ASK_NS.max(ASK_FIRST_NS));
        due(&mut self.next_clock_ns, CLOCK_NS);
        for wanted in &mut self.wanted {
            due(&mut wanted.next_ns, DECLARE_NS);
        }
    }

    /// When [`SyncLink::send`] is due next, ns on the vehicle clock.
    #[must_use]
    pub fn next_send_ns(&self) -> u64 {
        let open = self.wanted.iter().filter(|wanted| !wanted.is_done);
        let declare = open.map(|wanted| wanted.next_ns).min();
        let declare = declare.filter(|_| self.session.is_some());
        declare.map_or(self.next_ask_ns, |at| at.min(self.next_ask_ns))
    }

    /// Takes bytes of the line; `received_ns` is when the last of them was read, on the vehicle clock.
    pub fn receive(&mut self, bytes: &[u8], received_ns: u64) {
        for (left, byte) in (0..bytes.len() as u64).rev().zip(bytes) {
            // Bytes behind it in the same piece were on the wire after it.
            let at_ns = received_ns.saturating_sub(left * self.byte_ns);
            match self.decoder.push(*byte) {
                Some(Ok(frame)) => self.take(&frame, at_ns),
                Some(Err(error @ FrameError::Version(_))) if !self.told_version => {
                    self.told_version = true;
                    self.events.push(Event::Version(error));
                }
                _ => {}
            }
        }
        let counts = self.decoder.counts();
        self.counts.frames_refused = counts.refused;
        self.counts.frames_missing = counts.missing;
    }

    /// The next record, in the order in which they came.
    pub fn pop(&mut self) -> Option<Stamped> {
        self.records.pop_front()
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> impl Iterator<Item = Event> {
        self.events.drain(..)
    }

    /// What came and what did not, so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The microcontroller's clock.
    #[must_use]
    pub fn discipline(&self) -> &Discipline {
        &self.discipline
    }

    fn take(&mut self, frame: &Frame, at_ns: u64) {
        // Its own questions come back where the line is short-circuited.
        if matches!(
            frame.message,
            Message::TimeRequest { .. } | Message::Declare(_)
        ) {
            return;
        }
        if self.session != Some(frame.session) {
            self.begin(frame.session);
        }
        let (record, mcu_ns) = match frame.message {
            Message::TimeReply(reply) => return self.answered(&reply, at_ns),
            Message::Declared(trigger) => return self.declared(&trigger),
            Message::Refused { output, why } => return self.refused(output, why),
            Message::TimeRequest { .. } | Message::Declare(_) => return,
            Message::Edge(edge) => (SyncRecord::Edge(edge), edge.at_mcu_ns),
            Message::Imu(imu) => (SyncRecord::Imu(imu), imu.at_mcu_ns),
            Message::Status(status) => (SyncRecord::Status(status), status.at_mcu_ns),
        };
        let Some(captured_ns) = self.discipline.vehicle_ns(mcu_ns) else {
            self.counts.records_dropped += 1;
            return;
        };
        if let SyncRecord::Edge(edge) = record
            && edge.line == Line::Pps
        {
            let off = captured_ns % 1_000_000_000;
            let off = off as i64;
            let behind = off - 1_000_000_000;
            self.pps_offset_ns = Some(if off < 500_000_000 { off } else { behind });
        }
        self.push(Stamped {
            captured_ns,
            received_ns: at_ns,
            record,
        });
    }

    /// A session of the microcontroller's begins: what is known of its clock is of no use any more.
    fn begin(&mut self, session: u16) {
        if self.session.replace(session).is_some() {
            self.events.push(Event::Restarted);
            self.asked.clear();
            self.next_ask_ns = 0;
        }
        self.discipline.reset();
        self.pps_offset_ns = None;
        for wanted in &mut self.wanted {
            wanted.is_done = false;
            wanted.next_ns = 0;
        }
    }

    fn answered(&mut self, reply: &TimeReply, at_ns: u64) {
        let asked = self.asked.iter().position(|(ns, _)| *ns == reply.host_ns);
        let Some((_, length)) = asked.and_then(|index| self.asked.remove(index)) else {
            return;
        };
        let wire = |bytes: usize| bytes as u64 * self.byte_ns;
        let session = self.session.unwrap_or_default();
        let answer = self.decoder.frame_bytes();
        let verdict = self.discipline.exchange(&Exchange {
            asked_ns: reply.host_ns + wire(length),
            received_mcu_ns: reply.received_mcu_ns,
            sent_mcu_ns: reply.sent_mcu_ns,
            answered_ns: at_ns.saturating_sub(wire(answer)),
        });
        match verdict {
            Verdict::Taken => self.counts.exchanges += 1,
            Verdict::Rejected => self.counts.exchanges_rejected += 1,
            Verdict::Restarted => {
                self.counts.exchanges += 1;
                self.events.push(Event::ClockSet);
            }
        }
        // Only what is new: after a rejected exchange the state is that of the one before.
        if verdict != Verdict::Rejected
            && at_ns >= self.next_clock_ns
            && let Some(estimate) = self.discipline.estimate()
        {
            self.next_clock_ns = at_ns + CLOCK_NS;
            let clock = SyncClock {
                session,
                at_mcu_ns: estimate.at_mcu_ns,
                at_ns: estimate.at_ns,
                drift_nsps: estimate.drift_nsps,
                std_ns: estimate.std_ns,
                half_round_trip_ns: estimate.half_round_trip_ns,
                pps_offset_ns: self.pps_offset_ns,
                exchanges: self.counts.exchanges,
                exchanges_rejected: self.counts.exchanges_rejected,
                frames_refused: self.decoder.counts().refused,
                frames_missing: self.decoder.counts().missing,
            };
            self.push(Stamped {
                captured_ns: estimate.at_ns,
                received_ns: at_ns,
                record: SyncRecord::Clock(clock),
            });
        }
    }

    fn declared(&mut self, trigger: &Trigger) {
        for wanted in &mut self.wanted {
            wanted.is_done |= wanted.trigger == *trigger;
        }
    }

    fn refused(&mut self, output: u8, why: Refusal) {
        let open = |wanted: &&mut Wanted| wanted.trigger.output == output && !wanted.is_done;
        for wanted in self.wanted.iter_mut().filter(open) {
            wanted.is_done = true;
            self.events.push(Event::Refused(wanted.trigger, why));
        }
    }

    fn push(&mut self, stamped: Stamped) {
        if self.records.len() == WAITING {
            self.records.pop_front();
            self.counts.records_dropped += 1;
        }
        self.records.push_back(stamped);
    }
}
