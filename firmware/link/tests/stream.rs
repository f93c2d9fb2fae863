//! Messages through frames and back, over clean and over damaged lines.
#![allow(clippy::unwrap_used)]

use drafthorse_link::fuzz::TARGETS;
use drafthorse_link::{
    Counts, Decoder, Edge, Encoder, Faults, Frame, FrameError, Imu, Line, MAX_FRAME_BYTES, Message,
    Refusal, Status, TimeReply, Trigger, VERSION,
};
use proptest::prelude::*;

fn trigger() -> impl Strategy<Value = Trigger> {
    any::<(u8, u32, u32, u32)>().prop_map(|(output, rate_millihz, phase_ns, width_ns)| Trigger {
        output,
        rate_millihz,
        phase_ns,
        width_ns,
    })
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        any::<u8>().prop_map(Line::Trigger),
        any::<u8>().prop_map(Line::Input),
        Just(Line::Pps),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    any::<([u8; 3], u64, u8, bool, [u32; 4])>().prop_map(
        |(firmware, at_mcu_ns, faults, after_watchdog, counts)| Status {
            firmware,
            at_mcu_ns,
            faults: Faults(faults),
            after_watchdog,
            frames_refused: counts[0],
            messages_dropped: counts[1],
            triggers_late: counts[2],
            pps_refused: counts[3],
        },
    )
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        any::<u64>().prop_map(|host_ns| Message::TimeRequest { host_ns }),
        trigger().prop_map(Message::Declare),
        trigger().prop_map(Message::Declared),
        any::<(u64, u64, u64)>().prop_map(|(host_ns, received_mcu_ns, sent_mcu_ns)| {
            Message::TimeReply(TimeReply {
                host_ns,
                received_mcu_ns,
                sent_mcu_ns,
            })
        }),
        any::<u8>().prop_map(|output| Message::Refused {
            output,
            why: Refusal::Phase
        }),
        (line(), any::<(u32, u64)>()).prop_map(|(line, (count, at_mcu_ns))| {
            Message::Edge(Edge {
                line,
                count,
                at_mcu_ns,
            })
        }),
        any::<(u64, [i32; 3], [i32; 3])>().prop_map(|(at_mcu_ns, force, turn)| {
            Message::Imu(Imu {
                at_mcu_ns,
                force_umps2: force,
                turn_rate_uradps: turn,
            })
        }),
        status().prop_map(Message::Status),
    ]
}

/// Frames of one session, one after the other.
fn framed(session: u16, messages: &[Message]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(session);
    let frame = |message| {
        let mut out = [0; MAX_FRAME_BYTES];
        encoder.encode(message, &mut out).to_vec()
    };
    messages.iter().map(frame).collect()
}

fn decoded(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Result<Frame, FrameError>> {
    let mut all = Vec::new();
    decoder.push_all(bytes, |result| all.push(result));
    all
}

fn messages_in(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Message> {
    let frames = decoded(decoder, bytes).into_iter();
    frames.filter_map(Result::ok).map(|f| f.message).collect()
}

/// CRC-32 by its definition, a bit at a time.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1));
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), step);
    !bytes.iter().fold(!0, byte)
}

#[test]
fn the_bytes_of_a_frame_are_fixed() {
    let message = Message::Edge(Edge {
        line: Line::Trigger(3),
        count: 300,
        at_mcu_ns: 5,
    });
    let bytes = framed(0x0102, &[message]).remove(0);
    // Version; session and sequence as varints; the fifth message, the first line, 3; count; time.
    let body = [VERSION, 0x82, 2, 0, 5, 0, 3, 0xAC, 2, 5];
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    let crc = crc32(&body).to_le_bytes();
    assert!(!crc.contains(&0), "choose another message for this test");
    let mut expected = vec![4, VERSION, 0x82, 2, 2, 5, 9, 3, 0xAC, 2, 5];
    expected.extend_from_slice(&crc);
    expected.push(0);
    assert_eq!(bytes, expected);
}

