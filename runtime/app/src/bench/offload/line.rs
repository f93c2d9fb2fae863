//! A vehicle's line to a server: offloading as a run has it, through a relay.

use super::server::{Program, Server};
use anyhow::{Context, Result, bail};
use drafthorse_offload::{Block, Offload, Ruling, Settings};
use drafthorse_protocol::{BlockId, TargetShape, VerifyRequest};
use drafthorse_relay::{Conditions, Relay};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No block takes longer.
const DEADLINE: Duration = Duration::from_secs(120);
/// After an answer counters of bytes are up to date within this.
const COUNTED: Duration = Duration::from_millis(4);

pub(super) struct Line {
    offload: Offload,
    blocks: u64,
    /// Ends after what goes through it.
    _relay: Relay,
    _spool: TempDir,
}

/// What came of a block.
pub(super) struct Judged {
    pub(super) ruling: Ruling,
    /// From the hand-over of the block to its verdict, which is on the vehicle's disk then.
    pub(super) took: Duration,
    /// Bytes over the wire, TLS and HTTP/2 included, there and back.
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
}

impl Line {
    /// Connects, and waits for the first answer of the server.
    pub(super) fn open(
        program: &Program,
        server: &Server,
        shape: TargetShape,
        conditions: Conditions,
    ) -> Result<Self> {
        let relay = Relay::start(server.address, conditions).context("no relay can be started")?;
        let spool = tempfile::tempdir().context("no temporary folder could be made")?;
        let client = program.client(relay.address());
        let settings = Settings {
            attempt_ms: DEADLINE.as_millis() as u64,
            // A probe would be counted among a block's bytes.
            probe_s: 3600.0,
            ..Settings::new(client, spool.path().join("spool"))
        };
        let offload = Offload::start(&settings, shape)?;
        let begun = Instant::now();
        while !offload.stats().link.state.is_open() {
            if begun.elapsed() > Duration::from_secs(20) {
                let fault = offload.stats().fault.unwrap_or_default();
                bail!("the server does not answer {fault}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(Self {
            offload,
            blocks: 0,
            _relay: relay,
            _spool: spool,
        })
    }

    /// Has a block judged, under a name of its own.
    pub(super) fn ask(&mut self, request: &VerifyRequest) -> Result<Judged> {
        let mut request = request.clone();
        self.blocks += 1;
        request.scene.block = BlockId::new(format!("bench.{}", self.blocks))?;
        let before = self.offload.stats();
        let block = Block {
            request,
            deadline: DEADLINE,
            worth: 100,
        };
        let begun = Instant::now();
        self.offload.submit(block)?;
        let answer = self.offload.answers().recv().context("offload has ended")?;
        let took = begun.elapsed();
        self.offload.logged(&answer);
        std::thread::sleep(COUNTED);
        let after = self.offload.stats();
        let Some(ruling) = answer.outcome.ruling() else {
            bail!("a block has no verdict: {:?}", answer.outcome);
        };
        Ok(Judged {
            ruling: ruling.clone(),
            took,
            sent_bytes: after.sent_bytes - before.sent_bytes,
            received_bytes: after.received_bytes - before.received_bytes,
        })
    }
}
