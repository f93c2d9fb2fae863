//! A bundle: the manifest, its signature and the files, as tar in zstd. The same files give the same
//! bytes, whoever packs them when and where.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, ensure};
use drafthorse_boards::BoardProfile;
use drafthorse_release::{
    ChunkEntry, Digest, FORMAT, FileEntry, MANIFEST, MAX_CHUNK, Manifest, SIGNATURE,
};
use fastcdc::v2020::FastCDC;

use super::content::Files;
use crate::keys::Signer;

/// Sizes of chunks, bytes: least, mean and greatest. Boundaries follow the content (FastCDC, Xia et
/// al. 2016/2020), so that bytes put into the middle of a file change the chunks around them alone.
const CHUNK: [usize; 3] = [1 << 15, 1 << 17, 1 << 19];
const _: () = assert!(CHUNK[2] <= MAX_CHUNK as usize);
/// Level of zstd.
const LEVEL: i32 = 6;

/// A bundle.
pub(super) struct Packed {
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
    /// Bytes of the files before compression.
    pub(super) content_bytes: u64,
}

/// Packs and signs.
pub(super) fn pack(
    profile: &BoardProfile,
    files: &Files,
    revision: &str,
    signer: &Signer,
) -> anyhow::Result<Packed> {
    let entries = files.iter().map(|(path, (bytes, executable))| FileEntry {
        path: path.clone(),
        executable: *executable,
        size: bytes.len() as u64,
        sha256: Digest::of(bytes),
        chunks: chunks(bytes).map(chunk).collect(),
    });
    let manifest = Manifest {
        format: FORMAT,
        id: String::new(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: revision.to_owned(),
        board: profile.name.clone(),
        architecture: profile.architecture().to_owned(),
        files: entries.collect(),
    }
    .named()?;
    let text = manifest.to_text()?;
    let signature = signer.sign(&text, &format!("{} for {}", manifest.id, manifest.board));
    let mut archive = tar::Builder::new(Vec::new());
    append(&mut archive, MANIFEST, &text, false)?;
    append(&mut archive, SIGNATURE, signature.as_bytes(), false)?;
    for (path, (bytes, executable)) in files {
        append(&mut archive, path, bytes, *executable)?;
    }
    Ok(Packed {
        id: manifest.id.clone(),
        bytes: zstd::encode_all(archive.into_inner()?.as_slice(), LEVEL)?,
        content_bytes: manifest.size(),
    })
}

fn chunks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let [least, mean, greatest] = CHUNK;
    FastCDC::new(bytes, least, mean, greatest)
        .map(|chunk| &bytes[chunk.offset..chunk.offset + chunk.length])
}

fn chunk(bytes: &[u8]) -> ChunkEntry {
    ChunkEntry {
        sha256: Digest::of(bytes),
        size: bytes.len() as u32,
    }
}

/// Nobody's file of the year 1970.
fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    path: &str,
    bytes: &[u8],
    executable: bool,
) -> anyhow::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(if executable { 0o555 } else { 0o444 });
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    archive
        .append_data(&mut header, path, bytes)
        .with_context(|| format!("{path} does not fit into the archive"))
}

/// A bundle that was read back.
pub(crate) struct Bundle {
    pub(crate) manifest: Manifest,
    /// The signed text.
    pub(crate) text: String,
    pub(crate) signature: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    /// The bytes of all distinct chunks.
    pub(crate) fn chunks(&self) -> BTreeMap<Digest, &[u8]> {
        let mut found = BTreeMap::new();
        for entry in &self.manifest.files {
            let Some(bytes) = self.files.get(&entry.path) else {
                continue;
            };
            let mut rest = bytes.as_slice();
            for chunk in &entry.chunks {
                let (bytes, behind) = rest.split_at((chunk.size as usize).min(rest.len()));
                found.insert(chunk.sha256, bytes);
                rest = behind;
            }
        }
        found
    }

    /// A file's bytes.
    pub(crate) fn file(&self, path: &str) -> anyhow::Result<&[u8]> {
        let bytes = self.files.get(path).map(Vec::as_slice);
        bytes.with_context(|| format!("the bundle has no {path}"))
    }
}

/// Reads a bundle. Whether it is to be trusted is for the device to say.
pub(crate) fn open(path: &Path) -> anyhow::Result<Bundle> {
    read(path).with_context(|| {
        let path = path.display();
        format!("{path} is no bundle of `cargo xtask bundle`, or only a part of one")
    })
}

fn read(path: &Path) -> anyhow::Result<Bundle> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(std::fs::File::open(path)?)?);
    let mut files = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(name, bytes);
    }
    let mut text = |name: &str| -> anyhow::Result<String> {
        let bytes = files
            .remove(name)
            .with_context(|| format!("it has no {name}"))?;
        Ok(String::from_utf8(bytes)?)
    };
    let (text, signature) = (text(MANIFEST)?, text(SIGNATURE)?);
    let manifest = Manifest::parse(text.as_bytes())?;
    for entry in &manifest.files {
        let size = files.get(&entry.path).map(|bytes| bytes.len() as u64);
        ensure!(size == Some(entry.size), "{} is not whole", entry.path);
    }
    Ok(Bundle {
        manifest,
        text,
        signature,
        files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::signer;

    fn files(seed: u32, length: usize) -> Files {
        let mut state = seed;
        let noise = (0..length).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        Files::from([
            ("bin/drafthorse".to_owned(), (noise.collect(), true)),
            (
                "models/net/model.toml".to_owned(),
                (b"x = 1\n".to_vec(), false),
            ),
        ])
    }

    #[test]
    fn the_same_files_give_the_same_bytes_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let profile = drafthorse_boards::host();
        let (signer, _) = signer(folder.path());
        let pack = || pack(&profile, &files(1, 2_000_000), "abc", &signer).unwrap();
        let packed = pack();
        assert!(packed.bytes == pack().bytes);
        let path = folder.path().join("bundle");
        std::fs::write(&path, &packed.bytes).unwrap();
        let bundle = open(&path).unwrap();
        assert_eq!(bundle.manifest.id, packed.id);
        let chunks = bundle.chunks();
        assert!(chunks.len() > 4, "{}", chunks.len());
        assert!(
            chunks
                .iter()
                .all(|(digest, bytes)| Digest::of(bytes) == *digest)
        );
        for cut in [0, 10, packed.bytes.len() / 2, packed.bytes.len() - 1] {
            std::fs::write(&path, &packed.bytes[..cut]).unwrap();
            assert!(open(&path).is_err(), "{cut}");
        }
    }

    #[test]
    fn bytes_put_into_a_file_change_few_chunks() {
        let before = files(2, 8_000_000)["bin/drafthorse"].0.clone();
        let mut after = before.clone();
        after.splice(3_000_000..3_000_000, *b"some new code");
        let digests = |bytes: &[u8]| -> Vec<_> { chunks(bytes).map(|c| chunk(c).sha256).collect() };
        let known = digests(&before);
        let new = digests(&after).into_iter().filter(|d| !known.contains(d));
        assert!((1..=3).contains(&new.count()));
    }
}
