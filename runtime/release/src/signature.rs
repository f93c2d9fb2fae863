//! Signatures in minisign's format (ed25519 over BLAKE2b), and the keys that a device trusts.

use crate::digest::Digest;
use crate::error::ReleaseError;
use minisign_verify::{PublicKey, Signature};
use std::fs;
use std::path::Path;

/// The public keys that a device trusts.
pub struct TrustedKeys(Vec<(PublicKey, String)>);

impl TrustedKeys {
    /// Reads all files `*.pub` of a folder.
    ///
    /// # Errors
    /// [`ReleaseError::NoKeys`] where there is none, [`ReleaseError::Key`] where one cannot be read.
    pub fn read(folder: &Path) -> Result<Self, ReleaseError> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == "pub") {
                let text = fs::read_to_string(&path).map_err(ReleaseError::io("read", &path))?;
                let key = PublicKey::decode(text.trim()).map_err(|error| ReleaseError::Key {
                    path,
                    why: error.to_string(),
                })?;
                keys.push((key, Self::fingerprint(&text)));
            }
        }
        if keys.is_empty() {
            return Err(ReleaseError::NoKeys {
                folder: folder.to_owned(),
            });
        }
        keys.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(Self(keys))
    }

    /// Checks that one of the keys signed the bytes. minisign's older signatures, which are not over
    /// a hash, are refused.
    ///
    /// # Errors
    /// [`ReleaseError::Untrusted`].
    pub fn verify(&self, bytes: &[u8], signature: &str) -> Result<(), ReleaseError> {
        let untrusted = |why: String| ReleaseError::Untrusted { why };
        let signature =
            Signature::decode(signature).map_err(|error| untrusted(error.to_string()))?;
        let mut why = String::new();
        for (key, fingerprint) in &self.0 {
            match key.verify(bytes, &signature, false) {
                Ok(()) => return Ok(()),
                Err(error) => why = format!("{error} (key {fingerprint})"),
            }
        }
        Err(untrusted(why))
    }

    /// What people compare: the digest of the key's line in its file.
    #[must_use]
    pub fn fingerprint(text: &str) -> String {
        let line = text.trim().lines().last().unwrap_or_default().trim();
        format!("SHA256:{}", Digest::of(line.as_bytes()))
    }

    /// The fingerprints of all keys.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, fingerprint)| fingerprint.as_str())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::manifest::{ChunkEntry, FORMAT, FileEntry, Manifest, PROGRAM};
    use minisign::KeyPair;

    /// A manifest of files with one chunk each.
    pub(crate) fn manifest_of(files: &[(&str, &[u8])]) -> Manifest {
        let files = files.iter().map(|(path, bytes)| FileEntry {
            path: (*path).to_owned(),
            executable: *path == PROGRAM,
            size: bytes.len() as u64,
            sha256: Digest::of(bytes),
            chunks: vec![ChunkEntry {
                sha256: Digest::of(bytes),
                size: bytes.len() as u32,
            }],
        });
        let manifest = Manifest {
            format: FORMAT,
            id: String::new(),
            version: "0.1.0".to_owned(),
            revision: "none".to_owned(),
            board: "host".to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            files: files.collect(),
        };
        manifest.named().unwrap()
    }

    pub(crate) fn sign(key: &KeyPair, bytes: &[u8]) -> String {
        let signed = minisign::sign(Some(&key.pk), &key.sk, bytes, Some("test"), Some("test"));
        signed.unwrap().to_string()
    }

    #[test]
    fn only_a_trusted_key_over_the_same_bytes_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            TrustedKeys::read(folder.path()),
            Err(ReleaseError::NoKeys { .. })
        ));
        let ours = KeyPair::generate_unencrypted_keypair().unwrap();
        let other = KeyPair::generate_unencrypted_keypair().unwrap();
        let text = ours.pk.to_box().unwrap().to_string();
        fs::write(folder.path().join("fleet.pub"), &text).unwrap();
        let keys = TrustedKeys::read(folder.path()).unwrap();
        let signature = sign(&ours, b"manifest");
        keys.verify(b"manifest", &signature).unwrap();
        assert!(keys.verify(b"manifesto", &signature).is_err());
        assert!(
            keys.verify(b"manifest", &sign(&other, b"manifest"))
                .is_err()
        );
        for cut in 0..signature.len() - 2 {
            assert!(keys.verify(b"manifest", &signature[..cut]).is_err());
        }
        assert!(TrustedKeys::fingerprint(&text).starts_with("SHA256:"));
        fs::write(folder.path().join("x.pub"), "not a key").unwrap();
        assert!(matches!(
            TrustedKeys::read(folder.path()),
            Err(ReleaseError::Key { .. })
        ));
    }
}