#[test]
fn another_version_is_named_and_what_is_left_over_is_refused() {
    let refused = |body: &[u8]| {
        let mut contents = body.to_vec();
        contents.extend_from_slice(&crc32(body).to_le_bytes());
        let mut line = vec![0; contents.len() + 2];
        let length = cobs::try_encode(&contents, &mut line).unwrap();
        line.truncate(length + 1);
        decoded(&mut Decoder::new(), &line).remove(0).err()
    };
    assert_eq!(refused(&[9, 1, 1]), Some(FrameError::Version(9)));
    // A request for the time at 7, then with a byte behind it, then of an unknown kind.
    assert_eq!(refused(&[VERSION, 1, 0, 0, 7]), None);
    assert_eq!(
        refused(&[VERSION, 1, 0, 0, 7, 7]),
        Some(FrameError::Contents)
    );
    assert_eq!(refused(&[VERSION, 1, 0, 77, 7]), Some(FrameError::Contents));
    assert_eq!(refused(&[]), Some(FrameError::Malformed));
}

#[test]
fn gaps_and_new_sessions_are_counted() {
    let ten = [Message::TimeRequest { host_ns: 1 }; 10];
    let mut decoder = Decoder::new();
    for (i, frame) in framed(1, &ten).iter().enumerate() {
        if !(3..=6).contains(&i) {
            decoded(&mut decoder, frame);
        }
    }
    decoded(&mut decoder, &framed(2, &ten).concat());
    let counts = Counts {
        accepted: 16,
        refused: 0,
        missing: 4,
        restarts: 1,
    };
    assert_eq!(decoder.counts(), counts);
}

proptest! {
    #[test]
    fn messages_come_back(messages in prop::collection::vec(message(), 0..20), session: u16) {
        let mut decoder = Decoder::new();
        let frames = decoded(&mut decoder, &framed(session, &messages).concat());
        prop_assert_eq!(frames.len(), messages.len());
        for ((sequence, frame), message) in (0..).zip(frames).zip(messages) {
            let frame = frame.unwrap();
            prop_assert_eq!((frame.session, frame.sequence), (session, sequence));
            prop_assert_eq!(frame.message, message);
        }
        prop_assert_eq!((decoder.counts().refused, decoder.counts().missing), (0, 0));
    }

    #[test]
    fn after_garbage_the_next_frame_is_understood(
        garbage in prop::collection::vec(any::<u8>(), 0..400),
        message in message(),
    ) {
        let mut decoder = Decoder::new();
        decoded(&mut decoder, &garbage);
        decoded(&mut decoder, &[0]);
        prop_assert_eq!(messages_in(&mut decoder, &framed(1, &[message])[0]), [message]);
    }

    #[test]
    fn one_damaged_byte_never_changes_a_message(
        first in message(),
        second in message(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut stream = framed(1, &[first]).remove(0);
        let at = at.index(stream.len());
        stream[at] ^= flip;
        stream.push(0);
        stream.extend_from_slice(&framed(1, &[second])[0]);
        prop_assert_eq!(messages_in(&mut Decoder::new(), &stream), [second]);
    }

    /// Any bytes damaged, lost and put in: what is taken was sent, and the counts say what was not.
    #[test]
    fn a_damaged_line_gives_nothing_that_was_not_sent(
        messages in prop::collection::vec(message(), 1..60),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 0..40),
    ) {
        let mut stream = framed(7, &messages).concat();
        for (at, byte, how) in damage {
            let at = at.index(stream.len());
            match how {
                0 => stream[at] = byte,
                1 => stream.insert(at, byte),
                _ if stream.len() > 1 => { stream.remove(at); }
                _ => {}
            }
        }
        let mut decoder = Decoder::new();
        let frames: Vec<_> =
            decoded(&mut decoder, &stream).into_iter().filter_map(Result::ok).collect();
        for frame in &frames {
            prop_assert_eq!(Some(&frame.message), messages.get(usize::from(frame.sequence)));
        }
        prop_assert!(frames.is_sorted_by_key(|frame| frame.sequence));
        let (first, last) = (frames.first(), frames.last());
        let span = first.zip(last).map_or(0, |(a, b)| u32::from(b.sequence - a.sequence) + 1);
        let counts = decoder.counts();
        prop_assert_eq!(counts.accepted, frames.len() as u32);
        prop_assert_eq!(counts.accepted + counts.missing, span);
    }

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (_, run) in TARGETS {
            run(&bytes);
        }
    }
}
