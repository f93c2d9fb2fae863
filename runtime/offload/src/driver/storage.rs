//! The thread of the spool: what is asked of it is done in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use drafthorse_protocol::{BlockId, VerifyRequest};
use prost::Message as _;
use tokio::sync::mpsc::UnboundedSender;

use super::clock::Clock;
use crate::answer::Ruling;
use crate::engine::{Unrecorded, Unstored};
use crate::spool::{Spool, SpoolError, Waiting};

/// What the spool is asked.
pub(super) enum Ask {
    Store(Waiting, Arc<VerifyRequest>),
    Load {
        call: u64,
        block: BlockId,
    },
    Record(BlockId, Ruling),
    Discard(BlockId),
    Expire,
    /// The log has the block's outcome: that it is unverified, or its verdict.
    Logged {
        block: BlockId,
        verdict: bool,
    },
    /// All that was asked before is done when this comes back.
    Flush,
}

/// What comes of it.
pub(super) enum Done {
    Stored(BlockId, Result<(), Unstored>),
    Loaded(u64, Result<Vec<u8>, SpoolError>),
    Recorded(BlockId, Result<(), Unrecorded>),
    Evicted(Vec<BlockId>),
    Flushed,
    /// Bytes that the spool counts.
    Holds(u64),
}

/// Until nobody can ask any more. Faults of the disk are told here, once each; the engine gets what follows from them.
pub(super) fn serve(
    mut spool: Spool,
    clock: Clock,
    asked: &Receiver<Ask>,
    done: &UnboundedSender<Done>,
) {
    let mut queue = VecDeque::new();
    while let Some(ask) = next(&mut spool, &mut queue, asked) {
        for what in answer(&mut spool, &clock, ask, &mut queue) {
            // Who asked may be gone.
            let _ = done.send(what);
        }
        let evicted = spool.take_evicted();
        if !evicted.is_empty() {
            tracing::warn!(blocks = evicted.len(), "blocks were given up unverified");
            let evicted = evicted.into_iter().map(|e| e.block);
            let _ = done.send(Done::Evicted(evicted.collect()));
        }
        let _ = done.send(Done::Holds(spool.bytes()));
    }
    sync(&mut spool);
}

/// What was logged is on the disk at the latest so long after nothing else was asked for.
const SYNC: Duration = Duration::from_secs(1);

fn sync(spool: &mut Spool) {
    if spool.is_unsynced()
        && let Err(error) = spool.sync()
    {
        tracing::warn!(%error, "the next start may tell again what was logged");
    }
}

/// Rulings first: somebody waits for them by a deadline. The rest in order.
fn next(spool: &mut Spool, queue: &mut VecDeque<Ask>, asked: &Receiver<Ask>) -> Option<Ask> {
    queue.extend(asked.try_iter());
    if queue.is_empty() {
        match asked.recv_timeout(SYNC) {
            Err(RecvTimeoutError::Timeout) => {
                sync(spool);
                queue.extend(asked.recv());
            }
            ask => queue.extend(ask),
        }
    }
    let urgent = queue.iter().position(|a| matches!(a, Ask::Record(..)));
    queue.remove(urgent.unwrap_or(0))
}

fn answer(spool: &mut Spool, clock: &Clock, ask: Ask, queue: &mut VecDeque<Ask>) -> Vec<Done> {
    match ask {
        Ask::Store(waiting, request) => {
            let payload = request.to_message().encode_to_vec();
            let stored = spool.store(clock.now_ns(), &waiting, &payload);
            let stored = stored.map_err(|error| unstored(&waiting.block, &error));
            vec![Done::Stored(waiting.block, stored)]
        }
        Ask::Record(block, ruling) => {
            // A block whose turn has not come needs no payload any more.
            let mine = |a: &Ask| matches!(a, Ask::Store(waiting, _) if waiting.block == block);
            let unstored_yet = queue.iter().position(mine).and_then(|i| queue.remove(i));
            if let Some(Ask::Store(waiting, _)) = unstored_yet {
                let stored = spool.store_ruled(clock.now_ns(), &waiting, &ruling);
                let stored = stored.map_err(|error| unstored(&block, &error));
                let recorded = stored.map_err(|_| Unrecorded::Gone);
                return vec![
                    Done::Stored(block.clone(), stored),
                    Done::Recorded(block, recorded),
                ];
            }
            let recorded = spool.record(&block, &ruling);
            let recorded = recorded.map_err(|error| unrecorded(&block, &error));
            vec![Done::Recorded(block, recorded)]
        }
        Ask::Load { call, block } => vec![Done::Loaded(call, spool.load(&block))],
        Ask::Discard(block) => {
            complain(&block, spool.discard(&block));
            Vec::new()
        }
        Ask::Expire => {
            if let Err(error) = spool.expire(clock.now_ns()) {
                tracing::warn!(%error, "old blocks stay in the spool");
            }
            Vec::new()
        }
        Ask::Logged { block, verdict } => {
            let result = if verdict {
                spool.settle(&block)
            } else {
                spool.told(&block)
            };
            complain(&block, result);
            Vec::new()
        }
        Ask::Flush => vec![Done::Flushed],
    }
}

fn unstored(block: &BlockId, error: &SpoolError) -> Unstored {
    match error {
        SpoolError::Known(_) => Unstored::Known,
        _ => {
            tracing::error!(%block, %error, "block is not spooled: without an answer in time it stays unverified");
            Unstored::NoRoom
        }
    }
}

fn unrecorded(block: &BlockId, error: &SpoolError) -> Unrecorded {
    match error {
        SpoolError::Unknown(_) => Unrecorded::Gone,
        SpoolError::HasVerdict(_) => Unrecorded::Settled,
        _ => {
            tracing::error!(%block, %error, "verdict is not recorded: the target is asked again");
            Unrecorded::Disk
        }
    }
}

fn complain(block: &BlockId, result: Result<(), SpoolError>) {
    if let Err(error) = result {
        tracing::error!(%block, %error, "spool: the next start finds the block as it was before");
    }
}
