//! From a log to a page: counts, bounds, percentiles, escaping, and logs that lack almost all.

use super::data::ReportData;
use super::{ReportOptions, page, source, write};
use drafthorse_record::messages::drafthorse as own;
use drafthorse_record::messages::{ROLE_KEY, SENSOR_KEY};
use foxglove::messages::packed_element_field::NumericType;
use foxglove::messages::{
    CompressedImage, FrameTransform, PackedElementField, PointCloud, Vector3,
};
use mcap::records::{MessageHeader, Metadata};
use prost::Message;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const START_NS: u64 = 1_790_000_000_000_000_000;
const MS: u64 = 1_000_000;

struct TestLog {
    writer: mcap::Writer<std::io::BufWriter<std::fs::File>>,
    channels: BTreeMap<String, u16>,
    path: PathBuf,
}

impl TestLog {
    fn new(dir: &Path) -> Self {
        let path = dir.join("drive-0000.mcap");
        let file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        Self {
            writer: mcap::Writer::new(file).unwrap(),
            channels: BTreeMap::new(),
            path,
        }
    }

    fn metadata(&mut self, name: &str, pairs: &[(&str, &str)]) {
        let metadata = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        self.writer
            .write_metadata(&Metadata {
                name: name.to_owned(),
                metadata: metadata.collect(),
            })
            .unwrap();
    }

    /// A message captured `at_ms` after the start and received 5 ms later.
    fn put(&mut self, topic: &str, schema: &str, sensor: &str, at_ms: u64, message: &impl Message) {
        let captured_ns = START_NS + at_ms * MS;
        self.put_bytes(topic, schema, sensor, captured_ns, &message.encode_to_vec());
    }

    fn put_bytes(&mut self, topic: &str, schema: &str, sensor: &str, ns: u64, data: &[u8]) {
        if !self.channels.contains_key(topic) {
            let schema = self.writer.add_schema(schema, "protobuf", b"").unwrap();
            let mut metadata = BTreeMap::from([(ROLE_KEY.to_owned(), "derived".to_owned())]);
            if !sensor.is_empty() {
                metadata.insert(SENSOR_KEY.to_owned(), sensor.to_owned());
            }
            let channel = self
                .writer
                .add_channel(schema, topic, "protobuf", &metadata)
                .unwrap();
            self.channels.insert(topic.to_owned(), channel);
        }
        let header = MessageHeader {
            channel_id: self.channels[topic],
            sequence: 0,
            log_time: ns + 5 * MS,
            publish_time: ns,
        };
        self.writer.write_to_known_channel(&header, data).unwrap();
    }

    fn close(mut self) -> PathBuf {
        self.writer.finish().unwrap();
        self.path
    }
}

fn cloud(points: usize) -> PointCloud {
    let field = |name: &str, offset| PackedElementField {
        name: name.to_owned(),
        offset,
        r#type: NumericType::Float32 as i32,
    };
    PointCloud {
        frame_id: "radar".to_owned(),
        point_stride: 8,
        fields: vec![field("x", 0), field("y", 4)],
        data: (0..points)
            .flat_map(|i| [i as f32 * 0.1, 1.0])
            .flat_map(f32::to_le_bytes)
            .collect::<Vec<_>>()
            .into(),
        ..PointCloud::default()
    }
}

fn tracks(ids: std::ops::Range<u32>) -> own::Tracks {
    own::Tracks {
        tracks: ids
            .map(|id| own::Track {
                id,
                class: own::ObjectClass::Car.into(),
                x_m: 20.25,
                y_m: -1.5,
                moving: id % 2 == 0,
                ..own::Track::default()
            })
            .collect(),
        ..own::Tracks::default()
    }
}

fn fault(kind: &str, sensor: &str, detail: &str) -> own::Fault {
    own::Fault {
        kind: kind.to_owned(),
        sensor: sensor.to_owned(),
        at_ns: START_NS + 500 * MS,
        count: 3,
        detail: detail.to_owned(),
    }
}

