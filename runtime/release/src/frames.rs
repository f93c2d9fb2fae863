//! Chunks on their way: for each its digest, the length of its compressed bytes and these; at the
//! end a frame without bytes and with a digest of zeros.

use crate::digest::Digest;
use crate::error::ReleaseError;
use std::io::{self, Read, Write};

/// The digest that ends a stream.
const END: Digest = Digest([0; 32]);
/// Level of zstd: the transfer is slower than this.
const LEVEL: i32 = 6;

/// Writes chunks.
pub struct FrameWriter<W>(W);

impl<W: Write> FrameWriter<W> {
    /// Onto a writer.
    pub fn new(writer: W) -> Self {
        Self(writer)
    }

    /// Writes a chunk, compressed, and gives the number of bytes that took.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn write(&mut self, chunk: &[u8]) -> io::Result<u64> {
        let packed = zstd::bulk::compress(chunk, LEVEL)?;
        let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
        self.0.write_all(&Digest::of(chunk).0)?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(&packed)?;
        Ok(36 + u64::from(length))
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.write_all(&END.0)?;
        self.0.write_all(&0_u32.to_le_bytes())?;
        self.0.flush()
    }
}

/// Reads chunks.
pub struct FrameReader<R>(R);

impl<R: Read> FrameReader<R> {
    /// From a reader.
    pub fn new(reader: R) -> Self {
        Self(reader)
    }

    /// The next chunk, checked against its digest; none at the end. `size` says how many bytes the
    /// chunk of a digest has, and none where it is not wanted.
    ///
    /// # Errors
    /// [`ReleaseError::BrokenTransfer`] where the stream ends too early,
    /// [`ReleaseError::WrongChunk`] where it holds what was not asked for.
    pub fn next(
        &mut self,
        size: impl FnOnce(&Digest) -> Option<u32>,
    ) -> Result<Option<(Digest, Vec<u8>)>, ReleaseError> {
        let broken = |error: io::Error| ReleaseError::BrokenTransfer(error.to_string());
        let mut head = [0; 36];
        self.0.read_exact(&mut head).map_err(broken)?;
        let (digest, length) = head.split_at(32);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest);
        let digest = Digest(bytes);
        let length = length
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        if digest == END && length == 0 {
            return Ok(None);
        }
        let wrong = |what: &str| ReleaseError::WrongChunk(format!("{digest}: {what}"));
        let size = size(&digest).ok_or_else(|| wrong("nobody asked for it"))? as usize;
        if length > zstd::zstd_safe::compress_bound(size) {
            return Err(wrong("it is longer than it can be"));
        }
        let mut packed = vec![0; length];
        self.0.read_exact(&mut packed).map_err(broken)?;
        let chunk =
            zstd::bulk::decompress(&packed, size).map_err(|error| wrong(&error.to_string()))?;
        if chunk.len() != size || Digest::of(&chunk) != digest {
            return Err(wrong("its bytes are others"));
        }
        Ok(Some((digest, chunk)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::new(&mut bytes);
        for chunk in chunks {
            writer.write(chunk).unwrap();
        }
        writer.finish().unwrap();
        bytes
    }

    fn read(bytes: &[u8], chunks: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ReleaseError> {
        let mut reader = FrameReader::new(bytes);
        let mut read = Vec::new();
        let size = |digest: &Digest| {
            let chunk = chunks.iter().find(|chunk| Digest::of(chunk) == *digest)?;
            Some(chunk.len() as u32)
        };
        while let Some((_, chunk)) = reader.next(size)? {
            read.push(chunk);
        }
        Ok(read)
    }

    proptest! {
        #[test]
        fn chunks_arrive_whole_or_not_at_all(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..5),
            at: prop::sample::Index,
            new: u8,
        ) {
            let bytes = stream(&chunks);
            prop_assert_eq!(&read(&bytes, &chunks).unwrap(), &chunks);
            let at = at.index(bytes.len());
            prop_assert!(read(&bytes[..at], &chunks).is_err());
            let mut changed = bytes;
            changed[at] = new;
            // What is accepted are chunks that were asked for, whatever the stream holds.
            if let Ok(read) = read(&changed, &chunks) {
                prop_assert!(read.iter().all(|chunk| chunks.contains(chunk)));
            }
        }
    }
}
