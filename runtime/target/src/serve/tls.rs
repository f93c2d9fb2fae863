//! Certificates of a server.

use super::server::ServeError;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// PEM files of a server that asks its clients for certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority that signs vehicles' certificates.
    pub ca: PathBuf,
    /// The server's own certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Both sides have to show a certificate.
    pub(crate) fn config(&self) -> Result<ServerTlsConfig, ServeError> {
        let identity = Identity::from_pem(read(&self.certificate)?, read(&self.key)?);
        Ok(ServerTlsConfig::new()
            .identity(identity)
            .client_ca_root(Certificate::from_pem(read(&self.ca)?))
            .timeout(HANDSHAKE))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ServeError> {
    std::fs::read(path).map_err(|error| ServeError::Read {
        path: path.to_owned(),
        error,
    })
}