fn preview(bytes: usize) -> CompressedImage {
    let mut data = vec![0xff, 0xd8];
    data.resize(bytes, 7);
    CompressedImage {
        frame_id: "cam".to_owned(),
        format: "jpeg".to_owned(),
        data: data.into(),
        ..CompressedImage::default()
    }
}

fn read(log: &Path) -> ReportData {
    source::read(&[log.to_owned()], &ReportOptions::default()).unwrap()
}

#[test]
fn counts_times_and_percentiles_of_a_small_drive() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = TestLog::new(dir.path());
    log.metadata(
        "drafthorse.run",
        &[("version", "0.1.0"), ("plan", "{\"name\": \"morning\"}")],
    );
    let mount = FrameTransform {
        parent_frame_id: "vehicle".to_owned(),
        child_frame_id: "radar".to_owned(),
        translation: Some(Vector3 {
            x: 3.5,
            ..Vector3::default()
        }),
        ..FrameTransform::default()
    };
    log.put("/tf_static", "foxglove.FrameTransform", "", 0, &mount);
    log.metadata("drafthorse.sensors", &[("0", "radar"), ("1", "cam")]);
    for i in 0..100_u64 {
        let at = i * 50;
        log.put(
            "/radar/points",
            "foxglove.PointCloud",
            "radar",
            at,
            &cloud(30),
        );
        log.put(
            "/tracks",
            "drafthorse.Tracks",
            "",
            at,
            &tracks(0..(1 + i as u32 % 4)),
        );
        let latency = own::LaneLatency {
            lane: "radar".to_owned(),
            step: i,
            queue_ns: 1000,
            stages: vec![own::StageLatency {
                stage: "decode".to_owned(),
                ns: (i + 1) * 10_000,
            }],
            total_ns: (i + 1) * 20_000,
        };
        log.put("/lanes/latency", "drafthorse.LaneLatency", "", at, &latency);
        let ego = own::EgoMotion {
            speed_mps: 12.5,
            yaw_rate_radps: -0.01,
            observed: true,
            ..own::EgoMotion::default()
        };
        log.put("/ego", "drafthorse.EgoMotion", "", at, &ego);
    }
    log.put(
        "/cam/preview",
        "foxglove.CompressedImage",
        "cam",
        40,
        &preview(50),
    );
    let drop = own::LaneDrop {
        lane: "cam".to_owned(),
        sensor: 1,
        ..own::LaneDrop::default()
    };
    log.put("/lanes/drop", "drafthorse.LaneDrop", "", 700, &drop);
    log.put(
        "/faults",
        "drafthorse.Fault",
        "",
        900,
        &fault("counter_gap", "radar", "gap"),
    );
    log.put_bytes("/pairs", "drafthorse.Pairing", "", START_NS, &[0xff; 3]);
    let data = read(&log.close());

    assert_eq!((data.counts.scans, data.counts.points), (100, 3000));
    assert_eq!((data.counts.tracks, data.counts.most_tracks), (4, 4));
    assert_eq!((data.counts.drops, data.counts.faults), (1, 1));
    assert_eq!(data.tracks_by_class, [0, 4, 0, 0, 0]);
    assert_eq!(data.duration_ms, 4950);
    assert_eq!((data.clouds.len(), data.tracks.len()), (100, 100));
    assert_eq!((data.tracks[3].t, data.tracks[3].rows.len()), (150, 4));
    assert_eq!(data.tracks[0].rows[0][..4], [0, 1, 2025, -150]);
    assert_eq!(data.ego[1], [50, 12_500, -100, 1, 0, 0, 0]);
    assert_eq!(data.radars[0].vehicle_from_sensor.unwrap()[3], 3.5);
    assert_eq!(data.cameras[0].pictures[0].t, 40);
    assert_eq!(data.drops[0].sensor, "cam");
    assert_eq!((data.faults[0].t, data.faults[0].count), (500, 3));
    assert_eq!(
        (data.title.as_str(), data.run["version"].as_str()),
        ("morning", "0.1.0")
    );
    assert_eq!(data.unreadable["/pairs"], 1);
    assert_eq!(data.files[0].damage, None);
    let stages: Vec<_> = data.latency.iter().map(|l| l.stage.as_str()).collect();
    assert_eq!(stages, ["waiting", "decode", "total"]);
    assert_eq!(data.latency[1].ms, [0.5, 0.9, 0.99, 1.0]);
    assert_eq!(data.latency[2].ms, [1.0, 1.8, 1.98, 2.0]);
    assert!(data.latency.iter().all(|l| l.exact && l.count == 100));
}

