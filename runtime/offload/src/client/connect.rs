use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};

use super::meter::{CountingConnector, Meter};

/// Who is asked, and how each side knows the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientSettings {
    /// `https://HOST:PORT`; with `insecure` `http://HOST:PORT`.
    pub address: String,
    /// Whether to talk in clear: without it `http` is refused.
    #[serde(default)]
    pub insecure: bool,
    /// PEM file with the authority that vouches for the target.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// PEM file with the vehicle's certificate, and those between it and the authority.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// PEM file with the key of the vehicle's certificate.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// Name in the target's certificate where it is not the host of the address.
    #[serde(default)]
    pub server_name: Option<String>,
}

/// Why there can be no connection as the settings stand.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error("offload target `{0}`: give https://HOST:PORT")]
    Address(String),
    /// The address is in clear, and nothing says that it may.
    #[error(
        "offload target `{0}` would be talked to in clear: use https, or say `insecure = true`"
    )]
    Clear(String),
    /// The address is encrypted, and the settings say otherwise.
    #[error("offload target `{0}` is https, but `insecure = true`: drop one of them")]
    Insecure(String),
    /// A file that mutual TLS needs is not named.
    #[error("offload: `{0}` is missing; mutual TLS needs `ca`, `certificate` and `key`")]
    Missing(&'static str),
    /// A file cannot be read.
    #[error("offload: {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The files hold no certificates or key that TLS takes.
    #[error("offload: certificate, key or authority: {0}")]
    Tls(String),
}

/// Without an answer to its opening a connection is given up.
const CONNECT: Duration = Duration::from_secs(3);
/// A connection with calls on it is asked whether it lives so often, and given up after the second time.
const ALIVE: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(5)];

impl ClientSettings {
    fn uri(&self) -> Result<Uri, ConnectError> {
        let wrong = || ConnectError::Address(self.address.clone());
        let uri: Uri = self.address.parse().map_err(|_| wrong())?;
        let told = uri.host().is_some() && uri.port().is_some();
        match (uri.scheme_str(), self.insecure) {
            (Some("http"), false) => Err(ConnectError::Clear(self.address.clone())),
            (Some("https"), true) => Err(ConnectError::Insecure(self.address.clone())),
            (Some("http" | "https"), _) if told => Ok(uri),
            _ => Err(wrong()),
        }
    }

    fn tls(&self) -> Result<ClientTlsConfig, ConnectError> {
        let ca = pem("ca", self.ca.as_deref())?;
        let certificate = pem("certificate", self.certificate.as_deref())?;
        let key = pem("key", self.key.as_deref())?;
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(ca))
            .identity(Identity::from_pem(certificate, key));
        Ok(match &self.server_name {
            Some(name) => tls.domain_name(name),
            None => tls,
        })
    }

    /// Whether a connection can be tried as the files are now.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn check(&self) -> Result<(), ConnectError> {
        self.endpoint().map(drop)
    }

    fn endpoint(&self) -> Result<Endpoint, ConnectError> {
        let uri = self.uri()?;
        let mut endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(ALIVE[0])
            .keep_alive_timeout(ALIVE[1]);
        if !self.insecure {
            let tls = |e: tonic::transport::Error| ConnectError::Tls(told(&e));
            endpoint = endpoint.tls_config(self.tls()?).map_err(tls)?;
        }
        Ok(endpoint)
    }

    /// A channel that connects at its first call; the files are read now.
    pub(super) fn channel(&self, meter: &Arc<Meter>) -> Result<Channel, ConnectError> {
        let connector = CountingConnector(Arc::clone(meter));
        Ok(self.endpoint()?.connect_with_connector_lazy(connector))
    }
}

fn pem(what: &'static str, path: Option<&Path>) -> Result<Vec<u8>, ConnectError> {
    let path = path.ok_or(ConnectError::Missing(what))?;
    std::fs::read(path).map_err(|source| ConnectError::File {
        path: path.to_owned(),
        source,
    })
}

/// An error with its causes.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let this = error.to_string();
        if !text.ends_with(&this) {
            text = format!("{text}: {this}");
        }
        cause = error.source();
    }
    text
}
