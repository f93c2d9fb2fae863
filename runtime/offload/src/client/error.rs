use std::error::Error;
use std::io;
use std::time::Duration;

use drafthorse_protocol::ContractError;
use rustls::AlertDescription;
use tonic::{Code, Status};

use super::connect::told;
use crate::engine::Failure;

/// Trailer that says after how many milliseconds to try again (gRPC A6).
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No connection, or it broke, or the call was broken off. Try again.
    #[error("the target cannot be reached: {0}")]
    Unavailable(String),
    /// The time limit passed. Try again.
    #[error("no answer within the time limit")]
    Late,
    /// Too much for the server just now. Try again, not before what it says.
    #[error("the target is busy: {told}")]
    Busy {
        /// In the server's words.
        told: String,
        /// Not before this.
        after: Option<Duration>,
    },
    /// The server's certificate or ours is not accepted. Somebody must look after the files.
    #[error("certificates: {0}")]
    Certificate(String),
    /// The server knows us and lets us not in. Somebody must look after it.
    #[error("the target does not let us in: {0}")]
    Denied(String),
    /// The server does not have the model, or speaks another protocol. Somebody must look after it.
    #[error("the target does not have what is asked for: {0}")]
    UnknownModel(String),
    /// The model is there and not ready. Try again.
    #[error("the target's model `{0}` is not ready")]
    NotReady(&'static str),
    /// The server failed. Another time it may not.
    #[error("the target failed: {0}")]
    Failed(String),
    /// The answer is not what the contract says. Another time it may be.
    #[error("the target's answer: {0}")]
    Answer(#[from] ContractError),
    /// The request is wrong for this server, and stays so.
    #[error("the target refuses the request: {0}")]
    Refused(String),
}

impl CallError {
    /// What the engine makes of it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Unavailable(_) | Self::Late | Self::NotReady(_) => Failure::Unanswered,
            Self::Busy { after, .. } => Failure::Busy {
                after_ns: after.map(|a| u64::try_from(a.as_nanos()).unwrap_or(u64::MAX)),
            },
            Self::Certificate(_) | Self::Denied(_) | Self::UnknownModel(_) => Failure::NotLetIn,
            Self::Failed(_) | Self::Answer(_) => Failure::Faulty(self.to_string()),
            Self::Refused(why) => Failure::Refused(why.clone()),
        }
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        // What a server said has no cause here; what has one happened on the way.
        if let Some(cause) = status.source() {
            let late = status.code() == Code::DeadlineExceeded
                || causes(cause)
                    .iter()
                    .any(|e| e.is::<tonic::TimeoutExpired>());
            return match certificate_fault(cause) {
                Some(why) => Self::Certificate(why),
                None if late => Self::Late,
                None => Self::Unavailable(told(cause)),
            };
        }
        let said = status.message().to_owned();
        match status.code() {
            Code::DeadlineExceeded => Self::Late,
            Code::ResourceExhausted if is_too_large(&said) => Self::Refused(said),
            // Triton says Unavailable where its queue is full.
            Code::ResourceExhausted | Code::Unavailable => Self::Busy {
                told: said,
                after: pushback(&status),
            },
            Code::Cancelled | Code::Aborted => Self::Unavailable(said),
            Code::Unauthenticated | Code::PermissionDenied => Self::Denied(said),
            Code::NotFound | Code::Unimplemented => Self::UnknownModel(said),
            Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => {
                Self::Refused(said)
            }
            _ => Self::Failed(said),
        }
    }
}

/// Whether the message, and not the server's load, is at fault: gRPC has one code for both. In the words of its C core, which
/// Triton uses, and of tonic.
fn is_too_large(said: &str) -> bool {
    said.contains("larger than max") || said.contains("Error decompressing: size limit")
}

fn pushback(status: &Status) -> Option<Duration> {
    let value = status.metadata().get(PUSHBACK)?.to_str().ok()?;
    value.parse().ok().map(Duration::from_millis)
}

/// The error and what it came of.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut all = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        all.push(error);
        next = error.source();
    }
    all
}

/// What TLS says of a certificate, theirs or ours, somewhere among the causes.
fn certificate_fault(error: &(dyn Error + 'static)) -> Option<String> {
    let wrong = causes(error).iter().find_map(|error| {
        // An io::Error's source is that of what it wraps, which would be passed over.
        let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
        let tls = wrapped
            .and_then(|e| e.downcast_ref::<rustls::Error>())
            .or_else(|| error.downcast_ref());
        tls.filter(|e| matches!(e, rustls::Error::InvalidCertificate(_)))
            .map(ToString::to_string)
    });
    // The server's alert comes after the handshake, and HTTP/2 keeps only its words.
    wrong.or_else(|| {
        let text = told(error);
        let (_, alert) = text.split_once("received fatal alert: ")?;
        CERTIFICATE_ALERTS
            .iter()
            .find(|a| alert.starts_with(&format!("{a:?}")))
            .map(|a| format!("the target does not accept ours ({a:?})"))
    })
}

/// Alerts that are about certificates.
const CERTIFICATE_ALERTS: [AlertDescription; 9] = [
    // A signature that is not that of the authority of this name.
    AlertDescription::DecryptError,
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
    AlertDescription::AccessDenied,
    AlertDescription::CertificateRequired,
];
