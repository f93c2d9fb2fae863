//! The bounded queue in front of a lane. It owns all its slots from the start, so that handing over
//! an item moves bytes between existing buffers and allocates nothing.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a full queue does with the next item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The producer waits: nothing is lost (recorded sources).
    NeverDrop,
    /// The oldest waiting item of the same source makes room (live sources).
    KeepLatest,
}

/// Outcome of taking from a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// An item was moved out.
    Item,
    /// Nothing came in time.
    Idle,
    /// The queue is closed and empty.
    Closed,
}

struct Inner<T> {
    waiting: VecDeque<T>,
    free: Vec<T>,
    closed: bool,
    takers_waiting: usize,
    putters_waiting: usize,
}

/// A bounded queue of reusable slots.
pub struct LaneQueue<T> {
    inner: Mutex<Inner<T>>,
    arrived: Condvar,
    freed: Condvar,
    policy: Policy,
}

impl<T> LaneQueue<T> {
    /// A queue of `capacity` slots (at least 1), each made by `slot`.
    pub fn new(capacity: usize, policy: Policy, slot: impl FnMut() -> T) -> Self {
        let capacity = capacity.max(1);
        // One more than can wait, so that a dropped item's slot is at hand at once.
        let free: Vec<T> = std::iter::repeat_with(slot).take(capacity + 1).collect();
        Self {
            inner: Mutex::new(Inner {
                waiting: VecDeque::with_capacity(capacity + 1),
                free,
                closed: false,
                takers_waiting: 0,
                putters_waiting: 0,
            }),
            arrived: Condvar::new(),
            freed: Condvar::new(),
            policy,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // The critical sections only move slots; a panic elsewhere leaves them whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills a free slot with `fill` and queues it. Under [`Policy::KeepLatest`] a full queue first
    /// gives up its oldest item for which `same_source` holds (or its oldest of all), which is
    /// shown to `dropped`. Returns `false` once the queue is closed.
    pub fn put(
        &self,
        fill: impl FnOnce(&mut T),
        same_source: impl Fn(&T) -> bool,
        dropped: impl FnOnce(&T),
    ) -> bool {
        let mut inner = self.lock();
        while inner.free.len() <= 1 && !inner.closed && self.policy == Policy::NeverDrop {
            inner.putters_waiting += 1;
            inner = self
                .freed
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
            inner.putters_waiting -= 1;
        }
        if inner.closed {
            return false;
        }
        if inner.free.len() <= 1 {
            let oldest = inner.waiting.iter().position(same_source).unwrap_or(0);
            if let Some(item) = inner.waiting.remove(oldest) {
                dropped(&item);
                inner.free.push(item);
            }
        }
        if let Some(mut slot) = inner.free.pop() {
            fill(&mut slot);
            inner.waiting.push_back(slot);
        }
        let wake = inner.takers_waiting > 0;
        drop(inner);
        if wake {
            self.arrived.notify_one();
        }
        true
    }

    /// Swaps the oldest item with `into`, waiting up to `timeout` for one.
    pub fn take(&self, into: &mut T, timeout: Duration) -> Taken {
        let mut inner = self.lock();
        if inner.waiting.is_empty() && !inner.closed {
            inner.takers_waiting += 1;
            let (guard, _) = self
                .arrived
                .wait_timeout_while(inner, timeout, |i| i.waiting.is_empty() && !i.closed)
                .unwrap_or_else(PoisonError::into_inner);
            inner = guard;
            inner.takers_waiting -= 1;
        }
        let Some(mut item) = inner.waiting.pop_front() else {
            return if inner.closed {
                Taken::Closed
            } else {
                Taken::Idle
            };
        };
        std::mem::swap(&mut item, into);
        inner.free.push(item);
        let wake = inner.putters_waiting > 0;
        drop(inner);
        if wake {
            self.freed.notify_one();
        }
        Taken::Item
    }

    /// Items waiting now.
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Whether nothing waits now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// No more items are accepted; those waiting are still handed out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
        self.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn keep_latest_gives_up_the_oldest_of_the_same_source() {
        let queue = LaneQueue::new(3, Policy::KeepLatest, || (0, 0));
        let mut dropped = Vec::new();
        for item in [(0, 1), (1, 1), (0, 2), (0, 3), (1, 2)] {
            queue.put(
                |slot| *slot = item,
                |waiting| waiting.0 == item.0,
                |old| dropped.push(*old),
            );
        }
        assert_eq!(dropped, [(0, 1), (1, 1)]);
        let mut taken = Vec::new();
        let mut slot = (9, 9);
        while queue.take(&mut slot, SHORT) == Taken::Item {
            taken.push(slot);
        }
        assert_eq!(taken, [(0, 2), (0, 3), (1, 2)]);
    }

    #[test]
    fn never_drop_makes_the_producer_wait_and_loses_nothing() {
        let queue = LaneQueue::new(2, Policy::NeverDrop, || 0u32);
        let taken = std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0..1000 {
                    queue.put(|slot| *slot = i, |_| true, |_| panic!("dropped"));
                }
                queue.close();
            });
            let mut taken = Vec::new();
            let mut slot = 0;
            while queue.take(&mut slot, Duration::from_secs(10)) == Taken::Item {
                taken.push(slot);
            }
            taken
        });
        assert_eq!(taken, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn closing_wakes_a_waiting_producer_and_consumer() {
        let queue = LaneQueue::new(1, Policy::NeverDrop, || 0);
        std::thread::scope(|scope| {
            let consumer = scope.spawn(|| queue.take(&mut 0, Duration::from_secs(60)));
            std::thread::sleep(SHORT);
            queue.close();
            assert_eq!(consumer.join().unwrap(), Taken::Closed);
        });
        assert!(!queue.put(|_| (), |_| true, |_| ()));
    }
}
