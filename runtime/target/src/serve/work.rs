//! Blocks waiting for the model, and the threads that run it.

use super::admission::Permit;
use super::answers::{Answers, Question};
use crate::error::TargetError;
use crate::target::Target;
use drafthorse_protocol::{GenerateRequest, Verdict, VerifyRequest};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What is asked.
pub(crate) enum Ask {
    Verify(VerifyRequest),
    Generate(GenerateRequest),
}

/// A block on its way to the model. Its permit bounds how many there are.
pub(crate) struct Job {
    pub(crate) ask: Ask,
    pub(crate) question: Question,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<Done, TargetError>>,
    pub(crate) permit: Permit,
}

/// A verdict, and what it took.
pub(crate) struct Done {
    pub(crate) verdict: Arc<Verdict>,
    pub(crate) took: Duration,
}

/// The way to the workers. They end once every clone is gone and all jobs are done.
#[derive(Clone)]
pub(crate) struct Work {
    jobs: mpsc::Sender<Job>,
    known: Arc<Known>,
}

/// What workers and the service share.
struct Known {
    answers: Mutex<Answers>,
    /// What a block took of late, ns: a running mean.
    block_ns: AtomicU64,
    workers: usize,
}

impl Work {
    /// A worker for each target.
    pub(crate) fn start(
        targets: Vec<Target>,
        answers: usize,
    ) -> std::io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let known = Arc::new(Known {
            answers: Mutex::new(Answers::new(answers)),
            block_ns: AtomicU64::new(0),
            workers: targets.len(),
        });
        let start = |target| {
            let (queue, known) = (Arc::clone(&queue), Arc::clone(&known));
            let thread = std::thread::Builder::new().name("target".to_owned());
            thread.spawn(move || known.work(target, &queue))
        };
        let threads = targets.into_iter().map(start).collect::<Result<_, _>>()?;
        Ok((Self { jobs, known }, threads))
    }

    pub(crate) fn answer(&self, question: &Question) -> Option<Arc<Verdict>> {
        locked(&self.known.answers).get(question)
    }

    /// Queues a job; `false` where all workers have ended.
    pub(crate) fn ask(&self, job: Job) -> bool {
        self.jobs.send(job).is_ok()
    }

    /// When so many blocks will be done, as far as can be told.
    pub(crate) fn time_of(&self, blocks: usize) -> Duration {
        let each = Duration::from_nanos(self.known.block_ns.load(Ordering::Relaxed));
        let rounds = blocks.div_ceil(self.known.workers);
        each.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }
}

impl Known {
    fn work(&self, mut target: Target, queue: &Mutex<mpsc::Receiver<Job>>) {
        loop {
            let next = locked(queue).recv();
            let Ok(job) = next else { return };
            self.answer(&mut target, job);
        }
    }

    fn answer(&self, target: &mut Target, job: Job) {
        // Nobody waits any more.
        if job.reply.is_closed() {
            return;
        }
        let known = locked(&self.answers).get(&job.question);
        let done = match known {
            // It was asked twice before the first answer.
            Some(verdict) => Ok(Done {
                verdict,
                took: Duration::ZERO,
            }),
            None => self.run(target, &job),
        };
        // Who waited may have gone meanwhile; the answer is kept for when they ask again.
        let _ = job.reply.send(done);
        drop(job.permit);
    }

    fn run(&self, target: &mut Target, job: &Job) -> Result<Done, TargetError> {
        let began = Instant::now();
        let run = || match &job.ask {
            Ask::Verify(request) => target.verify(request, Some(job.deadline)),
            Ask::Generate(request) => target.generate(request, Some(job.deadline)),
        };
        // Every block begins with an empty cache: what a panic leaves behind is not seen again.
        let verdict = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(TargetError::Panicked))?;
        let (verdict, took) = (Arc::new(verdict), began.elapsed());
        locked(&self.answers).put(job.question, Arc::clone(&verdict));
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let _ = self
            .block_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |mean| {
                Some(match mean {
                    0 => took_ns,
                    _ => mean - mean / 8 + took_ns / 8,
                })
            });
        Ok(Done { verdict, took })
    }
}

/// A lock whose holder cannot have left it half changed.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