#[test]
fn a_long_log_stays_within_the_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = TestLog::new(dir.path());
    for i in 0..2500_u64 {
        log.put(
            "/radar/points",
            "foxglove.PointCloud",
            "radar",
            i * 50,
            &cloud(100),
        );
        log.put("/tracks", "drafthorse.Tracks", "", i * 50, &tracks(0..40));
        if i % 5 == 0 {
            log.put(
                "/cam/preview",
                "foxglove.CompressedImage",
                "cam",
                i * 50,
                &preview(9000),
            );
        }
        log.put(
            "/faults",
            "drafthorse.Fault",
            "",
            i * 50,
            &fault("clock_jump", "radar", "x"),
        );
    }
    let path = log.close();
    let data = read(&path);
    let options = ReportOptions::default();
    assert_eq!(data.counts.scans, 2500);
    assert_eq!((data.counts.faults, data.counts.pictures), (2500, 500));
    assert!(
        (200..=600).contains(&data.tracks.len()),
        "{}",
        data.tracks.len()
    );
    let boxes: usize = data.tracks.iter().map(|t| t.rows.len()).sum();
    assert!(boxes <= options.max_boxes);
    assert!(data.clouds.len() > 300);
    let points: usize = data.clouds.iter().map(|c| c.points as usize).sum();
    assert!(points <= options.max_points);
    let pictures = data.cameras[0].pictures.len();
    assert!((75..=150).contains(&pictures), "{pictures}");
    assert!(data.faults.len() <= 300 && data.marks.len() <= 1500);
    let html = dir.path().join("report.html");
    write(&[path], &html, &options).unwrap();
    assert!(std::fs::metadata(&html).unwrap().len() < 8_000_000);
}

#[test]
fn the_page_loads_nothing_and_holds_its_data() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = TestLog::new(dir.path());
    log.put("/tracks", "drafthorse.Tracks", "", 0, &tracks(0..2));
    let data = read(&log.close());
    let html = page::render(&data).unwrap();
    assert!(!html.contains("http://") && !html.contains("https://"));
    assert!(!html.contains("src=\"") && !html.contains("@import") && !html.contains("<link"));
    assert!(!html.contains("{{"), "every slot is filled");
    assert!(html.contains("default-src 'none'"));
    let json: serde_json::Value = serde_json::from_str(embedded(&html)).unwrap();
    assert_eq!(json["tracks"][0]["rows"].as_array().unwrap().len(), 2);
}

#[test]
fn hostile_names_stay_text() {
    let evil = "</script><img src=x onerror=alert(1)>\u{2028}<!--";
    let dir = tempfile::tempdir().unwrap();
    let mut log = TestLog::new(dir.path());
    log.metadata("drafthorse.run", &[("version", evil), ("config", evil)]);
    log.metadata("drafthorse.sensors", &[("0", evil)]);
    log.put("/x/points", "foxglove.PointCloud", evil, 0, &cloud(1));
    log.put(
        "/faults",
        "drafthorse.Fault",
        "",
        0,
        &fault(evil, evil, evil),
    );
    log.put(
        &format!("/{evil}/preview"),
        "foxglove.CompressedImage",
        evil,
        0,
        &preview(9),
    );
    let options = ReportOptions {
        title: Some(evil.to_owned()),
        ..ReportOptions::default()
    };
    let html = page::render(&source::read(&[log.close()], &options).unwrap()).unwrap();
    assert!(!html.contains("<img") && !html.contains("<!--"));
    assert_eq!(html.matches("</script>").count(), 2, "the page's own two");
    let json: serde_json::Value = serde_json::from_str(embedded(&html)).unwrap();
    assert_eq!(json["title"], evil);
    assert_eq!(json["radars"][0]["name"], evil);
    assert_eq!(json["faults"][0]["detail"], evil);
}

