//! The host's clock filter against its definition, and its end of the link against what may come over it.
#![allow(clippy::unwrap_used)]

use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_link::{
    Decoder, Edge, Encoder, Imu, Line, MAX_FRAME_BYTES, Message, Refusal, TimeReply, Trigger,
};
use drafthorse_sensors::radar::{RadarDecoder, RadarReading, ReadingKind};
use drafthorse_sensors::sync::{Discipline, Event, Exchange, SyncLink, SyncRecord, Verdict};
use drafthorse_sensors::{AlignConfig, AlignSensor, Aligner, Alignment, Header};
use proptest::prelude::*;

const S: u64 = 1_000_000_000;
const VEHICLE_NS: u64 = 1_764_000_000 * S;

/// Two clocks: the microcontroller's gains `ppm` on the vehicle's and began with it.
#[derive(Clone, Copy)]
struct Clocks {
    ppm: f64,
    stepped_ns: u64,
}

impl Clocks {
    fn mcu_ns(self, t: u64) -> u64 {
        t + (t as f64 * self.ppm * 1e-6) as u64
    }

    fn vehicle_ns(self, t: u64) -> u64 {
        VEHICLE_NS + self.stepped_ns + t
    }

    /// An exchange begun at `t`, with those ways there and back.
    fn exchange(self, t: u64, there_ns: u64, back_ns: u64) -> Exchange {
        let received = t + there_ns;
        let sent = received + 40_000;
        Exchange {
            asked_ns: self.vehicle_ns(t),
            received_mcu_ns: self.mcu_ns(received),
            sent_mcu_ns: self.mcu_ns(sent),
            answered_ns: self.vehicle_ns(sent + back_ns),
        }
    }

    fn error_ns(self, discipline: &Discipline, t: u64) -> i64 {
        let stamped = discipline.vehicle_ns(self.mcu_ns(t)).unwrap();
        stamped as i64 - self.vehicle_ns(t) as i64
    }
}

proptest! {
    #[test]
    fn the_error_is_half_of_what_the_two_ways_differ(
        ppm in 0.0..150.0_f64,
        there_ns in 0..400_000_u64,
        back_ns in 0..400_000_u64,
    ) {
        let clocks = Clocks { ppm, stepped_ns: 0 };
        let mut discipline = Discipline::default();
        for i in 1..400 {
            let exchange = clocks.exchange(i * S / 8, there_ns, back_ns);
            prop_assert_eq!(discipline.exchange(&exchange), Verdict::Taken);
        }
        let half = (back_ns as i64 - there_ns as i64) / 2;
        // Between two exchanges too, and for a while after the last.
        for t in [49 * S + S / 16, 50 * S] {
            prop_assert!((clocks.error_ns(&discipline, t) - half).abs() < 500);
        }
        let estimate = discipline.estimate().unwrap();
        prop_assert!((estimate.drift_nsps + ppm * 1e3).abs() < 50.0, "{:?}", estimate);
        let bound = (there_ns + back_ns) / 2;
        prop_assert!(estimate.half_round_trip_ns.abs_diff(bound) <= 20);
        prop_assert!(half.unsigned_abs() <= bound);
    }

    #[test]
    fn slow_exchanges_do_no_harm(
        late in prop::collection::vec((0..20_000_000_u64, 0..20_000_000_u64), 200),
    ) {
        let clocks = Clocks { ppm: 25.0, stepped_ns: 0 };
        let mut discipline = Discipline::default();
        for (i, (there, back)) in (1..).zip(late) {
            // Every fourth is as fast as ever.
            let share = u64::from(i % 4 != 0);
            discipline.exchange(&clocks.exchange(i * S / 8, 30_000 + share * there, 30_000 + share * back));
        }
        let error = clocks.error_ns(&discipline, 25 * S + S / 10);
        prop_assert!(error.abs() < 30_000, "{error}");
    }

    #[test]
    fn any_exchange_is_survived(exchanges in prop::collection::vec(any::<[u64; 4]>(), 0..40)) {
        let mut discipline = Discipline::default();
        for [asked_ns, received_mcu_ns, sent_mcu_ns, answered_ns] in exchanges {
            discipline.exchange(&Exchange { asked_ns, received_mcu_ns, sent_mcu_ns, answered_ns });
            let _ = (discipline.vehicle_ns(received_mcu_ns), discipline.estimate());
        }
    }

    #[test]
    fn any_bytes_are_a_record_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(record) = SyncRecord::decode(&bytes) {
            let mut again = Vec::new();
            record.encode(&mut again);
            // A number that is no number is not equal to itself.
            if record == record {
                prop_assert_eq!(SyncRecord::decode(&again), Ok(record));
            }
        }
    }

    #[test]
    fn any_bytes_on_the_line_are_survived(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..20),
    ) {
        let mut link = SyncLink::new(921_600, &[], 1);
        for (i, piece) in (0..).zip(pieces) {
            link.receive(&piece, VEHICLE_NS + i * S);
            link.send(VEHICLE_NS + i * S, &mut Vec::new());
        }
    }
}

