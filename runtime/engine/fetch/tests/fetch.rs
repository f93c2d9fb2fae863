//! Fetching over links that break, from servers that give parts and from those that do not.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_engine_fetch::{FetchError, fetch};
use sha2::{Digest as _, Sha256};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An HTTP server on the loopback whose answers break off.
#[derive(Default)]
struct Server {
    data: Vec<u8>,
    /// Bytes of a body before the connection is cut; 0 for all.
    cut_after: u64,
    /// Whether parts are given.
    ranges: bool,
    /// Bytes of bodies sent.
    sent: AtomicU64,
    /// Answers to requests for data.
    answers: AtomicU64,
    /// Connections that are cut before it stops; the rest are whole.
    cuts: u64,
}

impl Server {
    fn start(self) -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/models/it.onnx", listener.local_addr().unwrap());
        let server = Arc::new(self);
        let serving = Arc::clone(&server);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = serving.answer(&stream.unwrap());
            }
        });
        (server, url)
    }

    fn answer(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        let request = lines.next().unwrap_or(Ok(String::new()))?;
        let mut from = None;
        for line in lines {
            let line = line?.to_ascii_lowercase();
            if let Some(range) = line.strip_prefix("range: bytes=") {
                from = range.trim_end_matches('-').parse::<usize>().ok();
            }
            if line.is_empty() {
                break;
            }
        }
        if !request.contains("/models/it.onnx") {
            return write!(
                stream,
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        let size = self.data.len();
        let from = from.filter(|_| self.ranges);
        let body = &self.data[from.unwrap_or(0)..];
        let (status, range) = match from {
            Some(from) => (
                "206 Partial Content",
                format!("Content-Range: bytes {from}-{}/{size}\r\n", size - 1),
            ),
            None => ("200 OK", String::new()),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{range}Last-Modified: Tue, 01 Jul 2025 00:00:00 GMT\r\nConnection: close\r\n\r\n",
            body.len()
        )?;
        if request.starts_with("HEAD") {
            return Ok(());
        }
        let answered = self.answers.fetch_add(1, Ordering::Relaxed);
        let cut = self.cut_after as usize;
        let body = match cut > 0 && answered < self.cuts && cut < body.len() {
            true => &body[..cut],
            false => body,
        };
        self.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
        stream.write_all(body)
    }
}

fn data() -> (Vec<u8>, String) {
    let data: Vec<u8> = (0..1_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let hash = hex(&data);
    (data, hash)
}

fn hex(data: &[u8]) -> String {
    Sha256::digest(data)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn fetched(path: &Path) -> Vec<u8> {
    assert!(!part(path).exists());
    std::fs::read(path).unwrap()
}

fn part(path: &Path) -> std::path::PathBuf {
    path.with_extension("onnx.part")
}

#[test]
fn a_file_comes_whole_with_progress() {
    let (data, hash) = data();
    let (_, url) = Server {
        data: data.clone(),
        ranges: true,
        ..Server::default()
    }
    .start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/it.onnx");
    let mut seen = Vec::new();
    fetch(&url, &path, &hash, &mut |now, total| {
        seen.push((now, total));
    })
    .unwrap();
    assert_eq!(fetched(&path), data);
    assert_eq!(seen.last(), Some(&(1_000_000, Some(1_000_000))));
    assert!(seen.is_sorted());
}

#[test]
fn a_link_that_breaks_again_and_again_loses_nothing() {
    let (data, hash) = data();
    let (server, url) = Server {
        data: data.clone(),
        ranges: true,
        cut_after: 300_000,
        cuts: u64::MAX,
        ..Server::default()
    }
    .start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.onnx");
    fetch(&url, &path, &hash, &mut |_, _| ()).unwrap();
    assert_eq!(fetched(&path), data);
    // Each byte once.
    assert_eq!(server.sent.load(Ordering::Relaxed), 1_000_000);
}

#[test]
fn what_an_earlier_attempt_brought_is_not_fetched_again() {
    let (data, hash) = data();
    let (server, url) = Server {
        data: data.clone(),
        ranges: true,
        ..Server::default()
    }
    .start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.onnx");
    std::fs::write(part(&path), &data[..900_000]).unwrap();
    fetch(&url, &path, &hash, &mut |_, _| ()).unwrap();
    assert_eq!(fetched(&path), data);
    assert_eq!(server.sent.load(Ordering::Relaxed), 100_000);
}

#[test]
fn two_at_once_do_not_mix_their_parts() {
    let (data, hash) = data();
    let (_server, url) = Server {
        data: data.clone(),
        ranges: true,
        ..Server::default()
    }
    .start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.onnx");
    // The second begins while the first is at it.
    let mut second = None;
    fetch(&url, &path, &hash, &mut |_, _| {
        second.get_or_insert_with(|| {
            std::thread::scope(|scope| {
                let again = scope.spawn(|| fetch(&url, &path, &hash, &mut |_, _| ()));
                again.join().unwrap()
            })
        });
    })
    .unwrap();
    assert_eq!(fetched(&path), data);
    let refused = second.unwrap().unwrap_err();
    assert!(refused.to_string().contains("another program"), "{refused}");
    assert!(matches!(refused, FetchError::Write { .. }));
}

#[test]
fn a_part_of_another_file_is_thrown_away() {
    let (data, hash) = data();
    let (_, url) = Server {
        data: data.clone(),
        ranges: true,
        ..Server::default()
    }
    .start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.onnx");
    std::fs::write(part(&path), vec![7; 500_000]).unwrap();
    fetch(&url, &path, &hash, &mut |_, _| ()).unwrap();
    assert_eq!(fetched(&path), data);
}

#[test]
fn a_server_without_parts_begins_anew() {
    let (data, hash) = data();
    let (_, url) = Server {
        data: data.clone(),
        cut_after: 300_000,
        cuts: 2,
        ..Server::default()
    }
    .start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.onnx");
    fetch(&url, &path, &hash, &mut |_, _| ()).unwrap();
    assert_eq!(fetched(&path), data);
}

#[test]
fn what_is_not_the_declared_file_is_not_kept() {
    let (data, hash) = data();
    let (_, url) = Server {
        data,
        ranges: true,
        ..Server::default()
    }
    .start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.onnx");
    let error = fetch(&url, &path, &hex(b"another"), &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, FetchError::Hash { found, .. } if found == hash));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_is_not_there_or_no_url_is_told() {
    let (_, url) = Server::default().start();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.onnx");
    let absent = url.replace("it.onnx", "nobody");
    let error = fetch(&absent, &path, "", &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, FetchError::Transfer { .. }), "{error}");
    for wrong in ["models/it.onnx", "gopher://x/y", "https://x/y?token=1"] {
        let error = fetch(wrong, &path, "", &mut |_, _| ()).unwrap_err();
        assert!(matches!(error, FetchError::Url { .. }), "{error}");
    }
    assert!(!path.exists());
}
