//! Messages through frames and back, over clean and over damaged lines.
#![allow(clippy::unwrap_used)]

use drafthorse_link::fuzz::TARGETS;
use drafthorse_link::{
    Decoder, EncodeError, FrameError, HostTime, Imu, MAX_FRAME_BYTES, Message, PpsEdge, Status,
    TriggerStamp, crc32, encode,
};
use proptest::prelude::*;

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        any::<(u8, u32, u64)>().prop_map(|(camera, sequence, mcu_ns)| {
            TriggerStamp {
                camera,
                sequence,
                mcu_ns,
            }
            .into()
        }),
        any::<(u32, u64)>().prop_map(|(sequence, mcu_ns)| PpsEdge { sequence, mcu_ns }.into()),
        any::<(u64, [i32; 3], [i32; 3], i16)>().prop_map(|(mcu_ns, accel, gyro, celsius)| {
            Imu {
                mcu_ns,
                accel_mmps2: accel,
                gyro_uradps: gyro,
                temperature_centidegc: celsius,
            }
            .into()
        }),
        any::<(u32, u64, u64)>().prop_map(|(sequence, host_ns, mcu_ns)| {
            HostTime {
                sequence,
                host_ns,
                mcu_ns,
            }
            .into()
        }),
        any::<([u8; 3], u64, [u32; 3], u16)>().prop_map(|(firmware, mcu_ns, counts, flags)| {
            Status {
                firmware,
                mcu_ns,
                frames_refused: counts[0],
                messages_dropped: counts[1],
                triggers_late: counts[2],
                flags,
            }
            .into()
        }),
    ]
}

fn framed(message: &Message) -> Vec<u8> {
    let mut out = [0; MAX_FRAME_BYTES];
    let length = encode(message, &mut out).unwrap();
    out[..length].to_vec()
}

fn decoded(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Result<Message, FrameError>> {
    let mut all = Vec::new();
    decoder.push_all(bytes, |result| all.push(result));
    all
}

#[test]
fn the_checksum_has_the_catalogued_check_value() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn the_bytes_of_a_frame_are_fixed() {
    let message = Message::from(PpsEdge {
        sequence: 2,
        mcu_ns: 0x0102_0304_0506_0709,
    });
    let bytes = framed(&message);
    let body = [1, 2, 2, 0, 0, 0, 9, 7, 6, 5, 4, 3, 2, 1];
    let mut expected = vec![4, 1, 2, 2, 1, 1, 13, 9, 7, 6, 5, 4, 3, 2, 1];
    let crc = crc32(&body).to_le_bytes();
    assert!(!crc.contains(&0), "choose another message for this test");
    expected.extend_from_slice(&crc);
    expected.push(0);
    assert_eq!(bytes, expected);
}

#[test]
fn another_version_is_named() {
    let mut body = vec![9, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    body.extend_from_slice(&crc32(&body).to_le_bytes());
    assert!(!body.contains(&0), "the frame below has one block only");
    let mut frame = vec![body.len() as u8 + 1];
    frame.extend_from_slice(&body);
    frame.push(0);
    assert_eq!(
        decoded(&mut Decoder::new(), &frame),
        [Err(FrameError::Version(9))]
    );
}

proptest! {
    #[test]
    fn messages_come_back(messages in prop::collection::vec(message(), 0..20)) {
        let stream: Vec<u8> = messages.iter().flat_map(framed).collect();
        let mut decoder = Decoder::new();
        let expected: Vec<_> = messages.into_iter().map(Ok).collect();
        prop_assert_eq!(decoded(&mut decoder, &stream), expected);
        prop_assert_eq!(decoder.refused(), 0);
    }

    #[test]
    fn a_short_slice_is_refused(message in message(), short in 0..MAX_FRAME_BYTES) {
        let whole = framed(&message);
        let mut out = vec![0; short];
        match encode(&message, &mut out) {
            Ok(length) => prop_assert_eq!(&out[..length], &whole[..]),
            Err(EncodeError) => prop_assert!(short < whole.len()),
        }
    }

    #[test]
    fn after_garbage_the_next_frame_is_understood(
        garbage in prop::collection::vec(any::<u8>(), 0..400),
        message in message(),
    ) {
        let mut decoder = Decoder::new();
        decoded(&mut decoder, &garbage);
        decoded(&mut decoder, &[0]);
        prop_assert_eq!(decoded(&mut decoder, &framed(&message)), [Ok(message)]);
    }

    #[test]
    fn one_damaged_byte_never_changes_a_message(
        first in message(),
        second in message(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut damaged = framed(&first);
        let at = at.index(damaged.len());
        damaged[at] ^= flip;
        let mut stream = damaged;
        stream.push(0);
        stream.extend_from_slice(&framed(&second));
        let good: Vec<_> =
            decoded(&mut Decoder::new(), &stream).into_iter().filter_map(Result::ok).collect();
        prop_assert_eq!(good, [second]);
    }

    #[test]
    fn arbitrary_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (_, run) in TARGETS {
            run(&bytes);
        }
    }
}
