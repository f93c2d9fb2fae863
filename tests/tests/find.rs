//! Moments of a recorded drive by words: what was noted, what broke and who was there is found where it was,
//! and what cannot be looked for is refused.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse::find::{FindOptions, Found, Way, find};
use drafthorse::run::{RunOptions, TimedNote, run};
use drafthorse_core::Class;
use drafthorse_record::LogReader;
use drafthorse_record::messages::drafthorse::GroundTruth;
use drafthorse_tests::{of_source, rewrite, run_source};
use prost::Message as _;
use std::path::{Path, PathBuf};

const S: u64 = 1_000_000_000;
/// When a synthetic drive begins, ns.
const BEGIN_NS: u64 = drafthorse_synth::EPOCH_NS;

/// A drive whose pictures are broken for a second and a half from 14 s on, with notes at 6 s and 19 s.
fn noted_drive(dir: &Path) -> PathBuf {
    let recorded = run_source(
        "synth:?seed=11&seconds=24&camera_fps=4&town=old-town&light=night",
        &dir.join("first"),
        |_| (),
    );
    let broken = rewrite(&recorded.log.unwrap(), &dir.join("broken"), |message| {
        let at_s = (message.log_time_ns - BEGIN_NS) as f64 * 1e-9;
        if message.topic == "/camera_front/image" && (14.0..15.5).contains(&at_s) {
            let length = message.data.len();
            message.data[length / 2..].fill(0x55);
        }
    });
    let note = |at_s: u64, text: &str| TimedNote {
        at_ns: BEGIN_NS + at_s * S,
        text: text.to_owned(),
    };
    let options = RunOptions {
        notes: vec![
            note(6, "ambulance behind us"),
            note(19, "driver took over at the bus stop"),
        ],
        ..RunOptions::new(dir.join("second"))
    };
    let source = format!("mcap:{}", broken.display());
    run(&of_source(&source), &options).unwrap().log.unwrap()
}

fn since_begin_s(found: &Found, hit: usize) -> f64 {
    (found.hits[hit].at_ns as f64 - BEGIN_NS as f64) * 1e-9
}

/// The model with random weights that the vision crate is tested with.
fn random_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/vision/tests/data/scene_vlm")
}

#[test]
fn notes_faults_and_road_users_are_found_where_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let log = noted_drive(dir.path());
    let options = FindOptions::default();
    for (text, at_s, topic) in [
        ("emergency vehicle with a siren", 6.0, "/notes"),
        ("disengagement", 19.0, "/notes"),
        ("corrupt camera pictures", 14.0, "/faults"),
    ] {
        let found = find(text, &log, &options).unwrap();
        let first = since_begin_s(&found, 0);
        assert!(
            (first - at_s).abs() < 1.0,
            "{text}: {first} s\n{}",
            found.table()
        );
        assert!(
            found.hits[0].why.iter().any(|why| why.contains(topic)),
            "{:?}",
            found.hits[0].why
        );
        assert!(found.weights.context > 0.99, "{:?}", found.weights);
        assert!(found.hits.len() <= 8 && found.hits[0].anchor == format!("00:{:02}", first as u64));
    }
    // Whoever is found on one side was there, as the truth of the drive says.
    let found = find(
        "car on the left",
        &log,
        &FindOptions {
            count: 3,
            ..options.clone()
        },
    )
    .unwrap();
    assert_eq!(found.hits.len(), 3);
    let mut reader = LogReader::open(dir.path().join("first")).unwrap();
    let mut truths = Vec::new();
    while let Some(message) = reader.next().unwrap() {
        if message.channel.topic == "/truth" {
            truths.push(GroundTruth::decode(message.data).unwrap());
        }
    }
    for hit in &found.hits {
        let near = truths
            .iter()
            .filter(|truth| truth.captured_ns.abs_diff(hit.at_ns) < S / 2);
        let mut objects = near.flat_map(|truth| &truth.objects);
        let car = i32::from(drafthorse_record::messages::drafthorse::ObjectClass::from(
            Class::Car,
        ));
        assert!(
            objects.any(|o| o.class == car && o.y_m > 1.5 && o.returns > 0),
            "{hit:?}"
        );
    }
    // Ways that are there to compare with give as many moments, and the same log the same answer.
    for way in [
        Way::Static,
        Way::TopScore,
        Way::Adaptive,
        Way::Difference,
        Way::Uniform,
    ] {
        let of_way = FindOptions {
            way,
            gap_s: 1.0,
            ..options.clone()
        };
        let found = find("car on the left at night", &log, &of_way).unwrap();
        assert_eq!(found.hits.len(), 8, "{way:?}");
    }
    let again = || find("car on the left at night", &log, &options).unwrap();
    let [a, b] = [again(), again()].map(|found| serde_json::to_string(&found).unwrap());
    assert_eq!(a, b);
}

