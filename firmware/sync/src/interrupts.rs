//! What interrupts touch: the triggers, and what waits for the main loop.

use crate::clock::Clock;
use crate::triggers::Triggers;
use drafthorse_link::{Edge, Line};
use embedded_hal::digital::OutputPin;
use heapless::Deque;

/// Bytes and edges that the main loop may let wait: 2.7 ms of a line at 921,600 baud, and 64 edges.
const BYTES: usize = 256;
const EDGES: usize = 64;
/// Inputs that are stamped beside the PPS.
const INPUTS: usize = 4;

/// Called from interrupts, and by the main loop under a critical section.
#[derive(Debug)]
pub struct Interrupts<P, const OUTPUTS: usize> {
    pub(crate) triggers: Triggers<P, OUTPUTS>,
    pub(crate) bytes: Deque<(u8, u64), BYTES>,
    pub(crate) edges: Deque<Edge, EDGES>,
    pps_count: u32,
    input_counts: [u32; INPUTS],
    pub(crate) dropped: u32,
}

impl<P: OutputPin, const OUTPUTS: usize> Interrupts<P, OUTPUTS> {
    /// With outputs that do nothing yet.
    pub fn new(triggers: Triggers<P, OUTPUTS>) -> Self {
        Self {
            triggers,
            bytes: Deque::new(),
            edges: Deque::new(),
            pps_count: 0,
            input_counts: [0; INPUTS],
            dropped: 0,
        }
    }

    /// The alarm rang, or may be set anew: does what is due; when to ring next.
    pub fn alarm(&mut self, clock: &impl Clock) -> Option<u64> {
        let (edges, dropped) = (&mut self.edges, &mut self.dropped);
        self.triggers.run(clock, |edge| {
            *dropped += u32::from(edges.push_back(edge).is_err());
        })
    }

    /// Whether nothing waits for the main loop, so that it may sleep until the next interrupt.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.bytes.is_empty() && self.edges.is_empty()
    }

    /// A byte of the host's arrived. One without room is lost, and its frame with it, which its checksum
    /// tells.
    pub fn byte(&mut self, byte: u8, at_mcu_ns: u64) {
        let _ = self.bytes.push_back((byte, at_mcu_ns));
    }

    /// The PPS rose. Set the alarm anew after it.
    pub fn pps(&mut self, at_mcu_ns: u64) {
        self.triggers.pps(at_mcu_ns);
        let count = self.pps_count;
        self.pps_count = count.wrapping_add(1);
        self.push(Line::Pps, count, at_mcu_ns);
    }

    /// An input rose.
    pub fn input(&mut self, input: u8, at_mcu_ns: u64) {
        if let Some(slot) = self.input_counts.get_mut(usize::from(input)) {
            let count = *slot;
            *slot = count.wrapping_add(1);
            self.push(Line::Input(input), count, at_mcu_ns);
        }
    }

    fn push(&mut self, line: Line, count: u32, at_mcu_ns: u64) {
        let edge = Edge {
            line,
            count,
            at_mcu_ns,
        };
        self.dropped += u32::from(self.edges.push_back(edge).is_err());
    }
}
