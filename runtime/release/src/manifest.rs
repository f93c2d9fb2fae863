//! The manifest of a release: each file with its digest and the chunks that make it up.

use crate::digest::Digest;
use crate::error::ReleaseError;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Format of manifests that this version writes and reads.
pub const FORMAT: u32 = 1;
/// Name of the manifest in a release.
pub const MANIFEST: &str = "manifest.json";
/// Name of the manifest's signature in a release.
pub const SIGNATURE: &str = "manifest.json.minisig";
/// The program in a release.
pub const PROGRAM: &str = "bin/drafthorse";
/// Largest chunk, bytes.
pub const MAX_CHUNK: u32 = 4 << 20;
/// Largest manifest, bytes.
pub(crate) const MAX_MANIFEST: u64 = 32 << 20;

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkEntry {
    /// Digest of its bytes.
    pub sha256: Digest,
    /// Number of its bytes, at most [`MAX_CHUNK`].
    pub size: u32,
}

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Where it lies in the release, with `/` between folders.
    pub path: String,
    /// Whether it is a program.
    pub executable: bool,
    /// Number of its bytes.
    pub size: u64,
    /// Digest of its bytes.
    pub sha256: Digest,
    /// Its chunks in order.
    pub chunks: Vec<ChunkEntry>,
}

/// All of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the release: its version and the beginning of a digest of all else in the manifest.
    pub id: String,
    /// Version of the program.
    pub version: String,
    /// Revision it was built from.
    pub revision: String,
    /// Board it was built for.
    pub board: String,
    /// Processor architecture of its program, as Rust names it.
    pub architecture: String,
    /// Files, sorted by path.
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`ReleaseError::Manifest`] with what is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, ReleaseError> {
        let manifest: Self = serde_json::from_slice(text)
            .map_err(|error| ReleaseError::Manifest(error.to_string()))?;
        manifest.check().map_err(ReleaseError::Manifest)?;
        Ok(manifest)
    }

    /// The text that is signed.
    ///
    /// # Errors
    /// [`ReleaseError::Manifest`] where it could not be read again.
    pub fn to_text(&self) -> Result<Vec<u8>, ReleaseError> {
        self.check().map_err(ReleaseError::Manifest)?;
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| ReleaseError::Manifest(error.to_string()))?;
        text.push(b'\n');
        Ok(text)
    }

    /// The same with the name that follows from its content.
    ///
    /// # Errors
    /// [`ReleaseError::Manifest`] where it has no text.
    pub fn named(mut self) -> Result<Self, ReleaseError> {
        self.id = self.content_name().map_err(ReleaseError::Manifest)?;
        Ok(self)
    }

    fn content_name(&self) -> Result<String, String> {
        let nameless = Self {
            id: String::new(),
            ..self.clone()
        };
        let text = serde_json::to_vec(&nameless).map_err(|error| error.to_string())?;
        let digest = Digest::of(&text).to_string();
        Ok(format!("{}-{}", self.version, &digest[..12]))
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            let format = self.format;
            return Err(format!("its format is {format}, {FORMAT} is known here"));
        }
        if !is_plain(&self.version) || !is_plain(&self.board) {
            return Err(
                "version and board must be of letters, digits, `.`, `-` and `+`".to_owned(),
            );
        }
        let name = self.content_name()?;
        if self.id != name {
            return Err(format!("it is named {} and its content {name}", self.id));
        }
        let mut paths = BTreeSet::new();
        for file in &self.files {
            let path = &file.path;
            check_path(path)?;
            if !paths.insert(path.as_str()) {
                return Err(format!("{path} is there twice"));
            }
            let size: u64 = file.chunks.iter().map(|chunk| u64::from(chunk.size)).sum();
            if size != file.size {
                let said = file.size;
                return Err(format!("{path} has {said} bytes, its chunks {size}"));
            }
            if file
                .chunks
                .iter()
                .any(|c| c.size == 0 || c.size > MAX_CHUNK)
            {
                return Err(format!("{path} has a chunk of an impossible size"));
            }
        }
        let mut sizes = BTreeMap::new();
        for chunk in self.chunks() {
            if *sizes.entry(chunk.sha256).or_insert(chunk.size) != chunk.size {
                return Err(format!("the chunk {} has two sizes", chunk.sha256));
            }
        }
        for path in &paths {
            let mut above = *path;
            while let Some((folder, _)) = above.rsplit_once('/') {
                if paths.contains(folder) {
                    return Err(format!("{folder} is a file and a folder"));
                }
                above = folder;
            }
        }
        match self.files.iter().find(|file| file.path == PROGRAM) {
            Some(program) if program.executable => Ok(()),
            _ => Err(format!("it has no program {PROGRAM}")),
        }
    }

    /// All chunks in order, repeated ones too.
    pub fn chunks(&self) -> impl Iterator<Item = &ChunkEntry> {
        self.files.iter().flat_map(|file| &file.chunks)
    }

    /// Each chunk once, with its size.
    #[must_use]
    pub fn distinct_chunks(&self) -> BTreeMap<Digest, u32> {
        self.chunks().map(|c| (c.sha256, c.size)).collect()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.chars().all(allowed)
}

