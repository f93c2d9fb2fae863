//! Packets from points, for tests and simulation.

use super::{
    HEADER_BYTES, MAGIC, MAX_PACKET_BYTES, PointsType, TLV_COMPRESSED_POINTS, TLV_POINTS,
    TLV_SIDE_INFO, TiError, TiHeader,
};

/// A point in TI's axes as the wire has it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TiPoint {
    /// Right, m.
    pub x_m: f32,
    /// Forward, m.
    pub y_m: f32,
    /// Up, m.
    pub z_m: f32,
    /// Range rate, m/s, positive recedes.
    pub speed_mps: f32,
    /// SNR, dB.
    pub snr_db: f32,
    /// Noise, dB.
    pub noise_db: f32,
}

/// Units of encoded compressed points: m, m/s, dB, dB.
const UNITS: [f32; 4] = [0.01, 0.01, 0.25, 1.0];

/// Encodes one packet padded to 32 bytes: as [`PointsType::Float`] types 1 and 7, as
/// [`PointsType::Compressed`] type 301 in steps of 1 cm, 1 cm/s and 0.25 dB. Counts and lengths of
/// the header are set to what the packet needs.
///
/// # Errors
/// [`TiError::WrongLength`] where the packet would be longer than [`MAX_PACKET_BYTES`], and
/// [`TiError::ItemLength`] above 65,535 compressed points.
pub fn encode_packet(
    header: &TiHeader,
    points: &[TiPoint],
    kind: PointsType,
    out: &mut Vec<u8>,
) -> Result<(), TiError> {
    out.clear();
    out.extend_from_slice(&MAGIC);
    out.resize(HEADER_BYTES, 0);
    let items = match kind {
        PointsType::None => 0,
        PointsType::Float => {
            item(out, TLV_POINTS, points.len() * 16);
            for p in points {
                for value in [p.x_m, p.y_m, p.z_m, p.speed_mps] {
                    out.extend_from_slice(&value.to_le_bytes());
                }
            }
            item(out, TLV_SIDE_INFO, points.len() * 4);
            for p in points {
                for value in [p.snr_db, p.noise_db] {
                    out.extend_from_slice(&((value * 10.0).round() as u16).to_le_bytes());
                }
            }
            2
        }
        PointsType::Compressed => {
            let length = points.len() * 10 + 20;
            let count = u16::try_from(points.len()).map_err(|_| TiError::ItemLength {
                kind: TLV_COMPRESSED_POINTS,
                length: u32::try_from(length).unwrap_or(u32::MAX),
            })?;
            item(out, TLV_COMPRESSED_POINTS, length);
            let [xyz, speed, snr, noise] = UNITS;
            for unit in UNITS {
                out.extend_from_slice(&unit.to_le_bytes());
            }
            out.extend_from_slice(&count.to_le_bytes());
            out.extend_from_slice(&0_u16.to_le_bytes());
            for p in points {
                for value in [p.x_m / xyz, p.y_m / xyz, p.z_m / xyz, p.speed_mps / speed] {
                    out.extend_from_slice(&(value.round() as i16).to_le_bytes());
                }
                out.push((p.snr_db / snr).round() as u8);
                out.push((p.noise_db / noise).round() as u8);
            }
            1
        }
    };
    out.resize(out.len().next_multiple_of(32), 0);
    let length = u32::try_from(out.len()).unwrap_or(u32::MAX);
    if out.len() > MAX_PACKET_BYTES {
        return Err(TiError::WrongLength {
            field: length,
            actual: out.len(),
        });
    }
    let detected = u32::try_from(points.len()).unwrap_or(u32::MAX);
    let words = [
        header.version,
        length,
        header.platform,
        header.frame,
        header.cpu_cycles,
        detected,
        items,
        header.subframe,
    ];
    for (slot, word) in out
        .iter_mut()
        .skip(MAGIC.len())
        .zip(words.iter().flat_map(|w| w.to_le_bytes()))
    {
        *slot = word;
    }
    Ok(())
}

fn item(out: &mut Vec<u8>, kind: u32, length: usize) {
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}
