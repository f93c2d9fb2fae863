//! What a sync microcontroller's messages are in the log.

use drafthorse_link::{Edge, Imu, Line, Status, VERSION};
use serde::{Deserialize, Serialize};

/// The data of one raw message of the format [`Sync`](drafthorse_core::RawFormat::Sync): the version of the
/// link, then this as postcard writes it. The message's capture stamp is the record's time of the
/// microcontroller on the vehicle clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum SyncRecord {
    /// A line rose.
    Edge(Edge),
    /// A sample of the inertial sensor.
    Imu(Imu),
    /// The microcontroller's report on itself.
    Status(Status),
    /// The microcontroller's clock beside the vehicle's, each second.
    Clock(SyncClock),
}

/// State of the microcontroller's clock and of the line to it. Counts are of this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncClock {
    /// The microcontroller's session.
    pub session: u16,
    /// A time of the microcontroller, ns of its clock.
    pub at_mcu_ns: u64,
    /// The same time on the vehicle clock, ns.
    pub at_ns: u64,
    /// By how much the vehicle clock gains on the microcontroller's, ns a second.
    pub drift_nsps: f64,
    /// Standard deviation of `at_ns` under the filter's model, ns.
    pub std_ns: f64,
    /// Half the shortest round trip of late, ns.
    pub half_round_trip_ns: u64,
    /// The last edge of the PPS on the vehicle clock, less the nearest whole second, ns.
    pub pps_offset_ns: Option<i64>,
    /// Exchanges of time that counted.
    pub exchanges: u32,
    /// Exchanges that did not.
    pub exchanges_rejected: u32,
    /// Frames refused here.
    pub frames_refused: u32,
    /// Frames that sequence numbers leave out, refused ones among them.
    pub frames_missing: u32,
}

impl SyncRecord {
    /// Writes the data of a raw message.
    pub fn encode(&self, data: &mut Vec<u8>) {
        data.clear();
        data.push(VERSION);
        // Into a vector of bytes nothing can fail; the capacity stays.
        if let Ok(whole) = postcard::to_extend(self, std::mem::take(data)) {
            *data = whole;
        }
    }

    /// Reads the data of a raw message.
    ///
    /// # Errors
    /// Why not, in one sentence.
    pub fn decode(data: &[u8]) -> Result<Self, String> {
        match data.split_first() {
            Some((&VERSION, record)) => match postcard::take_from_bytes(record) {
                Ok((record, [])) => Ok(record),
                Ok((_, rest)) => Err(format!("{} bytes follow a sync record", rest.len())),
                Err(error) => Err(format!("the bytes are no sync record: {error}")),
            },
            Some((version, _)) => Err(format!(
                "a sync record is of version {version} and this program reads {VERSION}"
            )),
            None => Err("a sync record is empty".to_owned()),
        }
    }

    /// Which of the interleaved streams it belongs to: within one, capture stamps only grow.
    #[must_use]
    pub fn stream(&self) -> u16 {
        match self {
            Self::Edge(edge) => match edge.line {
                Line::Trigger(output) => 0x100 | u16::from(output),
                Line::Pps => 0x200,
                Line::Input(input) => 0x300 | u16::from(input),
            },
            Self::Imu(_) => 1,
            Self::Status(_) => 2,
            Self::Clock(_) => 3,
        }
    }
}
