//! What is due at a moment, and when the next moment is.

use drafthorse_protocol::BlockId;

use super::action::Action;
use super::backoff::nanoseconds;
use super::blocks::Step;
use super::machine::{Call, Engine, Kind};
use crate::answer::Why;
use crate::link::LinkState;

/// Share of a metered link's bucket that spooled blocks leave to new ones.
const RESERVE: f32 = 0.25;
/// A call with less time than this to its deadline is not begun.
const SHORTEST_NS: u64 = 2_000_000;
/// A probe is given up after this, or after an attempt where that is shorter.
const PROBE_NS: u64 = 3_000_000_000;
/// What a probe and its answer weigh, with TLS and HTTP/2.
const PROBE_BYTES: u64 = 400;
/// What is too old on the disk is looked for so often.
const EXPIRE_NS: u64 = 60_000_000_000;

impl Engine {
    pub(super) fn plan(&mut self) {
        self.meet_deadlines();
        if self.now_ns >= self.expire_at_ns {
            self.expire_at_ns = self.now_ns.saturating_add(EXPIRE_NS);
            self.actions.push(Action::Expire);
        }
        if self.stopped {
            return;
        }
        self.probe();
        if !self.link.state().is_open() {
            return;
        }
        if self.now_ns >= self.reconnect_at_ns {
            let next = self.jitter.about_ns(self.settings.reconnect);
            self.reconnect_at_ns = self.now_ns.saturating_add(next.max(1));
            self.reconnect();
        }
        if self.now_ns >= self.busy_until_ns {
            self.send_online();
            self.send_spooled();
        }
    }

    fn meet_deadlines(&mut self) {
        while let Some((deadline_ns, block)) = self.blocks.first_deadline() {
            if self.due_ns(deadline_ns) > self.now_ns {
                break;
            }
            let block = block.clone();
            let why = self.why(&block);
            self.tell(&block, why);
        }
    }

    fn due_ns(&self, deadline_ns: u64) -> u64 {
        deadline_ns.saturating_sub(nanoseconds(self.settings.margin))
    }

    fn why(&self, block: &BlockId) -> Why {
        let held = self.blocks.get(block);
        let idle = held.is_some_and(|b| b.step == Step::Idle);
        let bytes = held.map_or(0, |b| b.bytes);
        if !self.link.state().is_open() {
            Why::LinkDown
        } else if self.busy_until_ns > self.now_ns {
            Why::TargetBusy
        } else if idle
            && self
                .affordable_ns(bytes, 0.0)
                .is_none_or(|at| at > self.now_ns)
        {
            Why::Metered
        } else {
            Why::NoAnswer
        }
    }

    fn probe(&mut self) {
        let calling = self.calls.values().any(|c| c.kind == Kind::Probe);
        if calling || self.now_ns < self.probe_at_ns {
            return;
        }
        let quiet = nanoseconds(self.settings.probe).max(1);
        self.probe_at_ns = self.now_ns.saturating_add(quiet);
        if !self.afford(PROBE_BYTES, 0.0) {
            return;
        }
        if self.link.state() == LinkState::Down {
            // The old connection may be one that nobody hears any more.
            self.reconnect();
        }
        let call = self.begin(Kind::Probe);
        let timeout_ns = PROBE_NS.min(nanoseconds(self.settings.attempt));
        self.actions.push(Action::Probe { call, timeout_ns });
    }

    /// Who asked for patience need not be who is there next.
    fn reconnect(&mut self) {
        self.busy_until_ns = self.now_ns;
        self.actions.push(Action::Reconnect);
    }

    /// Calls that may be added.
    fn room(&self) -> usize {
        let most = match self.link.state() {
            LinkState::Up => self.settings.in_flight,
            LinkState::Poor => self.settings.in_flight / 2,
            LinkState::Unknown | LinkState::Down => return 0,
        };
        let verdicts = self.calls.values().filter(|c| c.kind != Kind::Probe);
        most.max(1).saturating_sub(verdicts.count())
    }