#[test]
fn a_model_of_few_words_looks_at_pictures_and_a_page_shows_them() {
    let dir = tempfile::tempdir().unwrap();
    let source = "synth:?seed=11&seconds=6&camera_fps=4";
    let log = run_source(source, dir.path(), |_| ()).log.unwrap();
    let html = dir.path().join("found.html");
    let options = FindOptions {
        model: Some((random_model(), of_source(source).engine)),
        html: Some(html.clone()),
        count: 3,
        ..FindOptions::default()
    };
    let found = find("car on the left in <fog>", &log, &options).unwrap();
    assert_eq!((found.engine.is_some(), found.pictures), (true, 12));
    let caption = found.caption.as_deref().unwrap();
    assert!(
        caption.contains("car") && !caption.contains("foggy"),
        "{caption}"
    );
    assert!(
        found.notices.iter().any(|notice| notice.contains("foggy")),
        "{:?}",
        found.notices
    );
    // One thing is asked of what patches show, one of the scene.
    let weights = found.weights;
    assert_eq!(
        [weights.grounding, weights.global, weights.context],
        [0.5, 0.5, 0.0]
    );
    assert!(
        found
            .hits
            .iter()
            .all(|hit| hit.raw.grounding > 0.0 && hit.raw.global > 0.0)
    );
    let page = std::fs::read_to_string(&html).unwrap();
    assert_eq!(
        page.matches("/9j/").count(),
        found.hits.len(),
        "a JPEG for each moment"
    );
    assert!(!page.contains("<fog>") && page.contains("&lt;fog&gt;"));
}

#[test]
fn what_cannot_be_looked_for_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let source = "synth:?seed=11&seconds=3&camera_fps=0";
    let log = run_source(source, dir.path(), |_| ()).log.unwrap();
    let refused =
        |text: &str, options: &FindOptions| format!("{:#}", find(text, &log, options).unwrap_err());
    let plain = FindOptions::default();
    assert!(refused("the of", &plain).contains("says nothing to look for"));
    assert!(refused("street without cars", &plain).contains("\"without\""));
    let with = |folder: PathBuf| FindOptions {
        model: Some((folder, of_source(source).engine)),
        ..FindOptions::default()
    };
    let error = refused("car", &with(dir.path().join("none")));
    assert!(
        error.contains("cannot be used") && error.contains("--model"),
        "{error}"
    );
    let error = refused("car", &with(random_model()));
    assert!(error.contains("holds no pictures"), "{error}");
    let camera = FindOptions {
        camera: Some("rear".to_owned()),
        ..FindOptions::default()
    };
    assert!(refused("car", &camera).contains("no pictures of a camera rear"));
    let zero = FindOptions {
        count: 0,
        ..FindOptions::default()
    };
    assert!(refused("car", &zero).contains("--top"));
    // Without pictures tracks are searched all the same.
    assert!(!find("vehicle", &log, &plain).unwrap().hits.is_empty());
}
