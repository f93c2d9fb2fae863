//! Chunk compression both ways: LZ4 frames and Zstandard, with bounds on what garbage may cost.

use std::io::{self, Read as _};

use crate::config::Compression;
use crate::format::put_u32;

/// Magic number, then a descriptor that says: independent blocks of at most 4 MiB, no checksums
/// (the chunk has its own), no content size; then the descriptor's checksum byte.
const LZ4_FRAME_HEAD: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73];
const LZ4_BLOCK_BYTES: usize = 4 << 20;
/// Set in a block's size when the block is stored as it is.
const LZ4_STORED: u32 = 1 << 31;
/// No chunk may claim to be larger than this once decompressed.
const MAX_CHUNK_BYTES: u64 = 1 << 30;

/// A compressor with its reusable memory.
pub(crate) struct Compressor {
    zstd: Option<zstd::bulk::Compressor<'static>>,
    kind: Compression,
}

impl Compressor {
    pub(crate) fn new(kind: Compression) -> io::Result<Self> {
        let zstd = match kind {
            Compression::Zstd => Some(zstd::bulk::Compressor::new(1)?),
            Compression::None | Compression::Lz4 => None,
        };
        Ok(Self { zstd, kind })
    }

    /// Name in the chunk header.
    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            Compression::None => "",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }

    /// Appends the compressed `input` to `out`; `false`, and nothing appended, when that would
    /// not be smaller.
    pub(crate) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<bool> {
        let start = out.len();
        match &mut self.zstd {
            Some(zstd) => {
                let room = zstd::zstd_safe::compress_bound(input.len());
                out.resize(start + room, 0);
                let length = zstd.compress_to_buffer(input, &mut out[start..])?;
                out.truncate(start + length);
            }
            None if self.kind == Compression::Lz4 => lz4_frame(input, out)?,
            None => return Ok(false),
        }
        if out.len() - start >= input.len() {
            out.truncate(start);
            return Ok(false);
        }
        Ok(true)
    }
}

fn lz4_frame(input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(&LZ4_FRAME_HEAD);
    for block in input.chunks(LZ4_BLOCK_BYTES) {
        let at = out.len() + 4;
        out.resize(at + lz4::block::compress_bound(block.len())?, 0);
        let length = lz4::block::compress_to_buffer(block, None, false, &mut out[at..])?;
        let mut size = length as u32;
        out.truncate(at + length);
        if length >= block.len() {
            size = block.len() as u32 | LZ4_STORED;
            out.truncate(at);
            out.extend_from_slice(block);
        }
        out[at - 4..at].copy_from_slice(&size.to_le_bytes());
    }
    put_u32(out, 0);
    Ok(())
}

/// Fills `out` with the decompressed chunk of exactly `size` bytes. Says what is wrong otherwise.
/// Memory grows with what really comes out, up to what the compressed length can stand for.
pub(crate) fn decompress(
    kind: &str,
    input: &[u8],
    size: u64,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    out.clear();
    // The densest that either format can be: 255 bytes a byte for LZ4, a block of 128 KiB in
    // four bytes for Zstandard.
    let densest = match kind {
        "lz4" => 255,
        "zstd" => 32 << 10,
        _ => return Err("a chunk is compressed in a way that is not lz4 or zstd"),
    };
    if size > MAX_CHUNK_BYTES || size > (input.len() as u64).saturating_mul(densest) {
        return Err("a chunk claims more data than its bytes can hold");
    }
    let read = match kind {
        "lz4" => lz4::Decoder::new(input).and_then(|d| d.take(size + 1).read_to_end(out)),
        _ => zstd::stream::read::Decoder::with_buffer(input)
            .and_then(|d| d.take(size + 1).read_to_end(out)),
    };
    match read {
        Ok(length) if length as u64 == size => Ok(()),
        Ok(_) => Err("a chunk does not decompress to the size that it states"),
        Err(_) => Err("a chunk does not decompress"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Compressor, decompress};
    use crate::config::Compression;

    fn sample(length: usize, noise: u32) -> Vec<u8> {
        let mut state = 7u32;
        let step = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (if state >> 24 < noise { state >> 16 } else { 0 }) as u8
        };
        (0..length).map(step).collect()
    }

    #[test]
    fn each_format_gives_back_what_it_took() {
        for (kind, name) in [(Compression::Lz4, "lz4"), (Compression::Zstd, "zstd")] {
            let mut compressor = Compressor::new(kind).unwrap();
            for length in [100, 4096, 1 << 20, (9 << 20) + 3] {
                for noise in [0, 20, 250] {
                    let input = sample(length, noise);
                    let mut packed = vec![1, 2, 3];
                    if compressor.compress(&input, &mut packed).unwrap() {
                        assert!(packed.len() - 3 < length);
                        let mut out = Vec::new();
                        decompress(name, &packed[3..], length as u64, &mut out).unwrap();
                        assert_eq!(out, input);
                    } else {
                        assert_eq!(packed, [1, 2, 3]);
                        assert!(noise > 100 || length < 200);
                    }
                }
            }
        }
    }

    #[test]
    fn a_wrong_size_is_refused() {
        let mut packed = Vec::new();
        let mut compressor = Compressor::new(Compression::Lz4).unwrap();
        assert!(compressor.compress(&[0; 5000], &mut packed).unwrap());
        let mut out = Vec::new();
        for size in [0, 4999, 5001, 1 << 29, u64::MAX] {
            assert!(decompress("lz4", &packed, size, &mut out).is_err());
        }
        assert!(decompress("lz4", &packed, 5000, &mut out).is_ok());
    }
}
