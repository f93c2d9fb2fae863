use anyhow::Context as _;
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_target::serve::{ServeOptions, TlsFiles, bind};
use drafthorse_target::{Target, TargetFiles, TargetOptions};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Serve the target, for development and tests; in production Triton does (see `export`).
///
/// Once it answers, one line of JSON on standard output says where:
///   {"ready":true,"address":"127.0.0.1:8001",...}
/// What happens is logged on standard error, a line a block with the vehicle's name. SIGTERM or Ctrl-C ends it: calls
/// under way are answered first.
///
/// A call that cannot be served now gets RESOURCE_EXHAUSTED, and grpc-retry-pushback-ms says when to try again.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The target's folder
    #[arg(long)]
    model: PathBuf,
    /// The drafter's folder, for the narrow code of image tokens (fsq), and for the drafter that works beside the target
    #[arg(long)]
    drafter: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value_t = ServeOptions::default().listen)]
    listen: SocketAddr,
    /// The authority that signs vehicles' certificates, PEM
    #[arg(
        long,
        requires = "certificate",
        requires = "key",
        required_unless_present = "insecure"
    )]
    ca: Option<PathBuf>,
    /// The server's certificate, PEM
    #[arg(long, requires = "ca")]
    certificate: Option<PathBuf>,
    /// The server's key, PEM
    #[arg(long, requires = "ca")]
    key: Option<PathBuf>,
    /// Plain text without certificates, on a loopback address only
    #[arg(long, conflicts_with_all = ["ca", "certificate", "key"])]
    insecure: bool,
    /// Models that work at once, each with its own memory
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Threads of one run
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// The library of ONNX Runtime; looked for where the system keeps libraries if not said
    #[arg(long, env = "DRAFTHORSE_ONNXRUNTIME")]
    onnxruntime: Option<PathBuf>,
    /// Blocks in work and waiting at once; more are shed. With certificates one vehicle has half of them at most
    #[arg(long, default_value_t = ServeOptions::default().in_flight)]
    in_flight: usize,
    /// Connections at once; more wait
    #[arg(long, default_value_t = ServeOptions::default().connections)]
    connections: usize,
    /// Blocks a second of one vehicle in the long run
    #[arg(long, default_value_t = ServeOptions::default().blocks_per_s)]
    rate: f64,
    /// Blocks of one vehicle at once
    #[arg(long, default_value_t = ServeOptions::default().burst)]
    burst: usize,
    /// Verdicts kept for those who ask again; 0 for none
    #[arg(long, default_value_t = ServeOptions::default().answers)]
    answers: usize,
    /// Stand-in for a target of real size: every decoding run takes at least so long, whatever its tokens, ms
    #[arg(long, default_value_t = 0.0)]
    pace_ms: f64,
    /// Tokens that the drafter beside the target drafts at most between two runs; 0 for a token a run
    #[arg(long, default_value_t = TargetOptions::default().ahead)]
    ahead: usize,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let files = super::files(&arguments.model, arguments.drafter.as_deref())?;
    let engines = Engines::open(&EngineConfig {
        threads: arguments.threads,
        onnxruntime_library: arguments.onnxruntime.clone(),
        ..EngineConfig::default()
    })?;
    let options = TargetOptions {
        threads: arguments.threads,
        pace: Duration::try_from_secs_f64(arguments.pace_ms / 1e3).context("--pace-ms")?,
        ahead: arguments.ahead,
    };
    let open = |_| Target::open_on_first(&files, &engines, &options);
    let opened = (0..arguments.workers).map(open);
    let (targets, names): (Vec<_>, Vec<_>) =
        opened.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let engine = names.first().cloned().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(arguments, &files, targets, &engine));
    // A worker may be in the middle of a run that nobody waits for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

async fn serve(
    arguments: &Arguments,
    files: &TargetFiles,
    targets: Vec<Target>,
    engine: &str,
) -> anyhow::Result<()> {
    let tls = arguments
        .ca
        .clone()
        .zip(arguments.certificate.clone())
        .zip(arguments.key.clone());
    let options = ServeOptions {
        listen: arguments.listen,
        tls: tls.map(|((ca, certificate), key)| TlsFiles {
            ca,
            certificate,
            key,
        }),
        in_flight: arguments.in_flight,
        connections: arguments.connections,
        blocks_per_s: arguments.rate,
        burst: arguments.burst,
        answers: arguments.answers,
        ..ServeOptions::default()
    };
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let bound = bind(files, targets, options).await?;
    let ready = serde_json::json!({
        "ready": true,
        "address": bound.address().to_string(),
        "tls": !arguments.insecure,
        "engine": engine,
        "model": arguments.model,
        "fsq": files.shape.fsq().is_some(),
        "longest_message_bytes": files.longest_message(),
        "pace_ms": arguments.pace_ms,
    });
    super::say(&ready.to_string())?;
    bound
        .run(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("going down: answers what is under way");
        })
        .await?;
    Ok(())
}
