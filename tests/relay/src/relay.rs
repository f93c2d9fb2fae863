use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::{Conditions, direction};

/// A direction of the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From who connects to the target.
    Up,
    /// From the target back.
    Down,
}

/// What the relay's threads share.
pub(crate) struct Link {
    target: Mutex<SocketAddr>,
    conditions: Mutex<Conditions>,
    ended: AtomicBool,
    connections: Mutex<Vec<[TcpStream; 2]>>,
    accepted: AtomicU64,
    up: Passed,
    down: Passed,
}

#[derive(Default)]
struct Passed {
    bytes: AtomicU64,
    /// What passed, where it is recorded.
    record: Mutex<Option<Vec<u8>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    pub(crate) fn conditions(&self) -> Conditions {
        *locked(&self.conditions)
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(crate) fn saw(&self, way: Way, bytes: &[u8]) {
        let passed = self.passed(way);
        passed
            .bytes
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if let Some(record) = locked(&passed.record).as_mut() {
            record.extend_from_slice(bytes);
        }
    }

    fn passed(&self, way: Way) -> &Passed {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }

    fn close_all(&self) {
        for ends in locked(&self.connections).drain(..) {
            for end in ends {
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }
}

/// A relay in front of a target. It ends, and closes what it holds, when it is dropped.
pub struct Relay {
    link: Arc<Link>,
    address: SocketAddr,
    accepting: Option<thread::JoinHandle<()>>,
}

impl Relay {
    /// Listens on a free port of this machine and passes on to `target`.
    ///
    /// # Errors
    /// Where no port can be had.
    pub fn start(target: SocketAddr, conditions: Conditions) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let link = Arc::new(Link {
            target: Mutex::new(target),
            conditions: Mutex::new(conditions),
            ended: AtomicBool::new(false),
            connections: Mutex::default(),
            accepted: AtomicU64::new(0),
            up: Passed::default(),
            down: Passed::default(),
        });
        let shared = Arc::clone(&link);
        Ok(Self {
            link,
            address,
            accepting: Some(thread::spawn(move || accept(&shared, &listener))),
        })
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections go there from now on.
    pub fn point_to(&self, target: SocketAddr) {
        *locked(&self.link.target) = target;
    }

    /// Changes the link.
    pub fn set(&self, conditions: Conditions) {
        *locked(&self.link.conditions) = conditions;
    }

    /// Breaks every connection that there is, whatever is on its way.
    pub fn break_connections(&self) {
        self.link.close_all();
    }

    /// Bytes that passed in a direction.
    #[must_use]
    pub fn bytes(&self, way: Way) -> u64 {
        self.link.passed(way).bytes.load(Ordering::Relaxed)
    }

    /// Connections that were accepted and not refused.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.link.accepted.load(Ordering::Relaxed)
    }

    /// From now on what passes is kept, to be looked at with [`Relay::recorded`].
    pub fn record(&self) {
        *locked(&self.link.up.record) = Some(Vec::new());
        *locked(&self.link.down.record) = Some(Vec::new());
    }

    /// What passed in a direction since [`Relay::record`].
    #[must_use]
    pub fn recorded(&self, way: Way) -> Vec<u8> {
        locked(&self.link.passed(way).record)
            .clone()
            .unwrap_or_default()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.link.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.link.close_all();
    }
}

fn accept(link: &Arc<Link>, listener: &TcpListener) {
    for near in listener.incoming() {
        if link.ended() {
            return;
        }
        let target = *locked(&link.target);
        let (Ok(near), false) = (near, link.conditions().refuse) else {
            continue;
        };
        // A target that is not there closes the connection, as a port that is closed would.
        if let Ok(far) = TcpStream::connect(target) {
            let _ = connect(link, near, far);
        }
    }
}

fn connect(link: &Arc<Link>, near: TcpStream, far: TcpStream) -> io::Result<()> {
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let seed = link.accepted.fetch_add(1, Ordering::Relaxed);
    let passed = Arc::new(AtomicU64::new(0));
    locked(&link.connections).push([near.try_clone()?, far.try_clone()?]);
    let (up_from, up_to) = (near.try_clone()?, far.try_clone()?);
    direction::start(link, Way::Up, up_from, up_to, Arc::clone(&passed), 2 * seed);
    direction::start(link, Way::Down, far, near, passed, 2 * seed + 1);
    Ok(())
}