#[test]
fn an_empty_log_and_a_cut_log_give_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let empty = read(&TestLog::new(dir.path()).close());
    assert_eq!((empty.counts.messages, empty.duration_ms), (0, 0));
    assert!(page::render(&empty).is_ok());

    let mut log = TestLog::new(dir.path());
    for i in 0..20_000 {
        log.put(
            "/tracks",
            "drafthorse.Tracks",
            "",
            i * 50,
            &tracks(0..i as u32 % 9),
        );
    }
    let path = log.close();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let cut = read(&path);
    assert!(cut.counts.messages > 0 && cut.counts.messages < 20_000);
    let damage = cut.files[0].damage.as_deref().unwrap();
    assert!(
        damage.contains("at byte") && damage.contains("missing"),
        "{damage}"
    );
}

#[test]
fn a_log_that_is_not_there_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("nothing.mcap");
    let error = write(
        &[missing],
        &dir.path().join("r.html"),
        &ReportOptions::default(),
    );
    assert!(error.unwrap_err().to_string().contains("nothing.mcap"));
}

#[test]
fn sensors_declared_or_found_unrelated_are_not_projected() {
    let of = |config: &str, outcomes: &[own::pairing::Outcome]| {
        let dir = tempfile::tempdir().unwrap();
        let mut log = TestLog::new(dir.path());
        log.metadata("drafthorse.run", &[("config", config)]);
        for outcome in outcomes {
            let pairing = own::Pairing {
                outcome: (*outcome).into(),
                ..own::Pairing::default()
            };
            log.put("/pairs", "drafthorse.Pairing", "", 0, &pairing);
        }
        read(&log.close()).unrelated
    };
    use own::pairing::Outcome::{CameraOnly, Paired, RadarOnly};
    assert!(of("", &[]).is_none());
    assert!(of("[clock]\nunrelated = false", &[CameraOnly, Paired]).is_none());
    assert!(of("", &[CameraOnly, RadarOnly]).is_some());
    assert!(of("[clock]\nunrelated = true", &[Paired]).is_some());
}

#[test]
fn what_a_policy_kept_and_dropped_is_said() {
    let of = |policy: &str, windows: u64| {
        let dir = tempfile::tempdir().unwrap();
        let mut log = TestLog::new(dir.path());
        log.metadata("drafthorse.run", &[("policy", policy)]);
        log.put(
            "/cam/preview",
            "foxglove.CompressedImage",
            "cam",
            0,
            &preview(50),
        );
        for i in 0..windows {
            let at_ns = START_NS + i * 1000 * MS;
            let window = own::KeptWindow {
                at_ns,
                from_ns: at_ns - 2500 * MS,
                to_ns: at_ns + 500 * MS,
                reason: ["note", "event"][(i % 2) as usize].to_owned(),
                detail: "<b>a truck</b>".to_owned(),
            };
            log.put(
                "/record/kept",
                "drafthorse.KeptWindow",
                "",
                i * 1000,
                &window,
            );
        }
        read(&log.close()).kept
    };
    assert!(of("all", 0).is_none());
    let none = of("events", 0).unwrap();
    assert_eq!(
        (none.policy.as_str(), none.windows, none.shown.len()),
        ("events", 0, 0)
    );
    let kept = of("events", 1001).unwrap();
    assert_eq!(kept.windows, 1001);
    assert_eq!(
        kept.by_reason,
        [("event".to_owned(), 500), ("note".to_owned(), 501)]
    );
    assert!(kept.shown.len() <= 200 && kept.shown.len() > 90);
    let [first, second] = [&kept.shown[0], &kept.shown[1]];
    assert_eq!((first.t, first.before_s, first.after_s), (0, 2.5, 0.5));
    assert!(second.t > 0 && second.at_ms > first.at_ms);
}

fn embedded(html: &str) -> &str {
    let (_, after) = html
        .split_once("type=\"application/json\" id=\"data\">")
        .unwrap();
    after.split_once("</script>").unwrap().0
}
