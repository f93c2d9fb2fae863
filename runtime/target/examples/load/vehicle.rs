//! A simulated vehicle: blocks come, wait their turn, are sent again where they were refused.

use super::tally::Tally;
use drafthorse_protocol::inference::ModelInferRequest;
use drafthorse_protocol::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use drafthorse_protocol::{BlockId, VerifyRequest};
use drafthorse_target::serve::PUSHBACK;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::transport::Channel;
use tonic::{Request, Status};

/// First and longest pause after a refusal.
const BACKOFF: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(8)];
/// How long vehicles go on behind the last block, to empty their spools.
const AFTER: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(crate) enum Pattern {
    /// At a rate, with another in the middle third.
    Open { rate: f64, peak_rate: f64 },
    /// The next as soon as there is an answer.
    Closed,
    /// So many at once, whatever is said.
    Flood { at_once: usize },
}

#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) pattern: Pattern,
    pub(crate) lasts: Duration,
    pub(crate) deadline: Duration,
}

pub(crate) struct Vehicle {
    number: usize,
    client: GrpcInferenceServiceClient<Channel>,
    blocks: Arc<Vec<VerifyRequest>>,
    sent: usize,
    began: Instant,
    tally: Tally,
    /// State of the jitter, another in each vehicle.
    random: u64,
}

impl Vehicle {
    pub(crate) fn new(
        number: usize,
        client: GrpcInferenceServiceClient<Channel>,
        blocks: Arc<Vec<VerifyRequest>>,
    ) -> Self {
        Self {
            number,
            client,
            blocks,
            sent: 0,
            began: Instant::now(),
            tally: Tally::default(),
            random: 0x9e37_79b9_7f4a_7c15 ^ number as u64,
        }
    }

    pub(crate) async fn drive(mut self, plan: Plan) -> Tally {
        self.began = Instant::now();
        match plan.pattern {
            Pattern::Open { rate, peak_rate } => self.open(plan, rate, peak_rate).await,
            Pattern::Closed => self.closed(plan).await,
            Pattern::Flood { at_once } => self.flood(plan, at_once).await,
        }
        self.tally
    }

    /// Blocks come by the clock and wait in the spool; one is under way at a time.
    async fn open(&mut self, plan: Plan, rate: f64, peak_rate: f64) {
        let third = plan.lasts / 3;
        // The vehicles' clocks are not in step.
        let mut next = Duration::from_secs_f64(self.draw() / rate);
        let mut spool: VecDeque<(Duration, ModelInferRequest)> = VecDeque::new();
        let (mut pause, mut not_before) = (BACKOFF[0], Duration::ZERO);
        while self.began.elapsed() < plan.lasts + AFTER {
            let now = self.began.elapsed();
            while next <= now && next < plan.lasts {
                spool.push_back((next, self.message()));
                self.tally.blocks += 1;
                let is_peak = (third..2 * third).contains(&next);
                next += Duration::from_secs_f64(1.0 / if is_peak { peak_rate } else { rate });
            }
            self.tally.longest_spool = self.tally.longest_spool.max(spool.len());
            let Some((came, message)) = spool.front().cloned() else {
                if next >= plan.lasts {
                    return;
                }
                tokio::time::sleep(next.saturating_sub(now)).await;
                continue;
            };
            if not_before > now {
                tokio::time::sleep(not_before - now).await;
                continue;
            }
            match self.call(message, plan.deadline).await {
                Ok(()) => {
                    let done = self.began.elapsed();
                    self.tally.latencies.push(done - came);
                    if spool.len() > 1 {
                        let after = done.saturating_sub(2 * third);
                        self.tally.recovered_after = self.tally.recovered_after.max(after);
                    }
                    spool.pop_front();
                    pause = BACKOFF[0];
                }
                Err(status) => {
                    // What the server says, and as much again by chance: not all come back at once.
                    let wait = pushback(&status).unwrap_or(pause);
                    not_before = self.began.elapsed() + wait.mul_f64(1.0 + self.draw());
                    pause = (2 * pause).min(BACKOFF[1]);
                }
            }
        }
    }

    async fn closed(&mut self, plan: Plan) {
        while self.began.elapsed() < plan.lasts {
            let (began, message) = (Instant::now(), self.message());
            self.tally.blocks += 1;
            match self.call(message, plan.deadline).await {
                Ok(()) => self.tally.latencies.push(began.elapsed()),
                Err(status) => {
                    tokio::time::sleep(pushback(&status).unwrap_or(BACKOFF[0])).await;
                }
            }
        }
    }

    async fn flood(&mut self, plan: Plan, at_once: usize) {
        while self.began.elapsed() < plan.lasts {
            let calls = (0..at_once).map(|_| {
                let (mut client, message) = (self.client.clone(), self.message());
                self.tally.blocks += 1;
                self.tally.call(self.began.elapsed());
                let mut request = Request::new(message);
                request.set_timeout(plan.deadline);
                tokio::spawn(async move {
                    let began = Instant::now();
                    client.model_infer(request).await.map(|_| began.elapsed())
                })
            });
            for call in calls.collect::<Vec<_>>() {
                match call.await {
                    Ok(Ok(latency)) => self.tally.latencies.push(latency),
                    Ok(Err(status)) => self.tally.refuse(status.code()),
                    Err(_) => return,
                }
            }
        }
    }

    async fn call(&mut self, message: ModelInferRequest, deadline: Duration) -> Result<(), Status> {
        let mut request = Request::new(message);
        request.set_timeout(deadline);
        self.tally.call(self.began.elapsed());
        let answer = self.client.model_infer(request).await;
        if let Err(status) = &answer {
            self.tally.refuse(status.code());
        }
        answer.map(|_| ())
    }

    /// The next block, under an id of its own.
    fn message(&mut self) -> ModelInferRequest {
        let index = (self.number * 7 + self.sent) % self.blocks.len();
        let mut request = self.blocks[index].clone();
        let process = std::process::id();
        let name = format!("load-{process}-{}-{}", self.number, self.sent);
        self.sent += 1;
        if let Ok(block) = BlockId::new(name) {
            request.scene.block = block;
        }
        request.to_message()
    }

    /// 0 to 1 (xorshift64).
    fn draw(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn pushback(status: &Status) -> Option<Duration> {
    let ms = status
        .metadata()
        .get(PUSHBACK)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_millis(ms))
}
