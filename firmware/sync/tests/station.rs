//! The main loop over a line that is only bytes: what it answers, samples and reports.
#![allow(clippy::unwrap_used)]

use drafthorse_bmi160_model::{Bmi160Model, sample_number, signal};
use drafthorse_link::{
    Decoder, Encoder, Faults, Frame, Imu, Line, MAX_FRAME_BYTES, Message, Refusal, Status, Trigger,
};
use drafthorse_sync::{Clock, Epoch, Interrupts, Origin, SAMPLE_NS, Station, Triggers, Watchdog};
use embedded_hal::digital::{ErrorType, OutputPin};
use embedded_hal::i2c::{self, I2c, Operation};
use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

#[derive(Clone, Default)]
struct Now(Rc<Cell<u64>>);

impl Clock for Now {
    fn now_ns(&self) -> u64 {
        self.0.get()
    }
}

#[derive(Clone, Default)]
struct Pin(Rc<Cell<bool>>);

impl ErrorType for Pin {
    type Error = Infallible;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.set(false);
        Ok(())
    }
    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.set(true);
        Ok(())
    }
}

#[derive(Default)]
struct Fed(u32);

impl Watchdog for Fed {
    fn feed(&mut self) {
        self.0 += 1;
    }
}

/// The sensor's bus with a plug.
struct Bus<N> {
    sensor: Bmi160Model<N>,
    plugged: Rc<Cell<bool>>,
}

#[derive(Debug)]
struct Nothing;

impl i2c::Error for Nothing {
    fn kind(&self) -> i2c::ErrorKind {
        i2c::ErrorKind::Other
    }
}

impl<N> i2c::ErrorType for Bus<N> {
    type Error = Nothing;
}

impl<N: Fn() -> u64> I2c for Bus<N> {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Nothing> {
        match self.plugged.get() {
            true => self
                .sensor
                .transaction(address, operations)
                .map_err(|_| Nothing),
            false => Err(Nothing),
        }
    }
}

type Bench = Board<Box<dyn Fn() -> u64>>;

struct Board<N> {
    clock: Now,
    interrupts: Interrupts<Pin, 2>,
    station: Station<Bus<N>, Pin>,
    watchdog: Fed,
    healthy: Pin,
    plugged: Rc<Cell<bool>>,
    host: Encoder,
    decoder: Decoder,
}

impl Bench {
    fn new() -> Self {
        let clock = Now::default();
        let plugged = Rc::new(Cell::new(true));
        let healthy = Pin::default();
        let time = clock.clone();
        let bus = Bus {
            sensor: Bmi160Model::new(Box::new(move || time.now_ns()) as Box<dyn Fn() -> u64>),
            plugged: Rc::clone(&plugged),
        };
        let origin = Origin {
            session: 9,
            firmware: [1, 2, 3],
            after_watchdog: true,
        };
        Self {
            interrupts: Interrupts::new(Triggers::new(Default::default(), Epoch::new(20_000))),
            station: Station::new(origin, bus, healthy.clone()),
            watchdog: Fed::default(),
            healthy,
            plugged,
            host: Encoder::new(1),
            decoder: Decoder::new(),
            clock,
        }
    }

    fn say(&mut self, message: Message) {
        let mut out = [0; MAX_FRAME_BYTES];
        for byte in self.host.encode(&message, &mut out) {
            self.interrupts.byte(*byte, self.clock.now_ns());
        }
    }

    /// Goes on by steps of 100 us; what was sent.
    fn until(&mut self, end_ns: u64) -> Vec<Frame> {
        let mut frames = Vec::new();
        while self.clock.now_ns() < end_ns {
            self.clock.0.set(self.clock.now_ns() + MS / 10);
            self.interrupts.alarm(&self.clock);
            self.turn(&mut frames);
        }
        frames
    }

    fn turn(&mut self, frames: &mut Vec<Frame>) {
        let now = self.clock.now_ns();
        self.station.exchange(&mut self.interrupts, now);
        self.station.work(&self.clock, &mut self.watchdog);
        while let Some(byte) = self.station.next_byte(self.clock.now_ns()) {
            let frame = self.decoder.push(byte);
            frames.extend(frame.map(|frame| frame.unwrap()));
        }
    }
}

fn samples(frames: &[Frame]) -> Vec<Imu> {
    let sample = |frame: &Frame| match frame.message {
        Message::Imu(imu) => Some(imu),
        _ => None,
    };
    frames.iter().filter_map(sample).collect()
}

fn statuses(frames: &[Frame]) -> Vec<Status> {
    let status = |frame: &Frame| match frame.message {
        Message::Status(status) => Some(status),
        _ => None,
    };
    frames.iter().filter_map(status).collect()
}

#[test]
fn samples_are_those_of_the_sensor_with_its_own_time() {
    let mut bench = Bench::new();
    let samples = samples(&bench.until(5 * S));
    // 115 ms to start, then 100 a second.
    assert!((487..=489).contains(&samples.len()), "{}", samples.len());
    for sample in &samples {
        // A tick of the sensor's clock, and the step of this test's main loop.
        let number = sample_number(sample.at_mcu_ns + MS / 10);
        let (force, turn) = signal(number);
        let to_force = |steps: i16| (f64::from(steps) / 4_096.0 * 9_806_650.0) as i32;
        let to_turn = |steps: i16| (f64::from(steps) / 65.6).to_radians() * 1e6;
        assert_eq!(sample.force_umps2, force.map(to_force));
        for (rate, steps) in sample.turn_rate_uradps.into_iter().zip(turn) {
            assert!((f64::from(rate) - to_turn(steps)).abs() <= 1.0);
        }
    }
    for two in samples.windows(2) {
        let step = two[1].at_mcu_ns - two[0].at_mcu_ns;
        assert!(step.abs_diff(SAMPLE_NS) < 80_000, "{step}");
    }
}