    /// The first block that waits for its deadline and can be asked about now.
    fn due_online(&self) -> Option<(BlockId, u64, u64)> {
        self.blocks.online().find_map(|(block, held)| {
            let left = self.due_ns(held.deadline_ns).saturating_sub(self.now_ns);
            let affordable = self.affordable_ns(held.bytes, 0.0);
            let due = held.retry_ns <= self.now_ns
                && left >= SHORTEST_NS
                && affordable.is_some_and(|at| at <= self.now_ns);
            due.then(|| (block.clone(), held.bytes, left))
        })
    }

    fn send_online(&mut self) {
        while self.room() > 0
            && let Some((block, bytes, left)) = self.due_online()
            && self.afford(bytes, 0.0)
        {
            let timeout_ns = left.min(nanoseconds(self.settings.attempt));
            self.send(Kind::Online(block.clone()), block, timeout_ns);
        }
    }

    fn spooled_may_go(&self) -> bool {
        self.room() > 0
            && self.due_online().is_none()
            && !self
                .calls
                .values()
                .any(|c| matches!(c.kind, Kind::Spooled(_)))
    }

    fn send_spooled(&mut self) {
        if self.now_ns < self.spooled_at_ns || !self.spooled_may_go() {
            return;
        }
        let Some((block, bytes)) = self
            .blocks
            .next_spooled()
            .map(|(b, h)| (b.clone(), h.bytes))
        else {
            return;
        };
        if self.afford(bytes, RESERVE) {
            let timeout_ns = nanoseconds(self.settings.attempt);
            self.send(Kind::Spooled(block.clone()), block, timeout_ns);
        }
    }

    fn send(&mut self, kind: Kind, block: BlockId, timeout_ns: u64) {
        let call = self.begin(kind);
        self.counts.calls += 1;
        let bytes = self.blocks.get(&block).map_or(0, |b| b.bytes);
        self.link.sends(self.now_ns, bytes);
        self.blocks.change(&block, |b| {
            b.step = Step::Calling;
            b.attempts += 1;
        });
        self.actions.push(Action::Send {
            call,
            block,
            timeout_ns,
        });
    }

    fn begin(&mut self, kind: Kind) -> u64 {
        let call = self.next_call;
        self.next_call += 1;
        let since_ns = self.now_ns;
        self.calls.insert(call, Call { kind, since_ns });
        call
    }

    fn afford(&mut self, bytes: u64, reserve: f32) -> bool {
        let now_ns = self.now_ns;
        let budget = self.budget.as_mut();
        budget.is_none_or(|b| b.take(now_ns, bytes, reserve))
    }

    /// When so many bytes may go; never where the bucket cannot hold them.
    fn affordable_ns(&self, bytes: u64, reserve: f32) -> Option<u64> {
        match &self.budget {
            None => Some(0),
            Some(budget) => budget.when(bytes, reserve),
        }
    }

    /// When the engine wants to be ticked, if nothing happens before: later than the last time that it was told.
    #[must_use]
    pub fn next_wake_ns(&self) -> u64 {
        let deadline = self.blocks.first_deadline();
        let mut wake = self.expire_at_ns;
        wake = wake.min(deadline.map_or(u64::MAX, |(at, _)| self.due_ns(at)));
        if self.stopped {
            return wake;
        }
        if !self.calls.values().any(|c| c.kind == Kind::Probe) {
            wake = wake.min(self.probe_at_ns);
        }
        if !self.link.state().is_open() {
            return wake;
        }
        wake = wake.min(self.reconnect_at_ns);
        if self.room() == 0 {
            return wake;
        }
        for (_, held) in self.blocks.online() {
            let affordable = self.affordable_ns(held.bytes, 0.0).unwrap_or(u64::MAX);
            let at = held.retry_ns.max(self.busy_until_ns).max(affordable);
            let begun = at.max(self.now_ns).saturating_add(SHORTEST_NS);
            if begun <= self.due_ns(held.deadline_ns) {
                wake = wake.min(at);
            }
        }
        if self.spooled_may_go()
            && let Some((_, held)) = self.blocks.next_spooled()
            && let Some(affordable) = self.affordable_ns(held.bytes, RESERVE)
        {
            let at = self.spooled_at_ns.max(self.busy_until_ns);
            wake = wake.min(at.max(affordable));
        }
        wake
    }
}
