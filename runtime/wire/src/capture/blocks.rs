//! Records of pcap and blocks of pcapng, one at a time, with stamps in nanoseconds.

use super::{CaptureError, MAX_RECORD_BYTES};
use crate::bytes::array;
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, PcapError, nom};

/// What one step over the bytes gave.
pub(super) enum Step {
    /// More bytes are needed.
    More,
    /// That many bytes held no packet.
    Skip(usize),
    /// That many bytes held a packet.
    Packet {
        /// Bytes used.
        used: usize,
        /// Capture stamp, ns.
        ns: u64,
        /// Link type.
        link: i32,
        /// Where the packet's bytes are within the bytes used.
        data: std::ops::Range<usize>,
        /// The capture kept only a part of the packet.
        cut: bool,
    },
}

/// An interface of a pcapng section.
#[derive(Clone, Debug)]
struct Interface {
    link: i32,
    /// Stamp units a second.
    resolution: u64,
    offset_s: i64,
}

/// What is known of the capture so far.
#[derive(Clone, Debug, Default)]
pub(super) enum Format {
    /// Nothing read yet.
    #[default]
    Unknown,
    /// pcap.
    Legacy(Legacy),
    /// pcapng.
    Ng(Ng),
}

#[derive(Clone, Debug)]
pub(super) struct Legacy {
    big_endian: bool,
    modified: bool,
    nanoseconds: bool,
    link: i32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Ng {
    big_endian: bool,
    interfaces: Vec<Interface>,
}

const SECTION_HEADER: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
/// Interfaces that are believed in one section.
const MAX_INTERFACES: usize = 4096;

impl Format {
    /// One step; the position is only for errors.
    pub(super) fn step(&mut self, bytes: &[u8], at: u64) -> Result<Step, CaptureError> {
        match self {
            Self::Unknown => self.start(bytes),
            Self::Legacy(legacy) => legacy.step(bytes, at),
            Self::Ng(ng) => ng.step(bytes, at),
        }
    }

    fn start(&mut self, bytes: &[u8]) -> Result<Step, CaptureError> {
        let Some(magic) = array::<4>(bytes, 0) else {
            return Ok(Step::More);
        };
        if magic == SECTION_HEADER {
            *self = Self::Ng(Ng::default());
            return Ok(Step::Skip(0));
        }
        match pcap_parser::parse_pcap_header(bytes) {
            Ok((rest, header)) => {
                *self = Self::Legacy(Legacy {
                    big_endian: header.is_bigendian(),
                    modified: header.is_modified_format(),
                    nanoseconds: header.is_nanosecond_precision(),
                    link: header.network.0,
                });
                Ok(Step::Skip(bytes.len() - rest.len()))
            }
            Err(nom::Err::Incomplete(_)) => Ok(Step::More),
            Err(_) => Err(CaptureError::NotACapture),
        }
    }
}

/// Where `inner` lies within `outer`, by its length and the bytes after it.
fn offset_of(outer: &[u8], inner: &[u8]) -> usize {
    (inner.as_ptr() as usize)
        .saturating_sub(outer.as_ptr() as usize)
        .min(outer.len())
}

impl Legacy {
    fn step(&self, bytes: &[u8], at: u64) -> Result<Step, CaptureError> {
        let Some(length) = array::<4>(bytes, 8) else {
            return Ok(Step::More);
        };
        let length = if self.big_endian {
            u32::from_be_bytes(length)
        } else {
            u32::from_le_bytes(length)
        };
        if length as usize > MAX_RECORD_BYTES {
            return Err(CaptureError::Corrupt { at });
        }
        let parsed = match (self.modified, self.big_endian) {
            (true, _) => pcap_parser::parse_pcap_frame_modified(bytes),
            (_, true) => pcap_parser::parse_pcap_frame_be(bytes),
            _ => pcap_parser::parse_pcap_frame(bytes),
        };
        match parsed {
            Ok((rest, record)) => {
                let unit_ns = if self.nanoseconds { 1 } else { 1_000 };
                let start = offset_of(bytes, record.data);
                Ok(Step::Packet {
                    used: bytes.len() - rest.len(),
                    ns: u64::from(record.ts_sec) * 1_000_000_000
                        + u64::from(record.ts_usec) * unit_ns,
                    link: self.link,
                    data: start..start + record.data.len(),
                    cut: record.origlen > record.caplen,
                })
            }
            Err(nom::Err::Incomplete(_)) => Ok(Step::More),
            Err(_) => Err(CaptureError::Corrupt { at }),
        }
    }
}

impl Ng {
    fn step(&mut self, bytes: &[u8], at: u64) -> Result<Step, CaptureError> {
        let (Some(kind), Some(length)) = (array::<4>(bytes, 0), array::<4>(bytes, 4)) else {
            return Ok(Step::More);
        };
        if kind == SECTION_HEADER {
            let Some(order) = array::<4>(bytes, 8) else {
                return Ok(Step::More);
            };
            self.big_endian = match order {
                [0x1A, 0x2B, 0x3C, 0x4D] => true,
                [0x4D, 0x3C, 0x2B, 0x1A] => false,
                _ => return Err(CaptureError::Corrupt { at }),
            };
        }
        let length = if self.big_endian {
            u32::from_be_bytes(length)
        } else {
            u32::from_le_bytes(length)
        };
        let length = length as usize;
        if !(12..=MAX_RECORD_BYTES).contains(&length) || !length.is_multiple_of(4) {
            return Err(CaptureError::Corrupt { at });
        }
        // Only whole blocks go to the parser, so that what it says about missing bytes is final.
        let Some(block) = bytes.get(..length) else {
            return Ok(Step::More);
        };
        let parsed = if self.big_endian {
            pcap_parser::parse_block_be(block)
        } else {
            pcap_parser::parse_block_le(block)
        };
        let parsed = match parsed {
            Ok((_, parsed)) => parsed,
            Err(nom::Err::Error(PcapError::HeaderNotRecognized)) => {
                return Err(CaptureError::NotACapture);
            }
            Err(_) => return Err(CaptureError::Corrupt { at }),
        };
        self.apply(&parsed, block)
            .ok_or(CaptureError::Corrupt { at })
    }

    fn apply(&mut self, parsed: &Block<'_>, block: &[u8]) -> Option<Step> {
        let used = block.len();
        match parsed {
            Block::SectionHeader(_) => self.interfaces.clear(),
            Block::InterfaceDescription(interface) => {
                if self.interfaces.len() >= MAX_INTERFACES {
                    return None;
                }
                self.interfaces.push(Interface {
                    link: interface.linktype.0,
                    resolution: interface.ts_resolution().filter(|units| *units > 0)?,
                    offset_s: interface.ts_offset(),
                });
            }
            Block::EnhancedPacket(packet) => {
                let interface = self.interfaces.get(packet.if_id as usize)?;
                let data = packet.packet_data();
                let start = offset_of(block, data);
                let units = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                return Some(Step::Packet {
                    used,
                    ns: interface.ns(units)?,
                    link: interface.link,
                    data: start..start + data.len(),
                    cut: packet.origlen > packet.caplen,
                });
            }
            // A simple packet block has no stamp; it cannot be placed in time.
            _ => {}
        }
        Some(Step::Skip(used))
    }
}

impl Interface {
    /// Stamp units to nanoseconds since the epoch, in integers throughout.
    fn ns(&self, units: u64) -> Option<u64> {
        let ns = i128::from(units) * 1_000_000_000 / i128::from(self.resolution)
            + i128::from(self.offset_s) * 1_000_000_000;
        u64::try_from(ns).ok()
    }
}
