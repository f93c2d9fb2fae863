//! What waits for the line to the host, and in which order it goes.

use drafthorse_link::{Edge, Encoder, Imu, MAX_FRAME_BYTES, Message, Status, TimeReply};
use heapless::Deque;

/// Messages by urgency, and the frame that is on its way.
pub(crate) struct Outbox {
    encoder: Encoder,
    /// A request for the time and when it came. The latest counts.
    asked: Option<(u64, u64)>,
    answers: Deque<Message, 8>,
    edges: Deque<Edge, 32>,
    samples: Deque<Imu, 8>,
    status: Option<Status>,
    frame: [u8; MAX_FRAME_BYTES],
    sent: usize,
    length: usize,
    pub(crate) dropped: u32,
}

impl Outbox {
    pub(crate) fn new(session: u16) -> Self {
        Self {
            encoder: Encoder::new(session),
            asked: None,
            answers: Deque::new(),
            edges: Deque::new(),
            samples: Deque::new(),
            status: None,
            frame: [0; MAX_FRAME_BYTES],
            sent: 0,
            length: 0,
            dropped: 0,
        }
    }

    pub(crate) fn asked(&mut self, host_ns: u64, received_mcu_ns: u64) {
        self.asked = Some((host_ns, received_mcu_ns));
    }

    pub(crate) fn answer(&mut self, message: Message) {
        self.dropped += u32::from(self.answers.push_back(message).is_err());
    }

    pub(crate) fn edge(&mut self, edge: Edge) {
        self.dropped += u32::from(self.edges.push_back(edge).is_err());
    }

    pub(crate) fn sample(&mut self, sample: Imu) {
        self.dropped += u32::from(self.samples.push_back(sample).is_err());
    }

    pub(crate) fn status(&mut self, status: Status) {
        self.status = Some(status);
    }

    /// The next byte for the line. A frame is made when its first byte is asked for, so that the time in
    /// it is that of its sending.
    pub(crate) fn next_byte(&mut self, now_mcu_ns: u64) -> Option<u8> {
        if self.sent == self.length {
            let message = self.next(now_mcu_ns)?;
            (self.sent, self.length) = (0, self.encoder.encode(&message, &mut self.frame).len());
        }
        let byte = self.frame.get(self.sent).copied();
        self.sent += 1;
        byte
    }

    fn next(&mut self, now_mcu_ns: u64) -> Option<Message> {
        if let Some((host_ns, received_mcu_ns)) = self.asked.take() {
            return Some(Message::TimeReply(TimeReply {
                host_ns,
                received_mcu_ns,
                sent_mcu_ns: now_mcu_ns,
            }));
        }
        let answer = self.answers.pop_front();
        let edge = || self.edges.pop_front().map(Message::Edge);
        let sample = || self.samples.pop_front().map(Message::Imu);
        let status = || self.status.take().map(Message::Status);
        answer.or_else(edge).or_else(sample).or_else(status)
    }
}
