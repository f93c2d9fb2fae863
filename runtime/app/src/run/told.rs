//! Outcomes on their way to the disk. One that the log refuses, since the disk is too slow, is appended again later; one is
//! settled once it is on the disk, and not before: until then the spool keeps it and would hand it out again.

use super::log::LogWriter;
use crate::pipeline::channels::Channel;
use crate::pipeline::staged::Cause;
use drafthorse_offload::Answer;
use drafthorse_record::messages::drafthorse::Verdict;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Outcomes that wait for a log that refuses. Of more the oldest are left to the spool, which hands them out again at the
/// next start.
const MOST: usize = 1024;
/// A message counts as on the disk when the oldest one that is not was appended so much later.
const LATER: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(super) struct Told {
    unlogged: VecDeque<(Cause, Verdict, Answer)>,
    /// When each was appended.
    unsynced: Vec<(Instant, Answer)>,
}

impl Told {
    /// Takes an outcome as it is to be logged.
    pub(super) fn tell(&mut self, cause: Cause, verdict: Verdict, answer: Answer) {
        if self.unlogged.len() == MOST {
            self.unlogged.pop_front();
        }
        self.unlogged.push_back((cause, verdict, answer));
    }

    /// Appends what waits, as far as the log takes it.
    pub(super) fn append(&mut self, log: &LogWriter) {
        while let Some((cause, verdict, answer)) = self.unlogged.pop_front() {
            let mut batch = log.batch();
            if batch.is_refused() {
                self.unlogged.push_front((cause, verdict, answer));
                return;
            }
            log.append_message(&mut batch, Channel::VERDICTS, cause, &verdict);
            log.keep_said(&mut batch, cause.received_ns);
            drop(batch);
            self.unsynced.push((Instant::now(), answer));
        }
    }

    /// Those that are on the disk by now; each comes once.
    pub(super) fn settled(&mut self, log: &LogWriter) -> Vec<Answer> {
        let status = log.recorder().status();
        if status.stopped.is_some() {
            return Vec::new();
        }
        // What was appended before the oldest message that is not on the disk is on the disk.
        let synced = |appended: &Instant| appended.elapsed() > status.oldest_unsynced + LATER;
        let done = self
            .unsynced
            .extract_if(.., |(appended, _)| synced(appended));
        done.map(|(_, answer)| answer).collect()
    }

    /// All that were appended: they are on the disk once the log is finished.
    pub(super) fn appended(self) -> Vec<Answer> {
        self.unsynced
            .into_iter()
            .map(|(_, answer)| answer)
            .collect()
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "it is public in the crate of the tests")]
#[path = "../../../../tests/src/stalling.rs"]
mod stalling;

#[cfg(test)]
mod tests {
    use super::stalling::StallingDisk;
    use super::*;
    use crate::config::Config;
    use crate::feed::{self, Resolved};
    use crate::pipeline::channels::Channels;
    use drafthorse_offload::{Outcome, Why};
    use drafthorse_protocol::BlockId;
    use drafthorse_record::{LogReader, RecordConfig, Recorder, WhenFull};
    use prost::Message as _;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    /// A live run's log that has little room for what waits.
    fn log_on(disk: &StallingDisk, dir: &Path) -> LogWriter {
        let config = Config::from_sources(vec!["synth:?seconds=1".parse().unwrap()]);
        let Resolved { plan, .. } = feed::resolve(&config).unwrap();
        let mut settings = RecordConfig::new(dir, "run");
        settings.when_full = WhenFull::Drop;
        settings.flush_interval = Duration::from_millis(10);
        (settings.chunk_bytes, settings.buffer_bytes) = (1 << 10, 1 << 10);
        settings.free_space_floor_bytes = 0;
        let recorder = Recorder::create_on(settings, Arc::new(disk.clone())).unwrap();
        LogWriter::new(recorder, &Channels::new(&plan)).unwrap()
    }

    fn answer(block: &str) -> Answer {
        let why = Why::NoAnswer;
        Answer {
            block: BlockId::new(block).unwrap(),
            outcome: Outcome::Unverified { why, spooled: true },
            deadline_ns: 0,
            handed_ns: 0,
            attempts: 1,
        }
    }

    fn tell(told: &mut Told, block: &str, log: &LogWriter) {
        let verdict = Verdict {
            block: block.to_owned(),
            ..Verdict::default()
        };
        told.tell(Cause::at(1), verdict, answer(block));
        told.append(log);
    }

    fn until_settled(told: &mut Told, log: &LogWriter, count: usize) -> Vec<String> {
        let begun = Instant::now();
        let mut blocks = Vec::new();
        while blocks.len() < count {
            assert!(begun.elapsed() < Duration::from_secs(20), "{blocks:?}");
            told.append(log);
            let settled = told.settled(log);
            blocks.extend(settled.iter().map(|a| a.block.as_str().to_owned()));
            std::thread::sleep(Duration::from_millis(2));
        }
        blocks
    }

    #[test]
    fn what_a_slow_disk_refuses_is_settled_only_after_it_was_logged() {
        let dir = tempfile::tempdir().unwrap();
        let disk = StallingDisk::default();
        let log = log_on(&disk, dir.path());
        let mut told = Told::default();
        tell(&mut told, "before", &log);
        assert_eq!(until_settled(&mut told, &log, 1), ["before"]);

        disk.stalled.store(true, Ordering::Relaxed);
        let note = Verdict {
            why: "x".repeat(500),
            ..Verdict::default()
        };
        while !log.batch().is_refused() {
            let mut batch = log.batch();
            log.append_message(&mut batch, Channel::VERDICTS, Cause::at(1), &note);
        }
        tell(&mut told, "refused", &log);
        assert_eq!(told.unlogged.len(), 1);
        disk.stalled.store(false, Ordering::Relaxed);
        // What else was appended gets to the disk, and the refused one is not among it.
        while log.recorder().status().oldest_unsynced > Duration::ZERO {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(3 * LATER);
        assert_eq!(told.settled(&log), []);
        assert_eq!(until_settled(&mut told, &log, 1), ["refused"]);

        let files = log.recorder().finish().unwrap().files;
        let mut reader = LogReader::open(&files[0]).unwrap();
        let mut blocks = Vec::new();
        while let Some(message) = reader.next().unwrap() {
            let verdict = Verdict::decode(message.data).unwrap();
            blocks.extend((!verdict.block.is_empty()).then_some(verdict.block));
        }
        assert_eq!(blocks, ["before", "refused"]);
    }

    #[test]
    fn what_never_gets_into_the_log_is_left_to_the_spool() {
        let dir = tempfile::tempdir().unwrap();
        let log = log_on(&StallingDisk::default(), dir.path());
        log.recorder().finish().unwrap();
        let mut told = Told::default();
        for block in 0..=MOST {
            tell(&mut told, &format!("{block}"), &log);
        }
        assert_eq!((told.unlogged.len(), told.unsynced.len()), (MOST, 0));
        assert_eq!(told.appended(), []);
    }
}
