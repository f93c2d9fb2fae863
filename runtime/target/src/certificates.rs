//! Certificates for development: an authority, a server that it signs, and vehicles.
//!
//! They are for machines that one team runs. Fleets have their own authority, whose key lies in no folder.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateOptions {
    /// The folder.
    pub out: PathBuf,
    /// DNS names and IP addresses of the server.
    pub servers: Vec<String>,
    /// Vehicles by name.
    pub vehicles: Vec<String>,
    /// From an hour ago (clocks differ) until this long from now.
    pub valid: Duration,
}

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is there already.
    #[error(
        "{0} is there already and stays as it is: choose another folder or another name, or take it away yourself"
    )]
    Exists(PathBuf),
    /// An authority without its key signs nothing.
    #[error("{0} is there without ca.key: who holds the key has to sign")]
    NoKey(PathBuf),
    /// A name that is none.
    #[error(
        "`{0}` is no name of a vehicle: 1 to 64 letters, digits, dots, hyphens and underscores, a letter or digit first"
    )]
    Name(String),
    /// A file cannot be read or written.
    #[error("cannot {verb} {path}: {error}")]
    File {
        /// What was tried.
        verb: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The library.
    #[error("cannot make the certificate of {of}: {error}")]
    Make {
        /// Whose.
        of: String,
        /// What it says.
        error: rcgen::Error,
    },
}

/// What `README.txt` beside the files says.
const README: &str = "\
Certificates for development. Do not use them on vehicles that leave the yard.

ca.pem        the authority: what servers trust vehicles by, and vehicles servers. Give it to both.
ca.key        the authority's key. Whoever has it can make vehicles and servers. Keep it here.
server.pem    the server's certificate, signed by the authority, for the names it was made for.
server.key    the server's key. Only for the server.
NAME.pem      a vehicle's certificate; its common name is what the server knows the vehicle by.
NAME.key      the vehicle's key. Only for that vehicle.
";

/// Makes an authority with a server, unless `out` holds one already, and the vehicles. Gives the files written. Nothing
/// is overwritten: where one of the files is there already, none is written.
///
/// # Errors
/// [`CertificateError`].
pub fn write(options: &CertificateOptions) -> Result<Vec<PathBuf>, CertificateError> {
    if let Some(name) = options.vehicles.iter().find(|name| !is_name(name)) {
        return Err(CertificateError::Name(name.clone()));
    }
    let out = &options.out;
    std::fs::create_dir_all(out).map_err(|error| file("make", out, error))?;
    let mut files = Vec::new();
    let ca = out.join("ca.pem");
    let issuer = if ca.exists() {
        known(&ca, &out.join("ca.key"))?
    } else {
        let (issuer, pem) = authority(options.valid)?;
        let key = issuer.key().serialize_pem();
        files.extend([
            ("ca.pem".to_owned(), pem, false),
            ("ca.key".to_owned(), key, true),
        ]);
        files.extend(signed(
            "server",
            &options.servers,
            ExtendedKeyUsagePurpose::ServerAuth,
            options.valid,
            &issuer,
        )?);
        files.push(("README.txt".to_owned(), README.to_owned(), false));
        issuer
    };
    for vehicle in &options.vehicles {
        let names = std::slice::from_ref(vehicle);
        files.extend(signed(
            vehicle,
            names,
            ExtendedKeyUsagePurpose::ClientAuth,
            options.valid,
            &issuer,
        )?);
    }
    let paths: Vec<PathBuf> = files.iter().map(|(name, ..)| out.join(name)).collect();
    if let Some(there) = paths.iter().find(|path| path.exists()) {
        return Err(CertificateError::Exists(there.clone()));
    }
    for (path, (_, text, secret)) in paths.iter().zip(&files) {
        put(path, text, *secret)?;
    }
    Ok(paths)
}

/// `ca` and `server` are other files, and a path is no name.
fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    let first = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphanumeric());
    let others = letters.all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
    first && others && name.len() <= 64 && !["ca", "server"].contains(&name)
}

fn authority(valid: Duration) -> Result<(Issuer<'static, KeyPair>, String), CertificateError> {
    let make = |error| make("the authority", error);
    let key = KeyPair::generate().map_err(make)?;
    let mut params = params("Drafthorse development authority", &[], valid).map_err(make)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let pem = params.self_signed(&key).map_err(make)?.pem();
    Ok((Issuer::new(params, key), pem))
}

fn known(ca: &Path, key: &Path) -> Result<Issuer<'static, KeyPair>, CertificateError> {
    if !key.exists() {
        return Err(CertificateError::NoKey(ca.to_owned()));
    }
    let read =
        |path: &Path| std::fs::read_to_string(path).map_err(|error| file("read", path, error));
    let make = |error| make("the authority", error);
    let key = KeyPair::from_pem(&read(key)?).map_err(make)?;
    Issuer::from_ca_cert_pem(&read(ca)?, key).map_err(make)
}

/// Certificate and key of `name`, as files.
fn signed(
    name: &str,
    names: &[String],
    usage: ExtendedKeyUsagePurpose,
    valid: Duration,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<[(String, String, bool); 2], CertificateError> {
    let make = |error| make(name, error);
    let key = KeyPair::generate().map_err(make)?;
    let mut params = params(name, names, valid).map_err(make)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    let pem = params.signed_by(&key, issuer).map_err(make)?.pem();
    Ok([
        (format!("{name}.pem"), pem, false),
        (format!("{name}.key"), key.serialize_pem(), true),
    ])
}

fn params(
    common: &str,
    names: &[String],
    valid: Duration,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = date_time_ymd(1970, 1, 1) + now.unwrap_or_default();
    params.not_before = now - Duration::from_secs(3600);
    params.not_after = now + valid;
    Ok(params)
}

/// A new file; a secret one for its owner alone.
fn put(path: &Path, text: &str, secret: bool) -> Result<(), CertificateError> {
    let mut open = OpenOptions::new();
    open.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        open.mode(if secret { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = secret;
    let written = open
        .open(path)
        .and_then(|mut to| to.write_all(text.as_bytes()));
    written.map_err(|error| file("write", path, error))
}

fn file(verb: &'static str, path: &Path, error: std::io::Error) -> CertificateError {
    CertificateError::File {
        verb,
        path: path.to_owned(),
        error,
    }
}

fn make(of: &str, error: rcgen::Error) -> CertificateError {
    CertificateError::Make {
        of: of.to_owned(),
        error,
    }
}
