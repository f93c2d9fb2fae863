//! Which CAN messages are tracks, and which signals say what.

use super::frame::CanFrame;
use super::signal::Signal;
use can_dbc::{Dbc, Message, MessageId};
use drafthorse_core::RadarTrack;
use serde::Deserialize;
use thiserror::Error;

/// Maps that come with the program: name, mapping, DBC.
const BUILT_IN: [(&str, &str, &str); 1] = [(
    "toyota-tracks",
    include_str!("../../maps/toyota-tracks.toml"),
    include_str!("../../maps/toyota-tracks.dbc"),
)];

/// Slots a cycle can have.
const MAX_SLOTS: usize = 128;

/// Why a mapping cannot be used.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CanMapError {
    /// No shipped mapping has that name.
    #[error("no mapping is called {0}; shipped mappings: toyota-tracks; or give a TOML file")]
    UnknownName(String),
    /// The TOML text is not a mapping.
    #[error("the mapping is not valid: {0}")]
    Toml(String),
    /// The DBC file could not be read.
    #[error("the DBC file {path} could not be read: {reason}")]
    Read {
        /// Its path as the mapping says.
        path: String,
        /// Why.
        reason: String,
    },
    /// The DBC text does not parse.
    #[error("the DBC file is not valid: {0}")]
    Dbc(String),
    /// A message of the mapping is not in the DBC file.
    #[error("message {0} is not in the DBC file")]
    NoMessage(String),
    /// A signal of the mapping is not in its message, or cannot be decoded.
    #[error("signal {signal} of message {message} is not in the DBC file or not within 8 bytes")]
    NoSignal {
        /// The message.
        message: String,
        /// The signal.
        signal: String,
    },
    /// No track messages, too many, or one of them twice.
    #[error("a mapping needs 1 to 128 different track messages")]
    Slots,
    /// A number of the mapping is not usable.
    #[error("{0} of the mapping must be a finite number in range")]
    Number(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapFile {
    dbc: String,
    #[serde(default = "default_gap_ms")]
    cycle_gap_ms: u32,
    tracks: TracksFile,
    vehicle_speed: Option<SpeedFile>,
}

fn default_gap_ms() -> u32 {
    20
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TracksFile {
    interface: Option<String>,
    messages: Vec<String>,
    forward: TermFile,
    left: TermFile,
    rel_speed: TermFile,
    new_track: Option<String>,
    valid: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermFile {
    signal: String,
    #[serde(default = "one")]
    sign: f64,
    #[serde(default)]
    offset: f64,
}

fn one() -> f64 {
    1.0
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpeedFile {
    interface: Option<String>,
    message: String,
    signals: Vec<String>,
    unit: SpeedUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
enum SpeedUnit {
    #[serde(rename = "m/s")]
    MetresPerSecond,
    #[serde(rename = "km/h")]
    KilometresPerHour,
}

/// A signal, its sign and what is added to it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Term {
    signal: Signal,
    sign: f64,
    offset: f64,
}

impl Term {
    fn value(&self, data: &[u8]) -> Option<f64> {
        let signed = self.signal.value(data)? * self.sign;
        // Adding zero would turn a negative zero into a positive one.
        let value = if self.offset == 0.0 {
            signed
        } else {
            signed + self.offset
        };
        value.is_finite().then_some(value)
    }
}

/// One track message of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TrackMessage {
    id: MessageId,
    forward: Term,
    left: Term,
    rel_speed: Term,
    new_track: Option<Signal>,
    valid: Option<Signal>,
}

impl TrackMessage {
    /// The frame's track: outer `None` where it does not decode, inner where the slot is not valid.
    pub(super) fn decode(&self, frame: &CanFrame, captured_ns: u64) -> Option<Option<RadarTrack>> {
        let data = frame.payload();
        let flag = |signal: Option<Signal>, absent: bool| match signal {
            Some(signal) => signal.raw(data).map(|raw| raw != 0),
            None => Some(absent),
        };
        if !flag(self.valid, true)? {
            return Some(None);
        }
        Some(Some(RadarTrack {
            address: frame.id,
            captured_ns,
            forward_m: self.forward.value(data)?,
            left_m: self.left.value(data)?,
            rel_speed_mps: self.rel_speed.value(data)?,
            new_track: flag(self.new_track, false)?,
        }))
    }
}

/// The message that gives the vehicle's speed.
#[derive(Clone, Debug, PartialEq)]
struct SpeedMessage {
    interface: Option<String>,
    id: MessageId,
    signals: Vec<Signal>,
    unit: SpeedUnit,
}

/// A mapping from CAN messages to tracks and vehicle speed, ready to decode with.
#[derive(Clone, Debug, PartialEq)]
pub struct CanMap {
    interface: Option<String>,
    /// Sorted by identifier.
    tracks: Vec<TrackMessage>,
    speed: Option<SpeedMessage>,
    cycle_gap_ns: u64,
}

impl CanMap {
    /// Names of the shipped mappings.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.into_iter().map(|(name, _, _)| name)
    }

    /// A shipped mapping.
    ///
    /// # Errors
    /// [`CanMapError::UnknownName`] where there is none of that name.
    pub fn built_in(name: &str) -> Result<Self, CanMapError> {
        let (_, toml, dbc) = BUILT_IN
            .into_iter()
            .find(|(known, _, _)| *known == name)
            .ok_or_else(|| CanMapError::UnknownName(name.to_owned()))?;
        Self::from_toml(toml, |_| Ok(dbc.to_owned()))
    }

    /// A mapping from its TOML text; `read_dbc` gives the text of the DBC file it names, whose path
    /// is relative to the mapping's.
    ///
    /// # Errors
    /// The TOML or DBC is not valid, or a message or signal is missing, see [`CanMapError`].
    pub fn from_toml(
        toml: &str,
        read_dbc: impl FnOnce(&str) -> Result<String, String>,
    ) -> Result<Self, CanMapError> {
        let file: MapFile =
            toml::from_str(toml).map_err(|error| CanMapError::Toml(error.message().to_owned()))?;
        let text = read_dbc(&file.dbc).map_err(|reason| CanMapError::Read {
            path: file.dbc.clone(),
            reason,
        })?;
        let dbc =
            Dbc::try_from(text.as_str()).map_err(|error| CanMapError::Dbc(error.to_string()))?;
        let mut tracks = file
            .tracks
            .messages
            .iter()
            .map(|name| track_message(message(&dbc, name)?, &file.tracks))
            .collect::<Result<Vec<_>, _>>()?;
        tracks.sort_by_key(|track| track.id.raw());
        let doubled = tracks
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a.id == b.id));
        if tracks.is_empty() || tracks.len() > MAX_SLOTS || doubled {
            return Err(CanMapError::Slots);
        }
        if file.cycle_gap_ms == 0 {
            return Err(CanMapError::Number("cycle_gap_ms"));
        }
        Ok(Self {
            interface: file.tracks.interface,
            tracks,
            speed: file
                .vehicle_speed
                .map(|speed| speed_message(&dbc, speed))
                .transpose()?,
            cycle_gap_ns: u64::from(file.cycle_gap_ms) * 1_000_000,
        })
    }

    /// Whether the map wants a frame; sources drop the others. `interface` is `None` where the
    /// source has only one bus, which then carries everything.
    #[must_use]
    pub fn accepts(&self, interface: Option<&str>, frame: &CanFrame) -> bool {
        let on = |wanted: Option<&str>| match (wanted, interface) {
            (Some(wanted), Some(interface)) => wanted == interface,
            _ => true,
        };
        if frame.remote || frame.error {
            return false;
        }
        let id = id_of(frame);
        (on(self.interface.as_deref()) && self.slot(id).is_some())
            || self
                .speed
                .as_ref()
                .is_some_and(|speed| speed.id == id && on(speed.interface.as_deref()))
    }

    /// The speed of a vehicle speed frame, m/s; outer `None` for other frames, inner where it does
    /// not decode.
    pub(super) fn speed_of(&self, frame: &CanFrame) -> Option<Option<f64>> {
        let speed = self
            .speed
            .as_ref()
            .filter(|speed| speed.id == id_of(frame))?;
        let values = speed
            .signals
            .iter()
            .map(|signal| signal.value(frame.payload()));
        let sum = values.sum::<Option<f64>>();
        let mean = sum.map(|sum| sum / speed.signals.len() as f64);
        let scaled = mean.map(|mean| match speed.unit {
            SpeedUnit::MetresPerSecond => mean,
            SpeedUnit::KilometresPerHour => mean / 3.6,
        });
        Some(scaled.filter(|speed| speed.abs() <= 150.0))
    }

    pub(super) fn track_message(&self, frame: &CanFrame) -> Option<(usize, &TrackMessage)> {
        let slot = self.slot(id_of(frame))?;
        Some((slot, self.tracks.get(slot)?))
    }

    /// One bit for each slot.
    pub(super) fn all_slots(&self) -> u128 {
        u128::MAX >> (MAX_SLOTS - self.tracks.len())
    }

    pub(super) fn cycle_gap_ns(&self) -> u64 {
        self.cycle_gap_ns
    }

    fn slot(&self, id: MessageId) -> Option<usize> {
        self.tracks
            .binary_search_by_key(&id.raw(), |track| track.id.raw())
            .ok()
    }
}

