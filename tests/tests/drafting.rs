//! Drafts of a run, and a target that judges them: in time, not at all, and later.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse::config::Config;
use drafthorse::find::{FindOptions, find};
use drafthorse::report::{self, ReportOptions};
use drafthorse::run::{RunOptions, run};
use drafthorse::summary::Summary;
use drafthorse_engine_auto::Engines;
use drafthorse_record::LogReader;
use drafthorse_record::messages::drafthorse::verdict::Outcome;
use drafthorse_record::messages::drafthorse::{Description, Fault, KeptWindow, Link, Verdict};
use drafthorse_target::serve::{ServeOptions, bind};
use drafthorse_target::{Target, TargetFiles, TargetOptions};
use drafthorse_tests::{of_source, run_config};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/scene-vlm-s");
const DRAFTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/scene-drafter-s");

/// A drive with many keyframes.
const DRIVE: &str = "synth:?seed=11&seconds=30&camera_fps=5";

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
    drive_of(
        out,
        address,
        &format!("pool = {pool:?}"),
        deadline_s,
        "",
        tables,
    )
}

/// The same with what the router is told, keys of `[vision]`, and more tables.
fn drive_of(
    out: &Path,
    address: SocketAddr,
    router: &str,
    deadline_s: f64,
    vision: &str,
    tables: &str,
) -> Summary {
    let text = format!(
        r#"
        [[sensors]]
        name = "source"
        source = "{DRIVE}"
        [keyframes.budget]
        least = 0.05
        [keyframes.apex.weights]
        turnover = 0.2
        [vision]
        model = {MODEL:?}
        drafter = {DRAFTER:?}
        keep = 0.5
        {vision}
        [router]
        audit_share = 0.0
        {router}
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
        assert_eq!(verdict.outcome(), Outcome::Accepted);
        assert_eq!(
            (verdict.frames.len(), verdict.frames[0].text.as_str()),
            (1, "")
        );
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
        // What is looked for is what the target wrote, and never what it struck out.
        let options = FindOptions::default();
        let found = find(&verdict.frames[0].text, &summary.logs[0], &options).unwrap();
        let why = &found.hits[0].why;
        assert!(why.iter().any(|why| why.contains("/verdicts")), "{why:?}");
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
    // One page of both says so, where the second run's own speaks of its own drafts.
    let page = dir.path().join("both.html");
    let logs = [first.logs.as_slice(), second.logs.as_slice()].concat();
    report::write(&logs, &page, &ReportOptions::default()).unwrap();
    let page = std::fs::read_to_string(page).unwrap();
    let totals = format!("\"amended\":{}", of_first.len());
    assert!(page.contains(&totals), "{totals}");
    // What is amended is done with: a third run hears nothing of it.
    let third = drive(dir.path(), target.address, "always", 20.0);
    assert_eq!(third.blocks.amended, 0);
}

/// A second camera beside the drive's own, whose pictures are of another drive: two keys of its sensor.
fn rear(dir: &Path) -> String {
    let config = of_source(&DRIVE.replace("seed=11", "seed=12"));
    let log = run_config(&config, &dir.join("rear")).logs.remove(0);
    let path = log.display();
    format!("name = \"rear\"\nsource = \"mcap:{path}?topic=/camera_front/image\"")
}

/// Descriptions of a log by block and place, each with what the last verdict on its block says of it.
fn judged(summary: &Summary) -> Vec<(Description, Verdict)> {
    let descriptions: Vec<Description> = of_topic(&summary.logs, "/descriptions");
    let verdicts: Vec<Verdict> = of_topic(&summary.logs, "/verdicts");
    let of_block = |block: &str| verdicts.iter().rfind(|v| v.block == block).unwrap().clone();
    let pair = |description: Description| {
        let verdict = of_block(&description.block);
        (description, verdict)
    };
    descriptions.into_iter().map(pair).collect()
}

#[test]
fn the_pictures_of_several_cameras_are_one_block_and_the_worst_decides() {
    let dir = tempfile::tempdir().unwrap();
    let sensor = rear(dir.path());
    let both = r#"cameras = ["camera_front", "rear"]"#;
    let tables = format!("[[sensors]]\n{sensor}");
    let target = Running::start();
    let sent = drive_of(
        dir.path(),
        target.address,
        "pool = \"always\"",
        20.0,
        both,
        &tables,
    );
    let blocks = &sent.blocks;
    assert!(blocks.drafted >= 3, "{blocks:?}");
    assert_eq!(blocks.drafted_pictures, 2 * blocks.drafted);
    assert_eq!(blocks.confirmed + blocks.corrected, blocks.drafted);
    let mut told = HashMap::new();
    for (description, verdict) in judged(&sent) {
        assert_eq!(verdict.frames.len(), 2);
        let place = description.frame as usize;
        let frame = &verdict.frames[place];
        assert_eq!(description.camera, ["camera_front", "rear"][place]);
        assert_eq!(frame.camera, description.camera);
        match frame.outcome() {
            Outcome::Confirmed => assert_eq!(frame.text, description.text),
            Outcome::Corrected => assert_ne!(frame.text, description.text),
            other => panic!("{other:?} of a picture that the target saw"),
        }
        let mut frames = verdict.frames.iter();
        let all_stand = frames.all(|frame| frame.outcome() == Outcome::Confirmed);
        assert_eq!(verdict.outcome() == Outcome::Confirmed, all_stand);
        told.entry((description.block, place))
            .or_insert(description.text);
    }
    assert_eq!(
        told.len() as u64,
        blocks.drafted_pictures,
        "each place of a block once"
    );
    let unlike = told
        .iter()
        .filter(|((block, place), text)| *place == 0 && told[&(block.clone(), 1)] != **text);
    assert!(unlike.count() > 0, "the cameras see different streets");

    // A threshold between the blocks' scores: each goes by its worse picture.
    let mut scores: Vec<f32> = judged(&sent).iter().map(|(of, _)| of.score).collect();
    scores.sort_by(f32::total_cmp);
    let tau = f64::midpoint(
        scores[scores.len() / 2 - 1].into(),
        scores[scores.len() / 2].into(),
    );
    let router = format!("threshold = {{ fixed = {{ tau = {tau} }} }}");
    let split = drive_of(dir.path(), target.address, &router, 20.0, both, &tables);
    let mut worst = HashMap::new();
    for (description, verdict) in judged(&split) {
        let of = worst
            .entry(description.block)
            .or_insert((f32::INFINITY, verdict));
        of.0 = of.0.min(description.score);
    }
    for (score, verdict) in worst.values() {
        assert_eq!(*score, verdict.score);
        // A poor link lowers the threshold; the verdict has the one that counted.
        let good = *score >= verdict.threshold;
        assert_eq!(verdict.outcome() == Outcome::Accepted, good);
    }
    assert_eq!(worst.len() as u64, split.blocks.drafted);
    assert!(
        split.blocks.accepted < split.blocks.drafted,
        "{:?}",
        split.blocks
    );

    // Nobody answers, and a later run amends each block whole.
    let offline = drive_of(
        dir.path(),
        nobody(),
        "pool = \"always\"",
        0.5,
        both,
        &tables,
    );
    let drafts: HashMap<_, _> = judged(&offline)
        .into_iter()
        .map(|(description, verdict)| {
            let frame = &verdict.frames[description.frame as usize];
            assert_eq!(frame.outcome(), Outcome::Unverified);
            assert_eq!(
                (frame.camera.as_str(), frame.accepted),
                (description.camera.as_str(), 0)
            );
            ((description.block, description.frame), description.text)
        })
        .collect();
    let later = drive_of(
        dir.path(),
        target.address,
        "pool = \"never\"",
        20.0,
        both,
        &tables,
    );
    let said: Vec<Verdict> = of_topic(&later.logs, "/verdicts");
    let amended: Vec<_> = said
        .iter()
        .filter(|verdict| verdict.outcome() == Outcome::Amended)
        .collect();
    assert_eq!(
        2 * amended.len(),
        drafts.len(),
        "each block of the run before, once"
    );
    for verdict in amended {
        for (place, frame) in verdict.frames.iter().enumerate() {
            let draft = &drafts[&(verdict.block.clone(), place as u32)];
            assert_eq!(frame.outcome() == Outcome::Confirmed, frame.text == *draft);
        }
    }
}

#[test]
fn a_live_run_records_though_its_offload_cannot_begin() {
    let dir = tempfile::tempdir().unwrap();
    // What should be the spool's folder is a file.
    std::fs::write(dir.path().join("spool"), "in the way").unwrap();
    let tried = |live: &str| {
        let text = format!(
            r#"
            [[sensors]]
            name = "source"
            source = "synth:?seed=11&seconds=3&camera_fps=2{live}"
            [vision]
            model = {MODEL:?}
            drafter = {DRAFTER:?}
            [offload]
            spool = "spool"
            target = {{ address = "http://127.0.0.1:1", insecure = true }}
            "#
        );
        let path = dir.path().join("car.toml");
        std::fs::write(&path, text).unwrap();
        run(
            &Config::read(&path).unwrap(),
            &RunOptions::new(dir.path().join(format!("out{live}"))),
        )
    };
    // Whoever runs over recordings is there to be told.
    let refused = format!("{:#}", tried("").unwrap_err());
    assert!(refused.contains("offload cannot begin"), "{refused}");
    let summary = tried("&live=1").unwrap();
    assert!(summary.scans > 5 && summary.messages > 20, "{summary:?}");
    let why = summary.blocks.link_fault.unwrap();
    assert!(why.contains("offload cannot begin"), "{why}");
    let events: Vec<Fault> = of_topic(&summary.logs, "/events");
    let told = events
        .iter()
        .filter(|event| event.detail.contains("offload"));
    assert_eq!(told.count(), 1);
}
