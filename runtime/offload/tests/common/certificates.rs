//! Authorities and certificates made for a test.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use drafthorse_offload::client::ClientSettings;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

pub(crate) struct Named {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate that is valid now, or was.
    pub(crate) fn certificate(&self, name: &str, expired: bool) -> Named {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        Named {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Settings with these files, written to `folder`.
pub(crate) fn mutual(
    address: SocketAddr,
    folder: &Path,
    ca: &Authority,
    vehicle: &Named,
) -> ClientSettings {
    let file = |name: &str, text: &str| -> Option<PathBuf> {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        Some(path)
    };
    ClientSettings {
        address: format!("https://{address}"),
        insecure: false,
        ca: file("ca.pem", &ca.pem),
        certificate: file("vehicle.pem", &vehicle.certificate),
        key: file("vehicle.key", &vehicle.key),
        server_name: Some("target".to_owned()),
    }
}
