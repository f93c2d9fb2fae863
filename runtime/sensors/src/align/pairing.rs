//! Pairing of camera frames with radar cycles: mutual nearest neighbours in capture time.
//!
//! Each sensor has a short history of frames or cycles, sorted by capture time. A frame or cycle
//! is decided once, its decision is kept with it as long as a neighbour may ask for it, and no
//! later arrival changes it.

use super::{AlignConfig, AlignSensor, Alignment, Header};
use drafthorse_core::{RawFormat, SensorId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Outcome of pairing for one camera frame or one radar cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pairing {
    /// A frame and a cycle that belong together.
    Paired {
        /// The camera.
        camera: SensorId,
        /// The frame's sequence.
        camera_sequence: u32,
        /// The radar.
        radar: SensorId,
        /// Sequence of the cycle's first message.
        radar_sequence: u32,
        /// The frame's capture stamp, ns.
        captured_ns: u64,
        /// Capture of the frame minus capture of the cycle, sensor offsets applied, ns.
        camera_minus_radar_ns: i64,
    },
    /// A frame without a radar cycle, or whose stamp cannot be trusted.
    CameraOnly {
        /// The camera.
        camera: SensorId,
        /// The frame's sequence.
        camera_sequence: u32,
        /// The frame's capture stamp, ns.
        captured_ns: u64,
    },
    /// A radar cycle without a frame of any camera, or whose stamp cannot be trusted.
    RadarOnly {
        /// The radar.
        radar: SensorId,
        /// Sequence of the cycle's first message.
        radar_sequence: u32,
        /// Its capture stamp, ns.
        captured_ns: u64,
    },
}

/// Messages of one radar this close to the first of a cycle may belong to it.
const CYCLE_NS: u64 = 10_000_000;
/// Frames or cycles remembered per sensor; the oldest is decided when there are more.
const MAX_HISTORY: usize = 256;
/// More streams than a radar has.
const MAX_STREAMS: usize = 8;

/// A frame or a radar cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Item {
    /// Capture, offset applied.
    time_ns: i64,
    sequence: u32,
    captured_ns: u64,
    received_ns: u64,
    can: bool,
    stream: u16,
    decided: bool,
    /// Cycle: the cameras it is paired with, a bit each.
    mates: u128,
}

