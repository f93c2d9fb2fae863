//! What an earlier process has left in the ring: most of it is in the ring's state; the segment that was
//! open when the process was killed is read through.

use std::io;

use super::held::Held;
use super::saved::Saved;
use super::{Ring, file_name};
use crate::error::ReadError;
use crate::messages::{ROLE_KEY, Role};
use crate::reader::{LogReader, Segment, list};

impl Ring {
    /// Takes over segments, windows and gaps, and finishes what the state had announced.
    pub(super) fn adopt(&mut self) -> io::Result<()> {
        let saved = Saved::load(&self.place);
        self.windows = saved.windows;
        for (log, gap) in saved.dropped {
            let path = self.dir.join(file_name(&log, gap.first_segment));
            let written = LogReader::open(&path).map(|reader| reader.metadata().clone());
            self.gaps.insert(log, (gap, written.unwrap_or_default()));
        }
        let found = list(&self.place).map_err(io::Error::other)?;
        let mut held = Vec::new();
        for (log, segment) in found {
            let is_dropped = self.gaps.get(&log).is_some_and(|(gap, _)| {
                (gap.first_segment..=gap.last_segment).contains(&segment.number)
            });
            if is_dropped {
                self.finish_drop(&log, &segment)?;
                continue;
            }
            let known = saved
                .held
                .iter()
                .find(|held| held.log == log && held.number == segment.number);
            match known.map_or_else(|| scan(&log, &segment), |held| Ok(held.clone())) {
                Ok(segment) => held.push(segment),
                Err(error) => tracing::error!("{error}; it stays where it is"),
            }
        }
        // The next run may be of a log whose name comes first.
        held.sort_by_key(|held| held.from_ns);
        for mut held in held {
            if held.messages == 0 {
                // Cut before its first message: it lies where the one before it ended.
                held.from_ns = self.last_span_ns.map_or(0, |(_, to)| to);
                held.to_ns = held.from_ns;
            }
            self.push(held);
        }
        if !saved.ended && !self.held.is_empty() {
            let count = self.held.len();
            tracing::warn!(
                "the recording before this one was killed: all {count} files that were not decided are kept"
            );
            let undecided = std::mem::take(&mut self.held);
            self.keep_all(undecided)?;
        }
        // Other logs have nothing left that a gap could grow by.
        let held = &self.held;
        self.gaps
            .retain(|log, _| held.iter().any(|held| held.log == *log));
        self.decide()
    }

    /// Finishes a drop that the earlier process had announced.
    fn finish_drop(&mut self, log: &str, segment: &Segment) -> io::Result<()> {
        if let Some((_, metadata)) = self.gaps.get_mut(log)
            && metadata.is_empty()
            && let Ok(reader) = LogReader::open(&segment.path)
        {
            metadata.clone_from(reader.metadata());
        }
        self.write_gap(log)?;
        self.disk.remove(&segment.path)
    }
}

/// What a segment holds, as far as it reads. Messages that each segment repeats
/// have the time at which the log began, and do not count.
fn scan(log: &str, segment: &Segment) -> Result<Held, ReadError> {
    let mut reader = LogReader::open(&segment.path)?;
    let (mut from_ns, mut to_ns, mut messages) = (u64::MAX, 0, 0);
    while let Some(message) = reader.next()? {
        let role = message.channel.metadata.get(ROLE_KEY);
        if role.is_some_and(|role| role == Role::Static.name()) {
            continue;
        }
        from_ns = from_ns.min(message.log_time_ns);
        to_ns = to_ns.max(message.log_time_ns);
        messages += 1;
    }
    Ok(Held {
        log: log.to_owned(),
        number: segment.number,
        from_ns,
        to_ns,
        messages,
        bytes: std::fs::metadata(&segment.path).map_or(0, |file| file.len()),
        memory: None,
        followed_ns: None,
    })
}
