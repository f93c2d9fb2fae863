//! The thread of the spool: what is asked of it is done in order.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

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
    // Who asked may be gone.
    let say = |what| {
        let _ = done.send(what);
    };
    while let Ok(ask) = asked.recv() {
        match ask {
            Ask::Store(waiting, request) => {
                let payload = request.to_message().encode_to_vec();
                let stored = spool.store(clock.now_ns(), &waiting, &payload);
                let stored = stored.map_err(|error| unstored(&waiting.block, &error));
                say(Done::Stored(waiting.block, stored));
            }
            Ask::Load { call, block } => say(Done::Loaded(call, spool.load(&block))),
            Ask::Record(block, ruling) => {
                let recorded = spool.record(&block, &ruling);
                let recorded = recorded.map_err(|error| unrecorded(&block, &error));
                say(Done::Recorded(block, recorded));
            }
            Ask::Discard(block) => complain(&block, spool.discard(&block)),
            Ask::Expire => {
                if let Err(error) = spool.expire(clock.now_ns()) {
                    tracing::warn!(%error, "old blocks stay in the spool");
                }
            }
            Ask::Logged {
                block,
                verdict: true,
            } => complain(&block, spool.settle(&block)),
            Ask::Logged {
                block,
                verdict: false,
            } => complain(&block, spool.told(&block)),
            Ask::Flush => say(Done::Flushed),
        }
        let evicted = spool.take_evicted();
        if !evicted.is_empty() {
            tracing::warn!(blocks = evicted.len(), "blocks were given up unverified");
            say(Done::Evicted(
                evicted.into_iter().map(|e| e.block).collect(),
            ));
        }
        say(Done::Holds(spool.bytes()));
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