#[test]
fn a_clock_that_is_set_costs_a_few_exchanges() {
    let before = Clocks {
        ppm: 40.0,
        stepped_ns: 0,
    };
    let after = Clocks {
        stepped_ns: 3 * S,
        ..before
    };
    let mut discipline = Discipline::default();
    for i in 1..100 {
        discipline.exchange(&before.exchange(i * S / 8, 20_000, 20_000));
    }
    let verdicts: Vec<_> = (100..112)
        .map(|i| discipline.exchange(&after.exchange(i * S / 8, 20_000, 20_000)))
        .collect();
    assert_eq!(verdicts[..4], [Verdict::Rejected; 4]);
    assert_eq!(verdicts[4], Verdict::Restarted);
    assert!(verdicts[5..].iter().all(|v| *v == Verdict::Taken));
    assert!(after.error_ns(&discipline, 14 * S).abs() < 5_000);
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_the_link() {
    let mut link = SyncLink::new(921_600, &[], 1);
    let sent = |link: &mut SyncLink, from_ns: u64| {
        let mut bytes = Vec::new();
        for i in 0..20 {
            link.send(from_ns + i * S / 10, &mut bytes);
        }
        bytes.len()
    };
    assert!(sent(&mut link, VEHICLE_NS) > 0);
    assert!(sent(&mut link, VEHICLE_NS - 3_600 * S) > 0);
    assert!(link.next_send_ns() < VEHICLE_NS - 3_590 * S);
}

#[test]
fn what_cannot_be_is_rejected() {
    let good = Exchange {
        asked_ns: VEHICLE_NS,
        received_mcu_ns: 1_000,
        sent_mcu_ns: 2_000,
        answered_ns: VEHICLE_NS + 5_000,
    };
    let impossible = [
        Exchange {
            answered_ns: VEHICLE_NS - 1,
            ..good
        },
        Exchange {
            sent_mcu_ns: 999,
            ..good
        },
        // It says that it took longer than all of it.
        Exchange {
            sent_mcu_ns: 6_001,
            ..good
        },
    ];
    let mut discipline = Discipline::default();
    for exchange in impossible {
        assert_eq!(discipline.exchange(&exchange), Verdict::Rejected);
    }
    assert_eq!(discipline.exchange(&good), Verdict::Taken);
}

/// A microcontroller that answers at once.
struct Answering {
    encoder: Encoder,
    session: u16,
    heard: Decoder,
    declared: Vec<Trigger>,
    started_ns: u64,
}

impl Answering {
    fn new(session: u16, started_ns: u64) -> Self {
        Self {
            encoder: Encoder::new(session),
            session,
            heard: Decoder::new(),
            declared: Vec::new(),
            started_ns,
        }
    }

    fn say(&mut self, message: &Message) -> Vec<u8> {
        let mut out = [0; MAX_FRAME_BYTES];
        self.encoder.encode(message, &mut out).to_vec()
    }

    fn answer(&mut self, bytes: &[u8], now_ns: u64) -> Vec<u8> {
        let mut heard = Vec::new();
        self.heard
            .push_all(bytes, |frame| heard.push(frame.unwrap().message));
        let mcu_ns = now_ns - self.started_ns;
        let mut out = Vec::new();
        for message in heard {
            let answer = match message {
                Message::TimeRequest { host_ns } => Message::TimeReply(TimeReply {
                    host_ns,
                    received_mcu_ns: mcu_ns,
                    sent_mcu_ns: mcu_ns,
                }),
                Message::Declare(trigger) if trigger.output < 2 => {
                    self.declared.push(trigger);
                    Message::Declared(trigger)
                }
                Message::Declare(trigger) => Message::Refused {
                    output: trigger.output,
                    why: Refusal::NoOutput,
                },
                other => panic!("{other:?}"),
            };
            out.extend(self.say(&answer));
        }
        out
    }
}

/// A second of conversation; `lost` says which of the declarations get through.
fn talk(link: &mut SyncLink, mcu: &mut Answering, from_ns: u64) -> u64 {
    let mut now = from_ns;
    while now < from_ns + S {
        let mut out = Vec::new();
        link.send(now, &mut out);
        let back = mcu.answer(&out, now + 400_000);
        link.receive(&back, now + 1_200_000);
        now += 5_000_000;
    }
    now
}

fn edge(count: u32, at_mcu_ns: u64) -> Message {
    Message::Edge(Edge {
        line: Line::Trigger(0),
        count,
        at_mcu_ns,
    })
}

#[test]
fn a_microcontroller_that_starts_anew_is_declared_to_and_its_clock_learnt_again() {
    let trigger = |output| Trigger {
        output,
        rate_millihz: 30_000,
        phase_ns: 0,
        width_ns: 1_000_000,
    };
    let mut link = SyncLink::new(921_600, &[trigger(0), trigger(1), trigger(5)], 9);
    let mut mcu = Answering::new(70, VEHICLE_NS - 500 * S);
    // Before the clock is known nothing is stamped.
    link.receive(&mcu.say(&edge(0, 499 * S)), VEHICLE_NS);
    assert_eq!((link.pop(), link.counts().records_dropped), (None, 1));
    let now = talk(&mut link, &mut mcu, VEHICLE_NS + 1_000);
    assert_eq!(mcu.declared, [trigger(0), trigger(1)]);
    let told: Vec<_> = link.take_events().collect();
    assert_eq!(told, [Event::Refused(trigger(5), Refusal::NoOutput)]);
    while link.pop().is_some() {}

    link.receive(&mcu.say(&edge(1, 500 * S + S / 2)), now);
    let stamped = link.pop().unwrap();
    assert!(stamped.captured_ns.abs_diff(VEHICLE_NS + S / 2) < 500_000);

    // Its own words come back: nothing follows from them.
    let mut own = Vec::new();
    link.send(now + S, &mut own);
    link.receive(&own, now + S);
    assert_eq!((link.pop(), link.take_events().count()), (None, 0));

    // Another life: its clock began anew, and a time of it means nothing yet.
    let mut mcu = Answering::new(71, now);
    link.receive(&mcu.say(&edge(0, 1_000)), now + 2_000_000);
    assert_eq!(link.pop(), None);
    assert_eq!(link.take_events().collect::<Vec<_>>(), [Event::Restarted]);
    talk(&mut link, &mut mcu, now + 3_000_000);
    assert_eq!((mcu.session, mcu.declared.len()), (71, 2));
    while link.pop().is_some() {}
    link.receive(&mcu.say(&edge(9, S / 2)), now + S);
    let stamped = link.pop().unwrap();
    assert!(stamped.captured_ns.abs_diff(now + S / 2) < 500_000);
}

fn message(record: SyncRecord, captured_ns: u64) -> RawMessage {
    let mut raw = RawMessage::empty(SensorId(0), RawFormat::Sync);
    (raw.captured_ns, raw.received_ns) = (captured_ns, captured_ns + 1_000_000);
    record.encode(&mut raw.data);
    raw
}

#[test]
fn lines_of_the_microcontroller_are_streams_of_their_own_and_pair_with_nothing() {
    let sensors = [AlignSensor {
        id: SensorId(0),
        name: "sync".to_owned(),
        is_camera: false,
        stall_check: true,
        offset_ns: 0,
    }];
    let mut aligner = Aligner::new(&AlignConfig::default(), &sensors);
    let mut out = Alignment::default();
    let mut faults: Vec<Fault> = Vec::new();
    let edge = |line| {
        SyncRecord::Edge(Edge {
            line,
            count: 0,
            at_mcu_ns: 0,
        })
    };
    let imu = SyncRecord::Imu(Imu {
        at_mcu_ns: 0,
        force_umps2: [0; 3],
        turn_rate_uradps: [0; 3],
    });
    // Told in the order of their sending, which is not that of their times.
    let sent = [
        (edge(Line::Trigger(0)), 5 * S),
        (edge(Line::Trigger(1)), 5 * S - 100),
        (edge(Line::Pps), 5 * S - 200),
        (imu, 5 * S - 5_000_000),
        (edge(Line::Trigger(0)), 5 * S + 10),
        (imu, 5 * S - 100),
    ];
    for (record, at) in sent {
        aligner.observe(&Header::of(&message(record, at)), &mut out);
        assert!(out.pairings.is_empty());
        faults.append(&mut out.faults);
    }
    assert_eq!((faults, aligner.pending()), (Vec::new(), 0));
    // The same line twice at one time is a fault.
    aligner.observe(&Header::of(&message(imu, 5 * S - 100)), &mut out);
    assert_eq!(out.faults[0].kind, FaultKind::ClockDuplicate);
}

#[test]
fn a_record_that_cannot_be_read_is_told() {
    let mut decoder = RadarDecoder::new(SensorId(0), RawFormat::Sync, None);
    let (mut reading, mut faults) = (RadarReading::default(), Vec::new());
    let mut raw = message(SyncRecord::Clock(Default::default()), S);
    let kind = decoder.decode(&raw, &mut reading, &mut faults);
    assert_eq!((kind, faults.len()), (ReadingKind::Nothing, 0));
    raw.data.push(0);
    decoder.decode(&raw, &mut reading, &mut faults);
    assert_eq!(faults[0].kind, FaultKind::Undecodable);
    raw.data[0] = 77;
    decoder.decode(&raw, &mut reading, &mut faults);
    assert!(faults[1].detail.contains("version 77"), "{faults:?}");
}
