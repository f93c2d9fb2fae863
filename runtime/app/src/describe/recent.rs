//! The latest messages by key and time, within bounds.

use std::collections::VecDeque;

/// Messages of the last while, whose memory is used again.
#[derive(Debug)]
pub(crate) struct Recent<K> {
    items: VecDeque<Item<K>>,
    bytes: usize,
    max_bytes: usize,
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Item<K> {
    key: K,
    at_ns: u64,
    data: Vec<u8>,
}

impl<K: PartialEq> Recent<K> {
    /// Holds at most so many bytes.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            max_bytes,
            spare: Vec::new(),
        }
    }

    /// Holds a message, and lets go of the oldest ones past the bound.
    pub(crate) fn push(&mut self, key: K, at_ns: u64, data: &[u8]) {
        if data.len() > self.max_bytes {
            return;
        }
        while self.bytes + data.len() > self.max_bytes {
            self.pop();
        }
        let mut held = self.spare.pop().unwrap_or_default();
        held.clear();
        held.extend_from_slice(data);
        self.bytes += held.len();
        self.items.push_back(Item {
            key,
            at_ns,
            data: held,
        });
    }

    /// The message of a key nearest to an instant and no further away than `within_ns`.
    pub(crate) fn nearest<Q>(&self, key: &Q, at_ns: u64, within_ns: u64) -> Option<(u64, &[u8])>
    where
        K: std::borrow::Borrow<Q>,
        Q: PartialEq + ?Sized,
    {
        let away = |item: &&Item<K>| item.at_ns.abs_diff(at_ns);
        let of_key = self.items.iter().filter(|item| item.key.borrow() == key);
        let nearest = of_key.min_by_key(away)?;
        (away(&nearest) <= within_ns).then_some((nearest.at_ns, &nearest.data))
    }

    fn pop(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.bytes -= item.data.len();
            self.spare.push(item.data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_a_key_is_found_and_memory_is_bounded() {
        let mut recent = Recent::new(1000);
        for at in 0..50u64 {
            recent.push(["a", "b"][at as usize % 2], at, &[at as u8; 100]);
        }
        assert!(recent.bytes <= 1000 && recent.items.len() == 10 && recent.spare.len() <= 1);
        assert_eq!(recent.nearest("a", 45, 5).unwrap().0, 44);
        assert_eq!(recent.nearest("b", 45, 0).unwrap().1, [45; 100]);
        assert_eq!(recent.nearest("a", 20, 19), None);
        assert_eq!(recent.nearest("a", 20, 20).unwrap().0, 40);
        recent.push("a", 60, &[0; 1001]);
        assert_eq!(recent.items.len(), 10);
    }
}
