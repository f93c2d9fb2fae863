use std::io;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use drafthorse_protocol::{ContractError, Sizes, TargetShape, VerifyRequest, limits};
use tokio::sync::mpsc as commands;

use super::clock::Clock;
use super::network::{Command, Ends, Network};
use super::stats::{Gathered, Stats};
use super::storage;
use crate::answer::{Answer, Outcome};
use crate::client::{Client, ConnectError};
use crate::engine::Engine;
use crate::settings::Settings;
use crate::spool::{Spool, SpoolError};

/// Commands that wait for the engine's thread.
const COMMANDS: usize = 256;

/// A block on its way to the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Pictures and drafts.
    pub request: VerifyRequest,
    /// Time from now on within which the caller wants an outcome.
    pub deadline: Duration,
    /// How much a verdict is worth; where room is short the least is given up first.
    pub worth: u8,
}

/// Why offloading cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum OffloadError {
    /// The settings allow no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The system gives no thread or runtime.
    #[error("starting offload: {0}")]
    Start(#[from] io::Error),
}

/// Why a block was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The block is not as the contract has it.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// More blocks come than can be looked at.
    #[error("{COMMANDS} blocks wait to be taken")]
    Full,
    /// The thread has ended.
    #[error("offload has ended")]
    Ended,
}

/// Offloading, running. Dropped, it ends at once: what is not settled is handed out again by the next one.
pub struct Offload {
    clock: Clock,
    target: TargetShape,
    commands: Option<commands::Sender<Command>>,
    answers: Receiver<Answer>,
    shared: Arc<Mutex<Stats>>,
    threads: Vec<JoinHandle<()>>,
}

impl Offload {
    /// Opens the spool and starts. What the last run left comes out of [`Offload::answers`] first.
    ///
    /// # Errors
    /// Where settings, files or spool do not allow it. A target that does not answer is none.
    pub fn start(settings: &Settings, target: TargetShape) -> Result<Self, OffloadError> {
        let clock = Clock::start();
        let now_ns = clock.now_ns();
        let (spool, kept) = Spool::open(&settings.spool, settings.limits(), now_ns)?;
        let engine = Engine::new(settings.engine(now_ns), now_ns, kept);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let client = {
            let _within = runtime.enter();
            Client::new(settings.target.clone())?
        };
        let gathered = Gathered::new(spool.bytes());
        let shared = Arc::new(Mutex::new(gathered.stats(&engine, 0, 0)));
        let (ask, asked) = mpsc::channel();
        let (done, dones) = commands::unbounded_channel();
        let (command, taken) = commands::channel(COMMANDS);
        let (answer, answers) = mpsc::channel();
        let ends = Ends {
            storage: ask,
            answers: answer,
            shared: Arc::clone(&shared),
        };
        let network = Network::new(clock, target, engine, client, gathered, ends);
        let storage = thread::Builder::new().name("spool".into());
        let storage = storage.spawn(move || storage::serve(spool, clock, &asked, &done))?;
        let engine = thread::Builder::new().name("offload".into());
        let engine = engine.spawn(move || {
            runtime.block_on(network.run(taken, dones));
            // Not to wait for a name server that does not answer.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            clock,
            target,
            commands: Some(command),
            answers,
            shared,
            threads: vec![engine, storage],
        })
    }

    /// Gives a block. Its outcome comes out of [`Offload::answers`], by its deadline.
    ///
    /// # Errors
    /// Where the block does not fit the contract, or too many come at once; it has no outcome then.
    pub fn submit(&self, block: Block) -> Result<(), SubmitError> {
        block.request.check(&self.target)?;
        let bytes = Sizes::of(&block.request.to_message()).message;
        if bytes > limits::MAX_MESSAGE_BYTES {
            return Err(SubmitError::Contract(ContractError::TooMany {
                what: "bytes of the message",
                got: bytes,
                most: limits::MAX_MESSAGE_BYTES,
            }));
        }
        let wait = u64::try_from(block.deadline.as_nanos()).unwrap_or(u64::MAX);
        self.send(Command::Submit {
            request: Arc::new(block.request),
            bytes: bytes as u64,
            deadline_ns: self.clock.now_ns().saturating_add(wait),
            worth: block.worth,
        })
    }

    /// Outcomes, in the order in which they are due to be logged.
    pub fn answers(&self) -> &Receiver<Answer> {
        &self.answers
    }

    /// The log has this answer, on the disk: it need not be handed out again.
    pub fn logged(&self, answer: &Answer) {
        let block = answer.block.clone();
        let verdict = match &answer.outcome {
            Outcome::Repeated => return,
            outcome => outcome.ruling().is_some(),
        };
        if let Some(commands) = &self.commands {
            // Waits while the queue is full. A thread that has ended hands out again after the next start.
            let _ = commands.blocking_send(Command::Logged { block, verdict });
        }
    }

    /// What offloading came to so far, and what is known of the link.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let stats = self.shared.lock();
        stats.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the calls. On return every block has its outcome in [`Offload::answers`]: log them, say so with
    /// [`Offload::logged`], and drop this.
    pub fn stop(&self) {
        let (reply, stopped) = mpsc::sync_channel(1);
        if let Some(commands) = &self.commands
            && commands.blocking_send(Command::Stop(reply)).is_ok()
        {
            let _ = stopped.recv();
        }
    }

    fn send(&self, command: Command) -> Result<(), SubmitError> {
        let commands = self.commands.as_ref().ok_or(SubmitError::Ended)?;
        commands.try_send(command).map_err(|error| match error {
            commands::error::TrySendError::Full(_) => SubmitError::Full,
            commands::error::TrySendError::Closed(_) => SubmitError::Ended,
        })
    }
}

impl Drop for Offload {
    fn drop(&mut self) {
        self.commands = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
