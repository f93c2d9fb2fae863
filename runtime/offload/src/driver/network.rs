//! The thread of the engine: takes what happens, does what is to be done.

use std::collections::HashMap;
use std::sync::mpsc::{Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drafthorse_protocol::inference::ModelInferRequest;
use drafthorse_protocol::{BlockId, TargetShape, VerifyRequest};
use prost::Message as _;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::task::{Id, JoinSet};

use super::clock::Clock;
use super::stats::{Gathered, Stats};
use super::storage::{Ask, Done};
use crate::answer::{Answer, Outcome, Ruling, Why};
use crate::client::{CallError, Client};
use crate::engine::{Action, Engine, Submission, Unsent};
use crate::link::LinkState;
use crate::spool::{SpoolError, Waiting};

/// What the caller says.
pub(super) enum Command {
    Submit {
        request: Arc<VerifyRequest>,
        bytes: u64,
        deadline_ns: u64,
        worth: u8,
    },
    /// The log has this outcome.
    Logged { block: BlockId, verdict: bool },
    /// Ends the calls; answers when every block has its outcome.
    Stop(SyncSender<()>),
}

/// What a call brought.
enum Called {
    Probed(u64, Result<(), CallError>),
    Verified(u64, Result<(Ruling, usize), CallError>, usize),
}

impl Called {
    fn fault(&self) -> Option<String> {
        let error = match self {
            Self::Probed(_, result) => result.as_ref().err(),
            Self::Verified(_, result, _) => result.as_ref().err(),
        };
        error.map(ToString::to_string)
    }
}

/// Where the thread's work comes from and goes to.
pub(super) struct Ends {
    pub(super) storage: Sender<Ask>,
    pub(super) answers: Sender<Answer>,
    pub(super) shared: Arc<Mutex<Stats>>,
}

/// Everything that the thread owns.
pub(super) struct Network {
    clock: Clock,
    target: TargetShape,
    engine: Engine,
    client: Client,
    ends: Ends,
    gathered: Gathered,
    /// Requests of blocks that are not done with, while they are in memory, and their worth.
    requests: HashMap<BlockId, (Arc<VerifyRequest>, u8)>,
    /// Calls that wait for their payload from the disk, and how long they may take then.
    loading: HashMap<u64, Duration>,
    calls: JoinSet<Called>,
    /// Which call a task is.
    tasks: HashMap<Id, u64>,
    stopping: Vec<SyncSender<()>>,
}

impl Network {
    pub(super) fn new(
        clock: Clock,
        target: TargetShape,
        engine: Engine,
        client: Client,
        gathered: Gathered,
        ends: Ends,
    ) -> Self {
        Self {
            clock,
            target,
            engine,
            client,
            ends,
            gathered,
            requests: HashMap::new(),
            loading: HashMap::new(),
            calls: JoinSet::new(),
            tasks: HashMap::new(),
            stopping: Vec::new(),
        }
    }

    /// Until the caller is gone.
    pub(super) async fn run(
        mut self,
        mut commands: Receiver<Command>,
        mut done: UnboundedReceiver<Done>,
    ) {
        loop {
            self.act();
            self.share();
            let wait = self.clock.until(self.engine.next_wake_ns());
            // Whatever came is taken before the clock is asked: an answer that is there counts.
            tokio::select! {
                biased;
                Some(called) = self.calls.join_next_with_id() => self.called(called),
                Some(done) = done.recv() => self.stored(done),
                command = commands.recv() => match command {
                    Some(command) => self.told(command),
                    None => return,
                },
                () = tokio::time::sleep(wait) => {}
            }
            let meter = self.client.meter();
            self.engine.went(meter.sent() + meter.received());
            self.engine.tick(self.clock.now_ns());
        }
    }

    fn told(&mut self, command: Command) {
        let now_ns = self.clock.now_ns();
        match command {
            Command::Submit {
                request,
                bytes,
                deadline_ns,
                worth,
            } => {
                let block = request.scene.block.clone();
                // Of a block that is given again the first request stays.
                let request = (request, worth);
                let first = !self.requests.contains_key(&block);
                self.requests.entry(block.clone()).or_insert(request);
                self.engine.submit(
                    now_ns,
                    &Submission {
                        block: block.clone(),
                        bytes,
                        deadline_ns,
                    },
                );
                let actions = self.engine.take_actions();
                let taken = actions.contains(&Action::Store(block.clone()));
                actions.into_iter().for_each(|action| self.one(action));
                if first && !taken {
                    self.requests.remove(&block);
                }
            }
            Command::Logged { block, verdict } => self.ask(Ask::Logged { block, verdict }),
            Command::Stop(reply) => {
                self.engine.stop(now_ns);
                self.act();
                self.stopping.push(reply);
                self.ask(Ask::Flush);
            }
        }
    }

    fn stored(&mut self, done: Done) {
        let now_ns = self.clock.now_ns();
        match done {
            Done::Stored(block, result) => self.engine.stored(now_ns, &block, result),
            Done::Recorded(block, result) => self.engine.recorded(now_ns, &block, result),
            Done::Evicted(blocks) => self.engine.evicted(now_ns, &blocks),
            Done::Loaded(call, loaded) => self.loaded(call, loaded),
            Done::Holds(bytes) => self.gathered.spool_bytes = bytes,
            Done::Flushed => {
                // Rulings that were recorded meanwhile are handed out before.
                self.act();
                if let Some(reply) = self.stopping.pop() {
                    let _ = reply.send(());
                }
            }
        }
    }

    fn loaded(&mut self, call: u64, loaded: Result<Vec<u8>, SpoolError>) {
        let Some(limit) = self.loading.remove(&call) else {
            return;
        };
        let request = match loaded {
            Ok(payload) => ModelInferRequest::decode(&payload[..])
                .map_err(|e| (Unsent::Damaged, e.to_string()))
                .and_then(|message| {
                    VerifyRequest::from_message(&message, &self.target)
                        .map_err(|e| (Unsent::Damaged, e.to_string()))
                }),
            Err(error @ (SpoolError::Damaged(_) | SpoolError::Unknown(_))) => {
                Err((Unsent::Damaged, error.to_string()))
            }
            Err(error) => Err((Unsent::Fault, error.to_string())),
        };
        match request {
            Ok(request) => self.verify(call, Arc::new(request), limit),
            Err((why, error)) => {
                tracing::warn!(?why, error, "a spooled block could not be sent");
                self.engine.unsent(self.clock.now_ns(), call, why);
            }
        }
    }

    fn called(&mut self, called: Result<(Id, Called), tokio::task::JoinError>) {
        let now_ns = self.clock.now_ns();
        match called {
            Ok((task, called)) => {
                self.tasks.remove(&task);
                let was = self.engine.view().state;
                self.gathered.fault = called.fault();
                match called {
                    Called::Probed(call, result) => {
                        let result = result.map_err(|e| e.failure());
                        self.engine.probed(now_ns, call, result);
                    }
                    Called::Verified(call, Ok((ruling, bytes)), _) => {
                        self.engine.verified(now_ns, call, ruling, bytes as u64);
                    }
                    Called::Verified(call, Err(error), bytes) => {
                        if let CallError::Refused(why) = &error {
                            tracing::warn!(why, "the target refuses a block, which is given up");
                        }
                        self.engine
                            .failed(now_ns, call, error.failure(), bytes as u64);
                    }
                }
                self.tell(was);
            }
            // A task that panicked: its call must not stay open.
            Err(error) => {
                if let Some(call) = self.tasks.remove(&error.id()) {
                    tracing::error!(%error, "a call has ended without a word");
                    self.engine.unsent(now_ns, call, Unsent::Fault);
                }
            }
        }
    }

    /// Says when the link is another than before.
    fn tell(&self, was: LinkState) {
        let state = self.engine.view().state;
        let why = self.gathered.fault.as_deref().unwrap_or_default();
        match state {
            _ if state == was => {}
            LinkState::Down => {
                tracing::warn!(why, "no link to the target: drafts stand, blocks wait");
            }
            _ => tracing::info!(?state, "link to the target"),
        }
    }

    fn act(&mut self) {
        let actions = self.engine.take_actions();
        actions.into_iter().for_each(|action| self.one(action));
    }

    fn one(&mut self, action: Action) {
        match action {
            Action::Store(block) => {
                if let Some((request, worth)) = self.requests.get(&block) {
                    let (request, worth) = (Arc::clone(request), *worth);
                    let waiting = Waiting {
                        deadline_ns: self.engine.deadline_ns(&block).unwrap_or_default(),
                        worth,
                        block,
                    };
                    self.ask(Ask::Store(waiting, request));
                }
            }
            Action::Record(block, ruling) => self.ask(Ask::Record(block, ruling)),
            Action::Discard(block) => self.ask(Ask::Discard(block)),
            Action::Expire => self.ask(Ask::Expire),
            Action::Send {
                call,
                block,
                timeout_ns,
            } => {
                let limit = Duration::from_nanos(timeout_ns);
                match self.requests.get(&block) {
                    Some((request, _)) => self.verify(call, Arc::clone(request), limit),
                    None => {
                        self.loading.insert(call, limit);
                        self.ask(Ask::Load { call, block });
                    }
                }
            }
            Action::Probe { call, timeout_ns } => {
                let client = self.client.clone();
                let limit = Duration::from_nanos(timeout_ns);
                let probe = async move { Called::Probed(call, client.probe(limit).await) };
                let task = self.calls.spawn(probe).id();
                self.tasks.insert(task, call);
            }
            Action::Reconnect => {
                if let Err(error) = self.client.reconnect() {
                    tracing::error!(%error, "the old connection stays");
                }
            }
            Action::Hand(answer) => self.hand(answer),
            Action::Release(block) => {
                self.requests.remove(&block);
            }
        }
    }

    fn verify(&mut self, call: u64, request: Arc<VerifyRequest>, limit: Duration) {
        let (client, target) = (self.client.clone(), self.target);
        let verify = async move {
            let answer = client.verify(&request, &target, limit).await;
            let answer = answer.map(|(verdict, bytes)| {
                let confirms = verdict.confirms(&request.drafts);
                let frames = verdict.frames.iter().zip(&request.drafts);
                let ruling = Ruling {
                    texts: frames.map(|(frame, draft)| frame.text(draft)).collect(),
                    drafted: request
                        .drafts
                        .iter()
                        .map(|draft| draft.tokens.len() as u16)
                        .collect(),
                    verdict,
                    confirms,
                };
                (ruling, bytes)
            });
            Called::Verified(call, answer, request.to_message().encoded_len())
        };
        let task = self.calls.spawn(verify).id();
        self.tasks.insert(task, call);
    }

    fn hand(&mut self, answer: Answer) {
        let first = match &answer.outcome {
            Outcome::Confirmed(_) | Outcome::Corrected(_) => true,
            Outcome::Unverified { why, .. } => *why != Why::Restarted,
            Outcome::Amended(_) | Outcome::Repeated => false,
        };
        if first {
            let late = self.clock.now_ns().saturating_sub(answer.deadline_ns);
            self.gathered.late(late);
        }
        // A caller that does not listen any more gets it again after the next start.
        let _ = self.ends.answers.send(answer);
    }

    fn ask(&self, ask: Ask) {
        // The spool's thread lives until this end is closed.
        let _ = self.ends.storage.send(ask);
    }

    fn share(&self) {
        let meter = self.client.meter();
        let stats = self
            .gathered
            .stats(&self.engine, meter.sent(), meter.received());
        *self
            .ends
            .shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = stats;
    }
}