impl Item {
    pub(super) fn of(header: &Header, time_ns: i64) -> Self {
        Self {
            time_ns,
            sequence: header.sequence,
            captured_ns: header.captured_ns,
            received_ns: header.received_ns,
            can: header.format == RawFormat::CanFrame,
            stream: header.stream,
            decided: false,
            mates: 0,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Lane {
    id: SensorId,
    is_camera: bool,
    /// Latest trusted stamp: nothing earlier is to come.
    latest_ns: Option<i64>,
    history: VecDeque<Item>,
    /// Capture stamp and streams of the radar cycle that is still open.
    open: Option<Open>,
}

/// A radar cycle that more messages may join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    first_ns: i64,
    streams: [u16; MAX_STREAMS],
    count: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pairer {
    lanes: Vec<Lane>,
    tolerance_ns: i64,
    horizon_ns: u64,
    unrelated: bool,
    /// Latest receive stamp or tick.
    now_ns: u64,
}

/// A neighbour that may still be unknown.
enum Nearest {
    /// A nearer one may still come.
    Unknown,
    None,
    /// Lane and place in its history.
    At(usize, usize),
}

impl Pairer {
    pub(super) fn new(config: &AlignConfig, sensors: &[AlignSensor]) -> Self {
        let lane = |sensor: &AlignSensor| Lane {
            id: sensor.id,
            is_camera: sensor.is_camera,
            latest_ns: None,
            history: VecDeque::new(),
            open: None,
        };
        Self {
            lanes: sensors.iter().map(lane).collect(),
            tolerance_ns: config.tolerance_ns(),
            horizon_ns: config.horizon_ns().unsigned_abs(),
            unrelated: config.unrelated,
            now_ns: 0,
        }
    }

    pub(super) fn pending(&self) -> usize {
        let undecided = |lane: &Lane| lane.history.iter().filter(|i| !i.decided).count();
        self.lanes.iter().map(undecided).sum()
    }

    /// Takes a message of the sensor at `index`; an untrusted one is decided at once.
    pub(super) fn add(
        &mut self,
        index: usize,
        item: Item,
        trusted: bool,
        rebased: bool,
        out: &mut Alignment,
    ) {
        self.advance(item.received_ns);
        if rebased {
            self.close_lane(index, out);
        }
        let lane = &mut self.lanes[index];
        if !trusted {
            out.pairings.push(lane.alone(&item));
        } else if !lane.joins_open_cycle(&item) {
            if self.unrelated {
                out.pairings.push(lane.alone(&item));
            } else {
                let time = item.time_ns;
                let place = lane.history.partition_point(|i| i.time_ns <= time);
                lane.history.insert(place, item);
            }
        }
        self.decide(false, out);
        if self.lanes[index].history.len() > MAX_HISTORY {
            self.drop_oldest(index, out);
        }
    }

    /// Gives up waiting for what has waited for the horizon.
    pub(super) fn expire(&mut self, at_ns: u64, out: &mut Alignment) {
        self.advance(at_ns);
        self.decide(false, out);
    }

    pub(super) fn finish(&mut self, out: &mut Alignment) {
        self.decide(true, out);
        for lane in &mut self.lanes {
            lane.history.clear();
        }
    }

    fn advance(&mut self, received_ns: u64) {
        // A receive clock that was set back would leave everything waiting: start over from it.
        if received_ns.saturating_add(8 * self.horizon_ns) < self.now_ns {
            self.now_ns = received_ns;
            for item in self.lanes.iter_mut().flat_map(|l| &mut l.history) {
                item.received_ns = item.received_ns.min(received_ns);
            }
        }
        self.now_ns = self.now_ns.max(received_ns);
    }

    /// Decides what can be decided: frames first, then cycles, each sensor's in order.
    fn decide(&mut self, give_up: bool, out: &mut Alignment) {
        for cameras in [true, false] {
            for lane in 0..self.lanes.len() {
                if self.lanes[lane].is_camera != cameras {
                    continue;
                }
                for place in 0..self.lanes[lane].history.len() {
                    let item = &self.lanes[lane].history[place];
                    if item.decided {
                        continue;
                    }
                    let decided = if cameras {
                        self.decide_frame(lane, place, give_up, out)
                    } else {
                        self.decide_cycle(lane, place, give_up, out)
                    };
                    if !decided {
                        break;
                    }
                }
            }
        }
        self.forget();
    }

    fn waited(&self, item: &Item, horizons: u64) -> bool {
        self.now_ns.saturating_sub(item.received_ns) > horizons * self.horizon_ns
    }

    fn decide_frame(
        &mut self,
        lane: usize,
        place: usize,
        give_up: bool,
        out: &mut Alignment,
    ) -> bool {
        let frame = &self.lanes[lane].history[place];
        let give_up = give_up || self.waited(frame, 1);
        let mate = match self.nearest(frame.time_ns, |l| !l.is_camera, give_up) {
            Nearest::Unknown => return false,
            Nearest::None => None,
            Nearest::At(radar, cycle) => {
                let time_ns = self.lanes[radar].history[cycle].time_ns;
                match self.nearest_frame(time_ns, lane, frame.time_ns, give_up) {
                    Nearest::Unknown => return false,
                    Nearest::At(_, nearest) if nearest == place => Some((radar, cycle)),
                    _ => None,
                }
            }
        };
        let camera = self.lanes[lane].id;
        // No vehicle has more than 128 sensors; those beyond would share the last one's bit.
        let camera_bit = 1_u128 << lane.min(127);
        let mut outcome = self.lanes[lane].alone(&self.lanes[lane].history[place]);
        if let Some((radar, cycle)) = mate {
            let radar_id = self.lanes[radar].id;
            let cycle = &mut self.lanes[radar].history[cycle];
            if cycle.mates & camera_bit == 0 {
                cycle.mates |= camera_bit;
                let (time_ns, radar_sequence) = (cycle.time_ns, cycle.sequence);
                let frame = &self.lanes[lane].history[place];
                outcome = Pairing::Paired {
                    camera,
                    camera_sequence: frame.sequence,
                    radar: radar_id,
                    radar_sequence,
                    captured_ns: frame.captured_ns,
                    camera_minus_radar_ns: frame.time_ns.saturating_sub(time_ns),
                };
            }
        }
        self.lanes[lane].history[place].decided = true;
        out.pairings.push(outcome);
        true
    }

    /// A cycle is decided when each frame that could pair with it is.
    fn decide_cycle(
        &mut self,
        lane: usize,
        place: usize,
        give_up: bool,
        out: &mut Alignment,
    ) -> bool {
        let cycle = &self.lanes[lane].history[place];
        let time_ns = cycle.time_ns;
        let gone = give_up || self.waited(cycle, 2);
        let waited = gone || self.waited(cycle, 1);
        for camera in self.lanes.iter().filter(|l| l.is_camera) {
            let complete = waited || camera.complete(time_ns.saturating_add(self.tolerance_ns));
            let near = |i: &&Item| i.time_ns.abs_diff(time_ns) <= self.tolerance_ns.unsigned_abs();
            let open = camera.history.iter().filter(near).any(|i| !i.decided);
            if !gone && (!complete || open) {
                return false;
            }
        }
        let lane = &mut self.lanes[lane];
        let cycle = &lane.history[place];
        if cycle.mates == 0 {
            out.pairings.push(lane.alone(cycle));
        }
        lane.history[place].decided = true;
        true
    }

    /// The undecided cycle nearest to `time_ns` within the tolerance, among all radars.
    fn nearest(&self, time_ns: i64, side: impl Fn(&Lane) -> bool, give_up: bool) -> Nearest {
        let mut best: Option<(u64, i64, usize, usize)> = None;
        let lanes = || self.lanes.iter().enumerate().filter(|(_, l)| side(l));
        for (index, lane) in lanes() {
            for (place, item) in lane.history.iter().enumerate() {
                let key = (item.time_ns.abs_diff(time_ns), item.time_ns, index, place);
                let within = key.0 <= self.tolerance_ns.unsigned_abs();
                if within && !item.decided && best.is_none_or(|b| key < b) {
                    best = Some(key);
                }
            }
        }
        let reach = best.map_or(self.tolerance_ns.unsigned_abs(), |b| b.0);
        let until_ns = time_ns.saturating_add_unsigned(reach);
        if !give_up && lanes().any(|(_, lane)| !lane.complete(until_ns)) {
            return Nearest::Unknown;
        }
        best.map_or(Nearest::None, |(_, _, lane, place)| {
            Nearest::At(lane, place)
        })
    }

    /// The frame of one camera nearest to a cycle; `asking_ns` is the frame that wants to know.
    fn nearest_frame(&self, time_ns: i64, lane: usize, asking_ns: i64, give_up: bool) -> Nearest {
        let frames = &self.lanes[lane].history;
        let distance = |i: &Item| (i.time_ns.abs_diff(time_ns), i.time_ns);
        let reach = asking_ns.abs_diff(time_ns);
        if !give_up && !self.lanes[lane].complete(time_ns.saturating_add_unsigned(reach)) {
            return Nearest::Unknown;
        }
        let nearest = (0..frames.len()).min_by_key(|&place| (distance(&frames[place]), place));
        nearest.map_or(Nearest::None, |place| Nearest::At(lane, place))
    }

    /// Drops what is decided and too old for any neighbour to ask for.
    fn forget(&mut self) {
        let undecided = self.lanes.iter().flat_map(|l| &l.history);
        let oldest = undecided.filter(|i| !i.decided).map(|i| i.time_ns).min();
        let reach = self.tolerance_ns.saturating_mul(3);
        for lane in &mut self.lanes {
            while let Some(first) = lane.history.front() {
                let asked = oldest.is_some_and(|o| first.time_ns.saturating_add(reach) >= o);
                let waited = self.now_ns.saturating_sub(first.received_ns) > 2 * self.horizon_ns;
                if !first.decided || asked || !waited {
                    break;
                }
                lane.history.pop_front();
            }
        }
    }

    /// Decides the sensor's oldest without waiting, and drops it.
    fn drop_oldest(&mut self, lane: usize, out: &mut Alignment) {
        if !self.lanes[lane].history[0].decided {
            if self.lanes[lane].is_camera {
                self.decide_frame(lane, 0, true, out);
            } else {
                self.decide_cycle(lane, 0, true, out);
            }
        }
        self.lanes[lane].history.pop_front();
    }

    /// Decides all of a sensor whose clock was set: its past is of another time.
    fn close_lane(&mut self, lane: usize, out: &mut Alignment) {
        while !self.lanes[lane].history.is_empty() {
            self.drop_oldest(lane, out);
        }
        self.lanes[lane].latest_ns = None;
        self.lanes[lane].open = None;
    }
}

impl Lane {
    /// Whether nothing captured up to then is still to come.
    fn complete(&self, until_ns: i64) -> bool {
        self.latest_ns.is_some_and(|latest| latest >= until_ns)
    }

    fn alone(&self, item: &Item) -> Pairing {
        if self.is_camera {
            Pairing::CameraOnly {
                camera: self.id,
                camera_sequence: item.sequence,
                captured_ns: item.captured_ns,
            }
        } else {
            Pairing::RadarOnly {
                radar: self.id,
                radar_sequence: item.sequence,
                captured_ns: item.captured_ns,
            }
        }
    }

    /// Notes the stamp; true where the message belongs to the cycle that is already there.
    fn joins_open_cycle(&mut self, item: &Item) -> bool {
        self.latest_ns = self.latest_ns.max(Some(item.time_ns));
        if self.is_camera {
            return false;
        }
        if let Some(open) = &mut self.open {
            let near = item.time_ns.abs_diff(open.first_ns) <= CYCLE_NS;
            let seen = open.streams.iter().take(open.count);
            let another = !seen.into_iter().any(|s| *s == item.stream);
            let slot = open.streams.get_mut(open.count).filter(|_| another);
            if near && (item.can || slot.is_some()) {
                if let Some(slot) = slot {
                    *slot = item.stream;
                    open.count += 1;
                }
                return true;
            }
        }
        self.open = Some(Open {
            first_ns: item.time_ns,
            streams: [item.stream; MAX_STREAMS],
            count: 1,
        });
        false
    }
}