/// The frame's identifier as DBC files say it.
fn id_of(frame: &CanFrame) -> MessageId {
    match u16::try_from(frame.id) {
        Ok(id) if !frame.extended => MessageId::Standard(id),
        _ => MessageId::Extended(frame.id),
    }
}

fn message<'a>(dbc: &'a Dbc, name: &str) -> Result<&'a Message, CanMapError> {
    dbc.messages
        .iter()
        .find(|message| message.name == name)
        .ok_or_else(|| CanMapError::NoMessage(name.to_owned()))
}

fn signal(message: &Message, name: &str) -> Result<Signal, CanMapError> {
    message
        .signals
        .iter()
        .find(|signal| signal.name == name)
        .and_then(Signal::from_dbc)
        .ok_or_else(|| CanMapError::NoSignal {
            message: message.name.clone(),
            signal: name.to_owned(),
        })
}

fn track_message(of: &Message, file: &TracksFile) -> Result<TrackMessage, CanMapError> {
    let term = |term: &TermFile| {
        if !(term.sign.is_finite() && term.offset.is_finite()) {
            return Err(CanMapError::Number("sign or offset"));
        }
        Ok(Term {
            signal: signal(of, &term.signal)?,
            sign: term.sign,
            offset: term.offset,
        })
    };
    let optional = |name: &Option<String>| name.as_deref().map(|name| signal(of, name)).transpose();
    Ok(TrackMessage {
        id: of.id,
        forward: term(&file.forward)?,
        left: term(&file.left)?,
        rel_speed: term(&file.rel_speed)?,
        new_track: optional(&file.new_track)?,
        valid: optional(&file.valid)?,
    })
}

fn speed_message(dbc: &Dbc, file: SpeedFile) -> Result<SpeedMessage, CanMapError> {
    let of = message(dbc, &file.message)?;
    let signals = file
        .signals
        .iter()
        .map(|name| signal(of, name))
        .collect::<Result<Vec<_>, _>>()?;
    if signals.is_empty() {
        return Err(CanMapError::Number("vehicle_speed.signals"));
    }
    Ok(SpeedMessage {
        interface: file.interface,
        id: of.id,
        signals,
        unit: file.unit,
    })
}