/// A relative path of ordinary names that is not one of the release's own files.
fn check_path(path: &str) -> Result<(), String> {
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.len() <= 128
            && !part.chars().any(|c| c.is_control() || c == '\\')
    };
    if path.len() > 512 || !path.split('/').all(is_name) || path == MANIFEST || path == SIGNATURE {
        return Err(format!("{path:?} is no path of a release"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::tests::manifest_of;
    use proptest::prelude::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let manifest = manifest_of(&[(PROGRAM, b"program"), ("models/a/model.onnx", b"net")]);
        assert_eq!(
            Manifest::parse(&manifest.to_text().unwrap()).unwrap(),
            manifest
        );
        assert!(manifest.id.starts_with("0.1.0-"), "{}", manifest.id);
    }

    #[test]
    fn faulty_manifests_are_refused() {
        let whole = manifest_of(&[(PROGRAM, b"program"), ("a/b", b"x")]);
        let refused = |change: &dyn Fn(&mut Manifest), word: &str| {
            let mut faulty = whole.clone();
            change(&mut faulty);
            let error = faulty.clone().named().unwrap().to_text().unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        };
        refused(&|m| m.format = 2, "format");
        refused(&|m| m.version = "../1".into(), "version");
        refused(&|m| m.board = String::new(), "board");
        for path in [
            "../x",
            "/etc/passwd",
            "a/../b",
            "a//b",
            ".x",
            "a/./b",
            "",
            MANIFEST,
            "a\nb",
        ] {
            refused(&|m| m.files[1].path = path.into(), "no path");
        }
        refused(&|m| m.files[1].path = PROGRAM.into(), "twice");
        refused(&|m| m.files[1].path = "bin".into(), "file and a folder");
        refused(&|m| m.files[1].size = 9, "chunks");
        refused(&|m| m.files[0].executable = false, "program");
        refused(&|m| m.files[0].path = "bin/other".into(), "program");
        refused(
            &|m| {
                m.files[1].chunks[0].size = MAX_CHUNK + 1;
                m.files[1].size = u64::from(MAX_CHUNK) + 1;
            },
            "size",
        );
        let mut renamed = whole.clone();
        renamed.id = "0.1.0-000000000000".into();
        assert!(renamed.to_text().is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_manifest_or_an_error(bytes: Vec<u8>, at in 0usize..400, new: u8) {
            let _ = Manifest::parse(&bytes);
            let mut text = manifest_of(&[(PROGRAM, b"program")]).to_text().unwrap();
            let length = text.len();
            text[at % length] = new;
            let _ = Manifest::parse(&text);
        }
    }
}
