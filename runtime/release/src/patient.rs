//! A stream that is given up when nothing comes for a while.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;

/// How long a link may be silent in the middle of a transfer. A vehicle that drove out of its depot's network says
/// nothing, and whoever transfers holds the lock.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Reads from a stream that nothing else reads or buffers.
pub struct Patient<S> {
    stream: S,
    patience: Timespec,
}

impl<S: Read + AsFd> Patient<S> {
    /// The stream, given up after `patience` without a byte.
    pub fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience: Timespec {
                tv_sec: patience.as_secs() as i64,
                tv_nsec: patience.subsec_nanos().into(),
            },
        }
    }
}

impl<S: Read + AsFd> Read for Patient<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut watched = [PollFd::new(&self.stream, PollFlags::IN)];
        if poll(&mut watched, Some(&self.patience))? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "nothing came any more",
            ));
        }
        self.stream.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_silent_stream_is_given_up_and_one_that_ends_ends() {
        let (mut sender, receiver) = UnixStream::pair().unwrap();
        let mut patient = Patient::new(receiver, Duration::from_millis(50));
        sender.write_all(b"abc").unwrap();
        let mut buffer = [0; 8];
        assert_eq!(patient.read(&mut buffer).unwrap(), 3);
        let silent = patient.read(&mut buffer).unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        drop(sender);
        assert_eq!(patient.read(&mut buffer).unwrap(), 0);
    }
}
