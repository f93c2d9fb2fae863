//! Who asks: the name in the client's certificate.

use tonic::Extensions;
use tonic::transport::CertificateDer;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// A vehicle's name: the certificate's common name, or the first DNS name where there is none. `plain` without TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Vehicle(pub(crate) String);

/// Letters of a name in logs and tables.
const LONGEST_NAME: usize = 64;

impl Vehicle {
    /// The peer of a request, as its connection has it; none where its certificate names nobody.
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        match extensions.get::<TlsConnectInfo<TcpConnectInfo>>() {
            Some(tls) => Self::of_certificate(tls.peer_certs()?.first()?),
            None => Some(Self("plain".to_owned())),
        }
    }

    fn of_certificate(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let common = certificate.subject().iter_common_name();
        let mut common = common.filter_map(|name| name.as_str().ok());
        let name = match common.next() {
            Some(name) => name.to_owned(),
            None => {
                let names = certificate.subject_alternative_name().ok()??;
                let mut names = names.value.general_names.iter();
                names.find_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    _ => None,
                })?
            }
        };
        let fits = !name.is_empty()
            && name.chars().count() <= LONGEST_NAME
            && !name.chars().any(char::is_control);
        fits.then_some(Self(name))
    }
}
