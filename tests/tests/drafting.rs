//! Drafts of a run, and a target that judges them: in time, not at all, and later.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse::config::Config;
use drafthorse::run::{RunOptions, run};
use drafthorse::summary::Summary;
use drafthorse_engine_auto::Engines;
use drafthorse_record::LogReader;
use drafthorse_record::messages::drafthorse::verdict::Outcome;
use drafthorse_record::messages::drafthorse::{Description, KeptWindow, Link, Verdict};
use drafthorse_target::serve::{ServeOptions, bind};
use drafthorse_target::{Target, TargetFiles, TargetOptions};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/scene-vlm-s");
const DRAFTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/scene-drafter-s");

/// A target in this process; it ends when it is dropped.
struct Running {
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let (told, address) = mpsc::channel();
        let (end, ended) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let files = TargetFiles::read(Path::new(MODEL), Some(Path::new(DRAFTER))).unwrap();
            let engines = Engines::open(&drafthorse_engine_auto::EngineConfig::default()).unwrap();
            let (target, _) =
                Target::open_on_first(&files, &engines, &TargetOptions::default()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let options = ServeOptions {
                    listen: SocketAddr::from(([127, 0, 0, 1], 0)),
                    ..ServeOptions::default()
                };
                let bound = bind(&files, vec![target], options).await.unwrap();
                told.send(bound.address()).unwrap();
                bound.run(async { drop(ended.await) }).await.unwrap();
            });
        });
        Self {
            address: address.recv().unwrap(),
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A drive with many keyframes whose drafts go to a target there.
fn drive(out: &Path, address: SocketAddr, pool: &str, deadline_s: f64) -> Summary {
    drive_with(out, address, pool, deadline_s, "")
}

/// The same with more tables.
fn drive_with(
    out: &Path,
    address: SocketAddr,
    pool: &str,
    deadline_s: f64,
    tables: &str,
) -> Summary {
    let text = format!(
        r#"
        [[sensors]]
        name = "source"
        source = "synth:?seed=11&seconds=30&camera_fps=5"
        [keyframes.budget]
        least = 0.05
        [keyframes.apex.weights]
        turnover = 0.2
        [vision]
        model = {MODEL:?}
        drafter = {DRAFTER:?}
        keep = 0.5
        [router]
        audit_share = 0.0
        pool = {pool:?}
        [offload]
        deadline_s = {deadline_s}
        spool = "spool"
        target = {{ address = "http://{address}", insecure = true }}
        {tables}
        "#
    );
    let path = out.join("car.toml");
    std::fs::write(&path, text).unwrap();
    let config = Config::read(&path).unwrap();
    run(&config, &RunOptions::new(out)).unwrap()
}

fn of_topic<M: prost::Message + Default>(logs: &[PathBuf], topic: &str) -> Vec<M> {
    let mut found = Vec::new();
    for log in logs {
        let mut reader = LogReader::open(log).unwrap();
        while let Some(m) = reader.next().unwrap() {
            if m.channel.topic == topic {
                found.push(M::decode(m.data).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_draft_is_kept_or_judged_and_the_log_says_which() {
    let target = Running::start();
    let dir = tempfile::tempdir().unwrap();
    let kept = drive(dir.path(), target.address, "never", 20.0);
    let descriptions: Vec<Description> = of_topic(&kept.logs, "/descriptions");
    assert!(
        descriptions.len() >= 3,
        "{} descriptions",
        descriptions.len()
    );
    assert_eq!(kept.blocks.accepted, descriptions.len() as u64);
    let stood: Vec<Verdict> = of_topic(&kept.logs, "/verdicts");
    assert_eq!(stood.len(), descriptions.len());
    for verdict in &stood {
        assert!(verdict.outcome() == Outcome::Accepted && verdict.frames.is_empty());
    }

    let dir = tempfile::tempdir().unwrap();
    let summary = drive(dir.path(), target.address, "always", 20.0);
    let descriptions: Vec<Description> = of_topic(&summary.logs, "/descriptions");
    let verdicts: Vec<Verdict> = of_topic(&summary.logs, "/verdicts");
    let by_block: HashMap<&str, &Verdict> = verdicts
        .iter()
        .map(|verdict| (verdict.block.as_str(), verdict))
        .collect();
    assert_eq!(by_block.len(), verdicts.len(), "one verdict a block");
    assert_eq!(verdicts.len(), descriptions.len());
    for description in &descriptions {
        let verdict = by_block[description.block.as_str()];
        assert_eq!(verdict.keyframe_ns, description.keyframe_ns);
        match verdict.outcome() {
            Outcome::Confirmed => {
                assert_eq!(verdict.frames[0].text, description.text);
                assert_eq!(verdict.frames[0].accepted, verdict.frames[0].drafted);
            }
            Outcome::Corrected => {
                assert_ne!(verdict.frames[0].text, description.text);
                assert!(!verdict.frames[0].text.is_empty());
            }
            other => panic!("{other:?}: {}", verdict.why),
        }
    }
    let blocks = &summary.blocks;
    assert_eq!(blocks.drafted, descriptions.len() as u64);
    assert_eq!(blocks.confirmed + blocks.corrected, blocks.drafted);
    assert!(
        blocks.sent_bytes > 0 && blocks.sent_bytes < blocks.pictures_bytes,
        "{blocks:?}"
    );
    let links: Vec<Link> = of_topic(&summary.logs, "/link");
    assert_eq!(links.last().unwrap().state, "up");
}

#[test]
fn reports_of_the_link_keep_nothing_where_only_keyframes_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = nobody();
    let tables = r#"
        [record]
        policy = "keyframes"
        free_space_floor_mib = 16
        [record.windows]
        pre_roll_s = 1.0
        post_roll_s = 0.5
        segment_s = 1.0
        "#;
    let summary = drive_with(dir.path(), nobody, "always", 0.5, tables);
    let kept: Vec<KeptWindow> = of_topic(&summary.logs, "/record/kept");
    assert_eq!(kept.len() as u64, summary.kept_windows);
    // Six windows of 1.5 s touch up to four files of a second each, and what is said of them one more; the drive has
    // thirty.
    let dropped = summary.dropped_by_policy;
    assert!(dropped.segments >= 4, "{dropped:?}");
    // Their stamps are of the drive, whatever the clock on the wall says.
    let ends: Vec<u64> = [kept.first(), kept.last()]
        .into_iter()
        .flatten()
        .map(|window| window.at_ns)
        .collect();
    let links: Vec<Link> = of_topic(&summary.logs, "/link");
    for link in &links {
        assert!(
            ends.iter()
                .all(|end| link.at_ns.abs_diff(*end) < 60_000_000_000)
        );
    }
}

/// A port that nobody listens on.
fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn without_a_target_drafts_are_unverified_and_the_next_run_amends_them() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = nobody();
    let first = drive(dir.path(), nobody, "always", 0.5);
    let unverified: Vec<Verdict> = of_topic(&first.logs, "/verdicts");
    assert!(!unverified.is_empty());
    for verdict in &unverified {
        assert_eq!(verdict.outcome(), Outcome::Unverified);
        assert!(verdict.spooled && !verdict.why.is_empty(), "{verdict:?}");
    }

    let target = Running::start();
    let second = drive(dir.path(), target.address, "always", 20.0);
    let said: Vec<Verdict> = of_topic(&second.logs, "/verdicts");
    let amended: Vec<&Verdict> = said
        .iter()
        .filter(|verdict| verdict.outcome() == Outcome::Amended)
        .collect();
    let mut of_first: Vec<&str> = unverified.iter().map(|v| v.block.as_str()).collect();
    let mut got: Vec<&str> = amended.iter().map(|v| v.block.as_str()).collect();
    of_first.sort_unstable();
    got.sort_unstable();
    assert_eq!(got, of_first, "each block of the first run, once");
    for verdict in amended {
        assert!(!verdict.frames[0].text.is_empty() && verdict.keyframe_ns > 0);
    }
    // What is amended is done with: a third run hears nothing of it.
    let third = drive(dir.path(), target.address, "always", 20.0);
    assert_eq!(third.blocks.amended, 0);
}
