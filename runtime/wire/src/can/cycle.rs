//! From frames to cycles of tracks and vehicle speeds.

use super::frame::CanFrame;
use super::map::CanMap;
use drafthorse_core::{RadarTrack, RadarTracks, SensorId};
use serde::{Deserialize, Serialize};

/// What a frame gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CanEvent {
    /// Nothing yet, or nothing of interest.
    Nothing,
    /// A cycle ended; the caller's [`RadarTracks`] holds it.
    Cycle,
    /// The vehicle's speed, m/s.
    VehicleSpeed(f64),
    /// A mapped message was too short for its signals, or gave no sound value.
    Undecodable,
}

/// Everything that carries over from frame to frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CanDecoderState {
    /// Track slots seen in the current cycle, one bit each in the map's order.
    seen: u128,
    /// Valid tracks of the current cycle.
    tracks: Vec<RadarTrack>,
    /// Capture time of the current cycle's last frame, ns.
    captured_ns: u64,
    /// Receive time of the current cycle's last frame, ns.
    received_ns: u64,
    /// Cycles given out.
    cycles: u32,
}

/// Decodes frames by a map.
///
/// A cycle ends with the frame that fills its last slot, before a frame whose slot was already
/// seen, or before a frame later than the map's gap after the cycle's last one. Each valid track
/// of each frame is given out exactly once; [`CanDecoder::flush`] gives out the last cycle.
#[derive(Clone, Debug)]
pub struct CanDecoder {
    map: CanMap,
    state: CanDecoderState,
}

impl CanDecoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(map: CanMap) -> Self {
        Self {
            map,
            state: CanDecoderState::default(),
        }
    }

    /// The map it decodes by.
    #[must_use]
    pub fn map(&self) -> &CanMap {
        &self.map
    }

    /// What carries over to the next frame.
    #[must_use]
    pub fn state(&self) -> &CanDecoderState {
        &self.state
    }

    /// Goes on from a saved state.
    pub fn restore(&mut self, state: CanDecoderState) {
        self.state = state;
    }

    /// Takes the next frame; on [`CanEvent::Cycle`] the finished cycle is in `out`.
    pub fn decode(
        &mut self,
        sensor: SensorId,
        frame: &CanFrame,
        captured_ns: u64,
        received_ns: u64,
        out: &mut RadarTracks,
    ) -> CanEvent {
        if frame.remote || frame.error {
            return CanEvent::Nothing;
        }
        if let Some(speed) = self.map.speed_of(frame) {
            return speed.map_or(CanEvent::Undecodable, CanEvent::VehicleSpeed);
        }
        let Some((slot, message)) = self.map.track_message(frame) else {
            return CanEvent::Nothing;
        };
        let Some(track) = message.decode(frame, captured_ns) else {
            return CanEvent::Undecodable;
        };
        let bit = 1_u128 << slot;
        let late = captured_ns.saturating_sub(self.state.captured_ns) > self.map.cycle_gap_ns();
        let mut event = CanEvent::Nothing;
        if self.state.seen & bit != 0 || (self.state.seen != 0 && late) {
            self.give_out(sensor, out);
            event = CanEvent::Cycle;
        }
        self.state.seen |= bit;
        self.state.captured_ns = captured_ns;
        self.state.received_ns = received_ns;
        self.state.tracks.extend(track);
        // A cycle that was given out above leaves one slot seen, so a map of one slot never comes
        // here with an event: each of its frames is a whole cycle.
        if event == CanEvent::Nothing && self.state.seen == self.map.all_slots() {
            self.give_out(sensor, out);
            event = CanEvent::Cycle;
        }
        event
    }

    /// The stream has ended: gives out what the unfinished cycle holds. True where there was one.
    pub fn flush(&mut self, sensor: SensorId, out: &mut RadarTracks) -> bool {
        if self.state.seen == 0 {
            return false;
        }
        self.give_out(sensor, out);
        true
    }

    fn give_out(&mut self, sensor: SensorId, out: &mut RadarTracks) {
        out.sensor = sensor;
        out.sequence = self.state.cycles;
        out.captured_ns = self.state.captured_ns;
        out.received_ns = self.state.received_ns;
        out.tracks.clear();
        out.tracks.append(&mut self.state.tracks);
        self.state.cycles = self.state.cycles.wrapping_add(1);
        self.state.seen = 0;
    }
}