#[test]
fn a_sensor_that_goes_away_is_a_fault_until_it_is_back() {
    let mut bench = Bench::new();
    bench.until(S);
    bench.plugged.set(false);
    let frames = bench.until(3 * S);
    assert!(samples(&frames).len() <= 1);
    assert!(bench.station.faults().contains(Faults::IMU));
    bench.plugged.set(true);
    let frames = bench.until(6 * S);
    assert!(samples(&frames).len() > 150);
    assert!(!bench.station.faults().contains(Faults::IMU));
}

#[test]
fn times_are_answered_first_and_with_the_moment_of_sending() {
    let mut bench = Bench::new();
    bench.until(2 * S);
    bench.say(Message::TimeRequest { host_ns: 77 });
    let arrived = bench.clock.now_ns();
    bench.clock.0.set(arrived + 3 * MS);
    for _ in 0..5 {
        bench.interrupts.input(2, arrived);
    }
    let mut frames = Vec::new();
    bench.turn(&mut frames);
    let Message::TimeReply(reply) = frames[0].message else {
        panic!("{:?} went first", frames[0]);
    };
    assert_eq!(reply.host_ns, 77);
    assert_eq!(reply.received_mcu_ns, arrived);
    assert_eq!(reply.sent_mcu_ns, arrived + 3 * MS);
    let edges: Vec<_> = frames.iter().map(|frame| frame.message).collect();
    for (count, message) in (0..5).zip(&edges[1..]) {
        let Message::Edge(edge) = message else {
            panic!("{message:?}");
        };
        assert_eq!((edge.line, edge.count), (Line::Input(2), count));
    }
}

#[test]
fn triggers_are_declared_over_the_line_and_reported() {
    let mut bench = Bench::new();
    let trigger = Trigger {
        output: 1,
        rate_millihz: 20_000,
        phase_ns: 7_000_000,
        width_ns: 1_000_000,
    };
    bench.say(Message::Declare(trigger));
    bench.say(Message::Declare(Trigger {
        output: 5,
        ..trigger
    }));
    let frames = bench.until(S + MS);
    let has = |message: Message| frames.iter().any(|frame| frame.message == message);
    assert!(has(Message::Declared(trigger)));
    assert!(has(Message::Refused {
        output: 5,
        why: Refusal::NoOutput
    }));
    let edges = frames.iter().filter_map(|frame| match frame.message {
        Message::Edge(edge) => Some(edge),
        _ => None,
    });
    let edges: Vec<_> = edges.collect();
    assert_eq!(edges.len(), 20);
    for (k, edge) in (0..).zip(edges) {
        assert_eq!(edge.line, Line::Trigger(1));
        assert_eq!(edge.at_mcu_ns, 7 * MS + k * 50 * MS);
    }
}

#[test]
fn the_fault_line_and_the_status_say_what_is_wrong() {
    let mut bench = Bench::new();
    let frames = bench.until(S);
    // Nobody has spoken yet: the line is low, as it is without power.
    assert!(!bench.healthy.0.get());
    let status = statuses(&frames)[0];
    assert!(status.faults.contains(Faults::HOST_SILENT));
    assert_eq!((status.firmware, status.after_watchdog), ([1, 2, 3], true));
    bench.say(Message::TimeRequest { host_ns: 1 });
    for byte in *b"noise\0" {
        bench.interrupts.byte(byte, S);
    }
    let frames = bench.until(2 * S);
    assert!(bench.healthy.0.get());
    let status = statuses(&frames).pop().unwrap();
    assert_eq!((status.faults, status.frames_refused), (Faults(0), 1));
    // A host that only hears itself is no host.
    bench.say(Message::Declared(Trigger {
        output: 0,
        rate_millihz: 0,
        phase_ns: 0,
        width_ns: 0,
    }));
    bench.until(4 * S);
    assert!(!bench.healthy.0.get());
    assert_eq!(bench.station.faults(), Faults::HOST_SILENT);
}

#[test]
fn the_watchdog_is_not_fed_where_triggers_stand_still() {
    let mut bench = Bench::new();
    bench.say(Message::Declare(Trigger {
        output: 0,
        rate_millihz: 100_000,
        phase_ns: 0,
        width_ns: 1_000_000,
    }));
    bench.until(S);
    let fed = bench.watchdog.0;
    assert!(fed > 9_000);
    // The alarm's interrupt is dead, the main loop is not.
    for _ in 0..2_000 {
        bench.clock.0.set(bench.clock.now_ns() + MS);
        bench.turn(&mut Vec::new());
    }
    assert!(bench.watchdog.0 - fed <= 111, "{}", bench.watchdog.0 - fed);
}

#[test]
fn what_finds_no_room_is_counted() {
    let mut bench = Bench::new();
    bench.until(100 * MS);
    for _ in 0..100 {
        bench.interrupts.input(0, bench.clock.now_ns());
    }
    let frames = bench.until(2 * S);
    let edges = frames
        .iter()
        .filter(|frame| matches!(frame.message, Message::Edge(_)));
    assert_eq!(edges.count(), 32);
    assert_eq!(statuses(&frames).pop().unwrap().messages_dropped, 68);
}
