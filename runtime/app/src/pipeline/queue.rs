//! The bounded queue in front of a lane. It owns all its slots from the start, so that handing over
//! an item moves bytes between existing buffers and allocates nothing.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a source's full share does with its next item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The producer waits: nothing is lost (recorded sources).
    NeverDrop,
    /// The source's oldest waiting item makes room (live sources).
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

/// An item on its way through the queue, in a slot of its source.
#[derive(Debug)]
pub struct Slot<T> {
    source: usize,
    /// What was put.
    pub item: T,
}

/// One source's part of the queue.
struct Share<T> {
    most: usize,
    waiting: usize,
    free: Vec<Slot<T>>,
}

struct Inner<T> {
    waiting: VecDeque<Slot<T>>,
    shares: Vec<Share<T>>,
    closed: bool,
    takers_waiting: usize,
    putters_waiting: usize,
}

/// A bounded queue of reusable slots, handed out in order of arrival. Each source has a share of
/// its own, so that one that floods the queue displaces nothing of another.
pub struct LaneQueue<T> {
    inner: Mutex<Inner<T>>,
    arrived: Condvar,
    freed: Condvar,
    policy: Policy,
}

impl<T> LaneQueue<T> {
    /// A queue in which so many items of each source may wait (at least 1); `slot` makes the slots
    /// of the source of that number.
    pub fn new(shares: &[usize], policy: Policy, mut slot: impl FnMut(usize) -> T) -> Self {
        let share = |(source, &most): (usize, &usize)| {
            let most = most.max(1);
            // One more than can wait: it is in the consumer's hands.
            let slots = (0..=most).map(|_| Slot {
                source,
                item: slot(source),
            });
            Share {
                most,
                waiting: 0,
                free: slots.collect(),
            }
        };
        let shares: Vec<Share<T>> = shares.iter().enumerate().map(share).collect();
        Self {
            inner: Mutex::new(Inner {
                waiting: VecDeque::with_capacity(shares.iter().map(|s| s.most).sum()),
                shares,
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

    /// Fills a free slot of `source` with `fill` and queues it. Under [`Policy::KeepLatest`] a full
    /// share first gives up its oldest item, which is shown to `dropped`. Returns `false` once the
    /// queue is closed.
    pub fn put(&self, source: usize, fill: impl FnOnce(&mut T), dropped: impl FnOnce(&T)) -> bool {
        let mut inner = self.lock();
        while inner.is_full(source) && !inner.closed && self.policy == Policy::NeverDrop {
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
        if inner.is_full(source)
            && let Some(oldest) = inner.waiting.iter().position(|slot| slot.source == source)
            && let Some(slot) = inner.waiting.remove(oldest)
        {
            dropped(&slot.item);
            inner.shares[source].waiting -= 1;
            inner.shares[source].free.push(slot);
        }
        if let Some(mut slot) = inner.shares[source].free.pop() {
            fill(&mut slot.item);
            inner.shares[source].waiting += 1;
            inner.waiting.push_back(slot);
        }
        let wake = inner.takers_waiting > 0;
        drop(inner);
        if wake {
            self.arrived.notify_one();
        }
        true
    }

    /// Gives back the slot in `held`, if any, and takes the one that has waited longest, waiting up
    /// to `timeout` for it.
    pub fn take(&self, held: &mut Option<Slot<T>>, timeout: Duration) -> Taken {
        let mut inner = self.lock();
        if let Some(slot) = held.take() {
            inner.shares[slot.source].free.push(slot);
        }
        if inner.waiting.is_empty() && !inner.closed {
            inner.takers_waiting += 1;
            let (guard, _) = self
                .arrived
                .wait_timeout_while(inner, timeout, |i| i.waiting.is_empty() && !i.closed)
                .unwrap_or_else(PoisonError::into_inner);
            inner = guard;
            inner.takers_waiting -= 1;
        }
        let Some(slot) = inner.waiting.pop_front() else {
            return if inner.closed {
                Taken::Closed
            } else {
                Taken::Idle
            };
        };
        inner.shares[slot.source].waiting -= 1;
        *held = Some(slot);
        let wake = inner.putters_waiting > 0;
        drop(inner);
        if wake {
            // All of them: the one whose source has room is not known here.
            self.freed.notify_all();
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

impl<T> Inner<T> {
    fn is_full(&self, source: usize) -> bool {
        let share = &self.shares[source];
        share.waiting >= share.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    fn take_all<T: Copy>(queue: &LaneQueue<T>) -> Vec<T> {
        let (mut taken, mut held) = (Vec::new(), None);
        while queue.take(&mut held, SHORT) == Taken::Item {
            taken.extend(held.as_ref().map(|slot| slot.item));
        }
        taken
    }

    #[test]
    fn keep_latest_gives_up_the_oldest_of_the_same_source() {
        let queue = LaneQueue::new(&[2, 1], Policy::KeepLatest, |_| (0, 0));
        let mut dropped = Vec::new();
        for item in [(0, 1), (1, 1), (0, 2), (0, 3), (1, 2)] {
            queue.put(item.0, |slot| *slot = item, |old| dropped.push(*old));
        }
        assert_eq!(dropped, [(0, 1), (1, 1)]);
        assert_eq!(take_all(&queue), [(0, 2), (0, 3), (1, 2)]);
    }

    #[test]
    fn a_flood_displaces_nothing_of_another_source() {
        let queue = LaneQueue::new(&[8, 4], Policy::KeepLatest, |_| (9, 9));
        queue.put(0, |slot| *slot = (0, 1), |_| panic!("dropped"));
        let mut dropped = 0;
        for i in 0..1000 {
            queue.put(1, |slot| *slot = (1, i), |_| dropped += 1);
        }
        queue.put(0, |slot| *slot = (0, 2), |_| panic!("dropped"));
        assert_eq!(dropped, 996);
        assert_eq!(
            take_all(&queue),
            [(0, 1), (1, 996), (1, 997), (1, 998), (1, 999), (0, 2)]
        );
    }

    #[test]
    fn each_source_keeps_its_own_slots() {
        let queue = LaneQueue::new(&[1, 1], Policy::KeepLatest, |source| vec![source; 4]);
        let mut held = None;
        for round in 0..20 {
            let source = round % 2;
            let whose = |slot: &mut Vec<usize>| assert_eq!(*slot, vec![source; 4]);
            queue.put(source, whose, |_| ());
            if round % 3 == 0 {
                queue.take(&mut held, SHORT);
            }
        }
    }

    #[test]
    fn never_drop_makes_the_producer_wait_and_loses_nothing() {
        let queue = LaneQueue::new(&[2], Policy::NeverDrop, |_| 0u32);
        let taken = std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0..1000 {
                    queue.put(0, |slot| *slot = i, |_| panic!("dropped"));
                }
                queue.close();
            });
            let (mut taken, mut held) = (Vec::new(), None);
            while queue.take(&mut held, Duration::from_secs(10)) == Taken::Item {
                taken.extend(held.as_ref().map(|slot| slot.item));
            }
            taken
        });
        assert_eq!(taken, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn closing_wakes_a_waiting_producer_and_consumer() {
        let queue = LaneQueue::new(&[1], Policy::NeverDrop, |_| 0);
        std::thread::scope(|scope| {
            let consumer = scope.spawn(|| queue.take(&mut None, Duration::from_secs(60)));
            std::thread::sleep(SHORT);
            queue.close();
            assert_eq!(consumer.join().unwrap(), Taken::Closed);
        });
        assert!(!queue.put(0, |_| (), |_| ()));
    }
}
