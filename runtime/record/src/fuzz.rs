//! Byte strings in, nothing out: what must never panic or take memory without bound. Run by the
//! property tests here and by longer fuzzing elsewhere.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::reader::{LogReader, Source};
use crate::recover::recover_into;
use crate::storage::Storage;

/// A function that takes any bytes and panics only where the recorder is at fault.
pub type FuzzTarget = fn(&[u8]);

/// Every entry point that reads bytes from outside.
pub const FUZZ_TARGETS: &[(&str, FuzzTarget)] = &[
    ("record.reader", read),
    ("record.reader_in_log", read_in_log),
    ("record.recover", recover_bytes),
];

/// Reads the bytes as a log to their end.
fn read(bytes: &[u8]) {
    if let Ok(mut log) = LogReader::from_bytes(bytes.to_vec()) {
        while let Ok(Some(message)) = log.next() {
            std::hint::black_box(message.data);
        }
    }
}

/// Reads the bytes as what follows a valid header, so that the records themselves are reached:
/// the first byte chooses our own header or a foreign one.
fn read_in_log(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let library = if choice & 1 == 0 {
        crate::format::LIBRARY
    } else {
        "other"
    };
    let mut log = crate::format::MAGIC.to_vec();
    crate::format::put_record(&mut log, crate::format::op::HEADER, |out| {
        crate::format::put_bytes(out, b"");
        crate::format::put_bytes(out, library.as_bytes());
    });
    log.extend_from_slice(rest);
    read(&log);
    recover_bytes(&log);
}

/// Recovers the bytes; the result must read to its end without damage.
fn recover_bytes(bytes: &[u8]) {
    let shared = Arc::new(Mutex::new(Vec::new()));
    let sink = Sink(Arc::clone(&shared));
    let Ok(report) = recover_into(Source::memory(bytes.to_vec()), Box::new(sink)) else {
        return;
    };
    let out = std::mem::take(&mut *shared.lock().unwrap_or_else(PoisonError::into_inner));
    let Ok(mut log) = LogReader::from_bytes(out) else {
        unreachable!("a recovered log begins like one");
    };
    let mut messages = 0;
    while let Ok(Some(_)) = log.next() {
        messages += 1;
    }
    assert!(
        log.damage().is_none(),
        "a recovered log is whole: {:?}",
        log.damage()
    );
    assert_eq!(
        messages, report.messages,
        "a recovered log has the messages it says"
    );
}

/// Keeps what is written.
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Storage for Sink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, _length: u64) -> io::Result<()> {
        Ok(())
    }
}
