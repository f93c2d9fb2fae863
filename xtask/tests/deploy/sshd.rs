//! An ssh server of this test's own on the loopback: no root needed, its own keys, a high port.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Where Debian and others put it, out of an ordinary user's path.
const PROGRAMS: [&str; 2] = ["/usr/sbin/sshd", "/usr/bin/sshd"];

pub(crate) struct Sshd {
    /// Configuration for clients: every host is this server.
    pub(crate) client: PathBuf,
    _server: Mutex<Child>,
}

/// The server of this process; none, with a word about it, where there is no sshd.
pub(crate) fn sshd() -> Option<&'static Sshd> {
    static SERVER: OnceLock<Option<Sshd>> = OnceLock::new();
    SERVER.get_or_init(start).as_ref()
}

fn start() -> Option<Sshd> {
    let Some(program) = PROGRAMS.iter().find(|path| Path::new(path).exists()) else {
        eprintln!("skipped: no sshd here (apt-get install openssh-server)");
        return None;
    };
    let folder = super::bundles::scratch().join("sshd");
    fs::create_dir_all(&folder).unwrap();
    for key in ["host", "client"] {
        let path = folder.join(key);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&path)
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
    }
    fs::copy(folder.join("client.pub"), folder.join("authorized")).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let at = folder.display();
    let config = folder.join("sshd_config");
    fs::write(
        &config,
        format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nPidFile none\n\
             AuthorizedKeysFile {at}/authorized\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\n"
        ),
    )
    .unwrap();
    // What the server separates its privileges in, where it has any.
    let _ = fs::create_dir_all("/run/sshd");
    // The shell ends the server when this process is gone, however it ended: its input closes then.
    let mut server = Command::new("sh")
        .args([
            "-c",
            "\"$0\" -D -f \"$1\" 2>\"$2\" & read _; kill $!",
            program,
        ])
        .arg(&config)
        .arg(folder.join("log"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if began.elapsed() > Duration::from_secs(20) {
            let _ = server.kill();
            panic!("{}", fs::read_to_string(folder.join("log")).unwrap());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let user = BufReader::new(
        Command::new("id")
            .arg("-un")
            .output()
            .unwrap()
            .stdout
            .as_slice(),
    )
    .lines()
    .next()
    .unwrap()
    .unwrap();
    let client = folder.join("ssh_config");
    fs::write(
        &client,
        format!(
            "Host *\n  HostName 127.0.0.1\n  Port {port}\n  User {user}\n  IdentityFile {at}/client\n  \
             IdentitiesOnly yes\n  UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n  \
             LogLevel ERROR\n"
        ),
    )
    .unwrap();
    Some(Sshd {
        client,
        _server: Mutex::new(server),
    })
}
