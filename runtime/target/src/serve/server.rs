//! A server, from its address to its last answer.

use super::admission::{Admission, Admitted, Places};
use super::connections;
use super::rate::Rate;
use super::service::Targets;
use super::tls::TlsFiles;
use super::work::Work;
use crate::files::TargetFiles;
use crate::target::Target;
use drafthorse_protocol::inference::grpc_inference_service_server::GrpcInferenceServiceServer;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::Server;

/// What a connection may have under way unread, bytes: what 60 ms of round trip take at 60 Mbit/s.
const WINDOW_BYTES: u32 = 512 << 10;

/// Calls of a connection that are heard at once. More than the 100 that a client begins with before it knows: calls
/// beyond are refused by HTTP/2, with nothing said, and bounds here are to be said.
const STREAMS: u32 = 256;

/// Bounds of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificates; none for plain text, on a loopback address only.
    pub tls: Option<TlsFiles>,
    /// Blocks in work and waiting at once. Where certificates tell vehicles apart, half of them at most are one vehicle's.
    pub in_flight: usize,
    /// Connections at once.
    pub connections: usize,
    /// Blocks a second of one vehicle in the long run.
    pub blocks_per_s: f64,
    /// Blocks of one vehicle at once.
    pub burst: usize,
    /// Verdicts that are kept for those who ask again.
    pub answers: usize,
    /// The longest that a call's message may be on its way: it holds a place meanwhile.
    pub message_time: Duration,
    /// The longest that a call may take from its message on.
    pub longest_call: Duration,
    /// How long calls may go on once the server is to end.
    pub drain: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8001)),
            tls: None,
            in_flight: 32,
            connections: 256,
            blocks_per_s: 8.0,
            burst: 16,
            answers: 4096,
            message_time: Duration::from_secs(5),
            longest_call: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Plain text on an address that others reach.
    #[error(
        "without certificates the server listens on loopback addresses only, not on {0}: give --ca, --certificate and --key"
    )]
    PlainElsewhere(SocketAddr),
    /// No room for work.
    #[error("{0} has to be greater than 0")]
    Nothing(&'static str),
    /// A certificate's file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The address is taken or is none of this machine's.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a worker: {0}")]
    Thread(std::io::Error),
    /// Certificates that are none, or the transport.
    #[error("the transport fails: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// A server that listens and does not answer yet.
pub struct Bound {
    listener: TcpListener,
    server: Server,
    service: Admitted<GrpcInferenceServiceServer<Targets>>,
    workers: Vec<JoinHandle<()>>,
    leaving: Arc<AtomicBool>,
    options: ServeOptions,
    address: SocketAddr,
}

/// Listens; a worker for each target.
///
/// # Errors
/// [`ServeError`].
pub async fn bind(
    files: &TargetFiles,
    targets: Vec<Target>,
    options: ServeOptions,
) -> Result<Bound, ServeError> {
    let address = options.listen;
    if options.tls.is_none() && !address.ip().is_loopback() {
        return Err(ServeError::PlainElsewhere(address));
    }
    for (what, is_nothing) in [
        ("the number of workers", targets.is_empty()),
        ("the number of blocks in flight", options.in_flight == 0),
        ("the number of connections", options.connections == 0),
        (
            "the rate of a vehicle",
            options.blocks_per_s.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater),
        ),
        ("the burst of a vehicle", options.burst == 0),
    ] {
        if is_nothing {
            return Err(ServeError::Nothing(what));
        }
    }
    let mut server = Server::builder()
        // For calls that take no place and whose messages never come to their end.
        .timeout(2 * options.longest_call)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_concurrent_streams(STREAMS)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)));
    if let Some(tls) = &options.tls {
        server = server.tls_config(tls.config()?)?;
    }
    let listen = |error| ServeError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (work, workers) = Work::start(targets, options.answers).map_err(ServeError::Thread)?;
    let rate = Rate {
        per_s: options.blocks_per_s,
        burst: options.burst as f64,
    };
    let leaving = Arc::new(AtomicBool::new(false));
    let places = Places {
        all: options.in_flight,
        of_one: match options.tls {
            Some(_) => options.in_flight.div_ceil(2),
            // Nobody is told from another.
            None => options.in_flight,
        },
        message_time: options.message_time,
    };
    let admission = Admission::new(rate, places, work.clone());
    let targets = Targets {
        shape: files.shape,
        work,
        longest_call: options.longest_call,
        leaving: Arc::clone(&leaving),
    };
    let service = GrpcInferenceServiceServer::new(targets)
        .accept_compressed(Gzip)
        .send_compressed(Gzip)
        .max_decoding_message_size(files.longest_message());
    Ok(Bound {
        listener,
        server,
        service: Admitted { admission, service },
        workers,
        leaving,
        options,
        address,
    })
}

impl Bound {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `end` comes; then takes no connection more, says that it is not ready, and gives the calls that are
    /// under way their time.
    ///
    /// # Errors
    /// [`ServeError::Transport`].
    pub async fn run(self, end: impl Future<Output = ()>) -> Result<(), ServeError> {
        let (draining, drained) = tokio::sync::oneshot::channel();
        let leaving = self.leaving;
        let ended = async move {
            end.await;
            leaving.store(true, Ordering::Relaxed);
            let _ = draining.send(());
        };
        let incoming = connections::accept(self.listener, self.options.connections);
        let mut server = self.server;
        let serving = server
            .add_service(self.service)
            .serve_with_incoming_shutdown(incoming, ended);
        let drain = self.options.drain;
        let late = async move {
            match drained.await {
                Ok(()) => tokio::time::sleep(drain).await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            served = serving => served?,
            () = late => tracing::warn!("calls were cut off: they took longer than {drain:?}"),
        }
        // With the service their queue is gone: they end behind the block that they are at.
        let joined = tokio::task::spawn_blocking(move || {
            for worker in self.workers {
                if worker.join().is_err() {
                    tracing::error!("a worker has panicked");
                }
            }
        });
        let _ = tokio::time::timeout(drain, joined).await;
        Ok(())
    }
}
