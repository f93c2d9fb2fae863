//! `cargo xtask keys`: the key pair that bundles are signed with and devices trust.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest as _};
use clap::Args;
use drafthorse_release::TrustedKeys;
use ed25519_dalek::{Signer as _, SigningKey};
use minisign::{KeyPair, SecretKeyBox};

use crate::workspace;

/// Where the keys go.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of the keys, outside the repository; `~/.config/drafthorse` if left out
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Name of the pair: NAME.key is secret, NAME.pub goes to devices
    #[arg(long, default_value = "fleet")]
    pub(crate) name: String,
}

/// Makes a pair where there is none of that name.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ensure!(
        arguments.name.chars().all(is_plain) && !arguments.name.trim_matches('.').is_empty(),
        "{:?} cannot name a key: letters, digits, - and _",
        arguments.name
    );
    let folder = match &arguments.out {
        Some(folder) => folder.clone(),
        None => folder()?,
    };
    fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    let folder = folder.canonicalize()?;
    ensure!(
        !folder.starts_with(workspace::root().canonicalize()?)
            || folder.starts_with(workspace::root().join("target").canonicalize()?),
        "{} is in the repository, where no secret belongs; give --out DIR elsewhere",
        folder.display()
    );
    let secret = folder.join(format!("{}.key", arguments.name));
    let public = secret.with_extension("pub");
    let pair = KeyPair::generate_unencrypted_keypair().map_err(|error| anyhow!("{error}"))?;
    let text = |error| anyhow!("the key has no text: {error}");
    let secret_text = pair.sk.to_box(None).map_err(text)?.into_string();
    let public_text = pair.pk.to_box().map_err(text)?.into_string();
    let mut file = fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&secret)
        .with_context(|| format!("{} is not written over", secret.display()))?;
    file.write_all(secret_text.as_bytes())?;
    fs::write(&public, &public_text)?;
    println!(
        "secret key   {} (keep it safe, and a copy)",
        secret.display()
    );
    println!("public key   {}", public.display());
    println!("fingerprint  {}", TrustedKeys::fingerprint(&public_text));
    Ok(())
}

/// Where keys lie if nothing else is said.
pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("HOME").context("HOME is not set; give the key's path")?;
    Ok(Path::new(&home).join(".config/drafthorse"))
}

/// The public key of the fleet; a pair is made where there is none.
pub(crate) fn want_fleet() -> anyhow::Result<PathBuf> {
    let public = folder()?.join("fleet.pub");
    if !public.is_file() {
        run(&Arguments {
            out: None,
            name: "fleet".to_owned(),
        })?;
    }
    Ok(public)
}

/// Where the parts of a secret key lie in minisign's binary form (its manual, "secret key format"):
/// the key's number, and the seed with the public half behind it.
const NUMBER: std::ops::Range<usize> = 54..62;
const SEED: std::ops::Range<usize> = 62..94;

/// A key that signs.
pub(crate) struct Signer {
    number: Vec<u8>,
    key: SigningKey,
}

impl Signer {
    /// Reads a secret key, of `cargo xtask keys` or of minisign, which asks for its password.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| match path.exists() {
            true => format!("{} is no secret key", path.display()),
            false => format!(
                "no key {}: make one with `cargo xtask keys`",
                path.display()
            ),
        })?;
        let read = || SecretKeyBox::from_string(&text);
        let secret = read()
            .and_then(SecretKeyBox::into_unencrypted_secret_key)
            .or_else(|_| read()?.into_secret_key(None))
            .map_err(|error| anyhow!("{} is no secret key: {error}", path.display()))?
            .to_bytes();
        let part = |range| secret.get(range).context("the secret key is too short");
        Ok(Self {
            number: part(NUMBER)?.to_vec(),
            key: SigningKey::from_bytes(part(SEED)?.try_into()?),
        })
    }

    /// A signature in minisign's format: ed25519 over BLAKE2b, and over that signature with the
    /// comment. The `minisign` crate mixes fresh random bytes into each signature; plain ed25519
    /// (RFC 8032) gives the same bytes for the same release.
    pub(crate) fn sign(&self, bytes: &[u8], comment: &str) -> String {
        let signature = self.key.sign(&Blake2b512::digest(bytes)).to_bytes();
        let whole = self.key.sign(&[&signature, comment.as_bytes()].concat());
        format!(
            "untrusted comment: signature of a Drafthorse release\n{}\ntrusted comment: {comment}\n{}\n",
            STANDARD.encode([&b"ED"[..], &self.number, &signature].concat()),
            STANDARD.encode(whole.to_bytes())
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A signer with a key of its own, and the key's public half.
    pub(crate) fn signer(folder: &Path) -> (Signer, String) {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let path = folder.join("test.key");
        fs::write(&path, pair.sk.to_box(None).unwrap().into_string()).unwrap();
        let public = pair.pk.to_box().unwrap().into_string();
        (Signer::read(&path).unwrap(), public)
    }

    #[test]
    fn signatures_are_the_same_each_time_and_minisigns() {
        let folder = tempfile::tempdir().unwrap();
        let (signer, public) = signer(folder.path());
        fs::write(folder.path().join("test.pub"), &public).unwrap();
        let signature = signer.sign(b"release", "0.1.0 for host");
        assert_eq!(signature, signer.sign(b"release", "0.1.0 for host"));
        // An independent implementation, the one of the format's author.
        let keys = TrustedKeys::read(folder.path()).unwrap();
        keys.verify(b"release", &signature).unwrap();
        assert!(keys.verify(b"releases", &signature).is_err());
        let comment = signature.replace("0.1.0 for host", "0.1.1 for host");
        assert!(keys.verify(b"release", &comment).is_err());
    }
}
