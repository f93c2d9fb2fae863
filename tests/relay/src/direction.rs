//! One direction of one connection: a thread that reads and a thread that writes when it is time.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::pacing::Pacing;
use crate::relay::{Link, Way};

/// Pieces between reader and writer; the reader waits when the link is full.
const PIECES: usize = 1024;
const PIECE: usize = 4096;

/// Starts both threads. `passed` counts the connection's bytes in both directions.
pub(crate) fn start(
    link: &Arc<Link>,
    way: Way,
    from: TcpStream,
    to: TcpStream,
    passed: Arc<AtomicU64>,
    seed: u64,
) {
    let (pieces, taken) = sync_channel(PIECES);
    let reading = Arc::clone(link);
    let writing = Arc::clone(link);
    thread::spawn(move || read(&reading, from, &pieces, seed));
    thread::spawn(move || write(&writing, way, to, &taken, &passed));
}

fn read(link: &Link, mut from: TcpStream, pieces: &SyncSender<(Instant, Vec<u8>)>, seed: u64) {
    let mut pacing = Pacing::new(seed, Instant::now());
    let mut piece = [0; PIECE];
    while let Ok(size @ 1..) = from.read(&mut piece) {
        let leaves = pacing.leaves_at(&link.conditions(), size, Instant::now());
        if pieces.send((leaves, piece[..size].to_vec())).is_err() {
            break;
        }
    }
}

fn write(
    link: &Link,
    way: Way,
    mut to: TcpStream,
    pieces: &Receiver<(Instant, Vec<u8>)>,
    passed: &AtomicU64,
) {
    while let Ok((leaves, piece)) = pieces.recv() {
        thread::sleep(leaves.saturating_duration_since(Instant::now()));
        while link.conditions().silent && !link.ended() {
            thread::sleep(Duration::from_millis(2));
        }
        let so_far = passed.fetch_add(piece.len() as u64, Ordering::Relaxed);
        let left = link
            .conditions()
            .cut_after
            .map(|most| most.saturating_sub(so_far));
        let whole = piece.len() as u64;
        let size = left.unwrap_or(whole).min(whole) as usize;
        link.saw(way, &piece[..size]);
        if to.write_all(&piece[..size]).is_err() || size < piece.len() {
            break;
        }
    }
    // The other end of this connection is told by the relay's own sockets: both directions end.
    let _ = to.shutdown(Shutdown::Both);
}
