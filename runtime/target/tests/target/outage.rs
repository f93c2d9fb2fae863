//! A server of the target that is killed and started again while a vehicle's blocks go: each block has one first outcome,
//! and in the end its one verdict, which is the target's own. `tests/triton/chaos.sh` says which servers: Triton and ours.

use crate::common::{Asked, Exam, trained};
use drafthorse_offload::client::ClientSettings;
use drafthorse_offload::link::LinkState;
use drafthorse_offload::{Answer, Block, Offload, Outcome, Settings, Stats};
use drafthorse_protocol::BlockId;
use std::collections::{HashMap, HashSet};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Each round the server is killed in the middle of its blocks, and another one started some blocks later.
const ROUNDS: usize = 3;
const BLOCKS_A_ROUND: usize = 40;
const KILLED_AT: usize = 20;
const STARTED_AT: usize = 30;
const BETWEEN: Duration = Duration::from_millis(100);
const DEADLINE: Duration = Duration::from_millis(1500);
/// A server is loaded, or a spool is empty, by then.
const PATIENCE: Duration = Duration::from_secs(180);

/// A server in a process group of its own, so that what it started is killed with it.
struct Server {
    command: String,
    running: Option<Child>,
}

impl Server {
    fn start(&mut self) {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("exec {}", self.command)]);
        command.process_group(0).stdout(Stdio::null());
        self.running = Some(command.spawn().unwrap());
    }

    fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let group = format!("-{}", running.id());
            let killed = Command::new("kill").args(["-KILL", "--", &group]).status();
            assert!(killed.unwrap().success());
            running.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What came of the blocks.
struct Log<'a> {
    exam: &'a Exam,
    asked: HashMap<String, Asked>,
    first: HashSet<String>,
    verdicts: HashSet<String>,
    near_ties: usize,
}

impl Log<'_> {
    fn take(&mut self, offload: &Offload) {
        while let Ok(answer) = offload.answers().try_recv() {
            self.one(&answer);
            offload.logged(&answer);
        }
    }

    fn one(&mut self, answer: &Answer) {
        let block = answer.block.to_string();
        if let Some(ruling) = answer.outcome.ruling() {
            assert!(self.verdicts.insert(block.clone()), "two verdicts: {block}");
            let asked = &self.asked[&block];
            let frames = &ruling.verdict.frames;
            self.near_ties += self.exam.near_ties(&block, asked, frames);
        }
        match &answer.outcome {
            Outcome::Amended(_) => assert!(self.first.contains(&block)),
            Outcome::Unverified { spooled, .. } => {
                assert!(spooled, "{block} is lost: {answer:?}");
                assert!(self.first.insert(block), "two first outcomes");
            }
            _ => assert!(self.first.insert(block), "two first outcomes"),
        }
    }

    fn until(&mut self, offload: &Offload, what: &str, enough: impl Fn(&Self, &Stats) -> bool) {
        let began = Instant::now();
        loop {
            self.take(offload);
            let stats = offload.stats();
            if enough(self, &stats) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{what} does not come: {stats:?}"
            );
            sleep(Duration::from_millis(5));
        }
    }
}

fn is_open(_: &Log<'_>, stats: &Stats) -> bool {
    matches!(stats.link.state, LinkState::Up | LinkState::Poor)
}

#[test]
fn blocks_outlive_a_server_that_is_killed() {
    let of_script = |name: &str| std::env::var(format!("DRAFTHORSE_OUTAGE_{name}")).ok();
    let Some(command) = of_script("SERVER") else {
        println!("left out: no server to kill here, tests/triton/chaos.sh has some");
        return;
    };
    let address = of_script("ADDRESS").unwrap();
    let certificates = PathBuf::from(of_script("CERTIFICATES").unwrap());
    let exam = Exam::trained().expect("DRAFTHORSE_ONNXRUNTIME names the library");
    let folder = tempfile::tempdir().unwrap();
    let target = ClientSettings {
        address: format!("https://{address}"),
        insecure: false,
        ca: Some(certificates.join("ca.pem")),
        certificate: Some(certificates.join("car-7.pem")),
        key: Some(certificates.join("car-7.key")),
        server_name: Some("localhost".to_owned()),
    };
    let settings = Settings {
        probe_s: 0.5,
        ..Settings::new(target, folder.path().join("spool"))
    };
    let mut server = Server {
        command,
        running: None,
    };
    server.start();
    let offload = Offload::start(&settings, trained().shape).unwrap();
    let mut log = Log {
        exam,
        asked: HashMap::new(),
        first: HashSet::new(),
        verdicts: HashSet::new(),
        near_ties: 0,
    };
    for round in 0..ROUNDS {
        log.until(&offload, "the server", is_open);
        for place in 0..BLOCKS_A_ROUND {
            match place {
                KILLED_AT => server.kill(),
                STARTED_AT => server.start(),
                _ => {}
            }
            let number = round * BLOCKS_A_ROUND + place;
            let mut asked = exam.blocks[number % exam.blocks.len()].clone();
            let name = format!("outage-{}-{number}", std::process::id());
            asked.request.scene.block = BlockId::new(name.clone()).unwrap();
            let block = Block {
                request: asked.request.clone(),
                deadline: DEADLINE,
                worth: 100,
            };
            log.asked.insert(name, asked);
            offload.submit(block).unwrap();
            log.take(&offload);
            sleep(BETWEEN);
        }
    }
    let all = ROUNDS * BLOCKS_A_ROUND;
    log.until(&offload, "the last verdict", |log, _| {
        log.verdicts.len() == all
    });
    log.until(&offload, "an empty spool", |_, stats| stats.waiting == 0);
    assert_eq!(log.first.len(), all);
    let stats = offload.stats();
    let counts = &stats.counts;
    let in_time = counts.confirmed + counts.corrected;
    println!(
        "{all} blocks, {ROUNDS} times killed: {in_time} verdicts in time, {} amended, {} near ties, late p50 {:.1} ms, most {:.1} ms",
        counts.amended,
        log.near_ties,
        stats.late_p50_ns as f64 / 1e6,
        stats.late_most_ns as f64 / 1e6,
    );
    assert!(in_time > 0 && counts.amended > 0);
    assert_eq!(in_time + counts.amended, all as u64);
    assert!(
        log.near_ties <= 2 + all / 100,
        "too many to be near ties by chance"
    );
}
