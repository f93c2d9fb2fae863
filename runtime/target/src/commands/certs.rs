use super::say;
use drafthorse_target::certificates::{CertificateOptions, write};
use std::path::PathBuf;
use std::time::Duration;

/// Make certificates for development.
///
/// The first call makes an authority (ca.pem, ca.key) and a server's certificate (server.pem, server.key); later calls
/// on the same folder add vehicles. Nothing is overwritten. README.txt beside the files says what each is for.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Folder to write to
    #[arg(long)]
    out: PathBuf,
    /// A vehicle's name, its certificate's common name; may be given several times
    #[arg(long = "vehicle", value_name = "NAME")]
    vehicles: Vec<String>,
    /// A name or address by which vehicles reach the server; may be given several times
    #[arg(long = "server", value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
    servers: Vec<String>,
    /// Days that the certificates hold
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let files = write(&CertificateOptions {
        out: arguments.out,
        servers: arguments.servers,
        vehicles: arguments.vehicles,
        valid: Duration::from_secs(u64::from(arguments.days) * 24 * 3600),
    })?;
    for file in files {
        say(&file.display().to_string())?;
    }
    Ok(())
}
