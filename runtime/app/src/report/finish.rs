//! Turns a finished fold into the page's data.

use super::data::{
    Boxes, CLASSES, Camera, ChannelRow, Cloud, Counts, Described, Drop, FaultKind, Keyframe,
    Latency, LogFile, Network, Pairs, Picture, Radar, ReportData, Ruled,
};
use super::fold::Fold;
use super::keyframes::{Keyframes, Shown};
use super::scenery::Scenery;
use super::status::Status;
use super::timeline::Axis;
use super::{ReportOptions, base64};
use drafthorse_record::Dropped;
use drafthorse_record::messages::drafthorse::{self, verdict::Outcome};
use nalgebra::Isometry3;
use serde_json::Value;
use std::collections::BTreeMap;

/// Bumper to bumper, across, rear axle to rear bumper of a typical car, m.
const TYPICAL_CAR_M: [f64; 3] = [4.7, 1.85, 0.95];
/// Longest configuration text that goes into the page, bytes.
const MAX_CONFIG: usize = 48 * 1024;

/// What is known of a log beside its messages.
#[derive(Debug, Default)]
pub(super) struct LogFacts {
    pub title: String,
    pub files: Vec<LogFile>,
    /// Metadata record `drafthorse.run`.
    pub run: BTreeMap<String, String>,
    /// What a policy dropped.
    pub dropped: Vec<Dropped>,
}

impl Fold {
    /// The page's data.
    pub(super) fn finish(self, mut facts: LogFacts, options: &ReportOptions) -> ReportData {
        let axis = self.streams.axis();
        let plan = plan(&mut facts.run);
        let mut config = if plan.is_null() {
            String::new()
        } else {
            serde_json::to_string_pretty(&plan).unwrap_or_default()
        };
        let declared =
            facts.run.get("unrelated").is_some_and(|v| v == "true") || declares_unrelated(&plan);
        let unrelated = unrelated(declared, &self.status, axis.recordings.len());
        let footprint_m = footprint(&plan);
        let channels: Vec<_> = self.channels.into_iter().collect();
        let mut data = ReportData {
            title: options
                .title
                .clone()
                .or_else(|| Some(plan.get("name")?.as_str()?.to_owned()))
                .filter(|title| !title.is_empty())
                .unwrap_or(facts.title),
            files: facts.files,
            run: facts.run,
            report_version: env!("CARGO_PKG_VERSION"),
            footprint_m: footprint_m.unwrap_or(TYPICAL_CAR_M),
            footprint_known: footprint_m.is_some(),
            recordings: axis
                .recordings
                .iter()
                .map(|(first, last)| [*first as f64 / 1e6, (last - first) as f64 / 1e6])
                .collect(),
            duration_ms: axis.duration_ms(),
            classes: CLASSES,
            unrelated,
            unreadable: self.unreadable,
            counts: Counts {
                messages: channels.iter().map(|(_, c)| c.count).sum(),
                bytes: channels.iter().map(|(_, c)| c.bytes).sum(),
                ..Counts::default()
            },
            ..ReportData::default()
        };
        data.counts.frames = channels
            .iter()
            .filter(|(topic, _)| {
                matches!(
                    topic.rsplit('/').next(),
                    Some("image" | "video" | "raw_image")
                )
            })
            .map(|(_, c)| c.count)
            .sum();
        data.channels = channels
            .into_iter()
            .map(|(topic, c)| ChannelRow {
                hz: (c.count > 1 && c.last_ns > c.first_ns)
                    .then(|| (c.count - 1) as f64 * 1e9 / (c.last_ns - c.first_ns) as f64),
                topic,
                schema: c.schema,
                role: c.role,
                count: c.count,
                bytes: c.bytes,
            })
            .collect();
        if config.len() > MAX_CONFIG {
            let end = (0..=MAX_CONFIG).rev().find(|i| config.is_char_boundary(*i));
            config.truncate(end.unwrap_or(0));
        }
        data.config = config;
        data.networks = networks(&self.status, &plan);
        finish_scenery(self.scenery, &axis, &mut data);
        finish_keyframes(self.keyframes, &axis, &mut data);
        let policy = data.run.get("policy").map_or("", String::as_str);
        data.kept = self.windows.finish(policy, &facts.dropped, &axis);
        finish_status(self.status, &axis, &mut data);
        data
    }
}

fn finish_keyframes(keyframes: Keyframes, axis: &Axis, data: &mut ReportData) {
    let (count, shown, offloaded) = keyframes.finish();
    data.counts.keyframes = count;
    data.offloaded = offloaded;
    for Shown {
        keyframe,
        descriptions,
        verdict,
        jpeg,
    } in shown
    {
        let cues = keyframe.cues.iter().filter(|cue| cue.value > 0.1);
        let cues: Vec<_> = cues
            .map(|cue| format!("{} {:.2}", cue.name.replace('_', " "), cue.value))
            .collect();
        let frames = verdict.as_ref().map_or(&[][..], |verdict| &verdict.frames);
        let descriptions = descriptions.into_iter().map(|of| {
            let frame = frames.get(of.frame as usize);
            described(of, frame.cloned().unwrap_or_default())
        });
        let descriptions = descriptions.collect();
        data.keyframes.push(Keyframe {
            t: axis.ms(keyframe.begin_ns),
            reason: keyframe.reason.replace('_', " "),
            cues: cues.join(", "),
            priority: keyframe.priority,
            camera: keyframe.camera,
            jpeg: base64::encode(&jpeg),
            descriptions,
            verdict: verdict.map(ruled),
        });
    }
    data.keyframes.sort_by_key(|keyframe| keyframe.t);
}

fn ruled(of: drafthorse::Verdict) -> Ruled {
    let outcome = match of.outcome() {
        Outcome::Unknown => "unknown",
        Outcome::Accepted => "accepted",
        Outcome::Confirmed => "confirmed",
        Outcome::Corrected => "corrected",
        Outcome::Unverified => "unverified",
        Outcome::Amended => "amended",
    };
    let why = match of.why.is_empty() {
        true => of.reason,
        false => format!("{}; {}", of.reason, of.why),
    };
    Ruled {
        outcome,
        score: of.score,
        threshold: of.threshold,
        why,
    }
}

/// A picture's description and what the target made of it, as far as it spoke.
fn described(of: drafthorse::Description, frame: drafthorse::VerifiedFrame) -> Described {
    // Thousandths of the picture's sides are finer than a card shows.
    let thousandths = |share: f32| (share * 1000.0).round() as i32;
    let kept = of
        .kept
        .iter()
        .filter(|_| of.kept.len() < of.tokens as usize);
    Described {
        kept: kept
            .map(|place| [place.left, place.top, place.width, place.height].map(thousandths))
            .collect(),
        tokens: of.tokens,
        seen: of.kept.len() as u64,
        size_px: [of.width_px, of.height_px],
        by: format!("{} on {}", of.model, of.engine),
        ms: [of.look_ns, of.choose_ns, of.answer_ns].map(|ns| ns as f64 / 1e6),
        drafted: match frame.outcome() {
            Outcome::Accepted | Outcome::Unverified => 0,
            _ => frame.drafted,
        },
        corrected: match frame.text == of.text {
            true => String::new(),
            false => frame.text,
        },
        right: frame.accepted,
        camera: of.camera,
        text: of.text,
    }
}

fn finish_scenery(s: Scenery, axis: &Axis, data: &mut ReportData) {
    data.radars = s
        .radars
        .iter()
        .map(|(name, frame)| Radar {
            vehicle_from_sensor: s.vehicle_from(frame).map(|t| rows(&t)),
            name: name.clone(),
        })
        .collect();
    data.cameras = s
        .cameras
        .iter()
        .map(|(name, calibration)| {
            let c = calibration.as_ref();
            let vehicle_from_optical = c.and_then(|c| s.vehicle_from(&c.frame_id));
            let mut d = [0.0; 5];
            if let Some(c) = c {
                d.iter_mut().zip(&c.d).for_each(|(to, from)| *to = *from);
            }
            Camera {
                name: name.clone(),
                width: c.map_or(0, |c| c.width),
                height: c.map_or(0, |c| c.height),
                k: c.and_then(|c| match c.k[..] {
                    [fx, _, cx, _, fy, cy, ..] if fx > 0.0 && fy > 0.0 => Some([fx, fy, cx, cy]),
                    _ => None,
                }),
                d,
                optical_from_vehicle: vehicle_from_optical.map(|t| rows(&t.inverse())),
                pictures: Vec::new(),
            }
        })
        .collect();

    data.counts.points = s.points;
    data.counts.tracks = s.class_of_track.len() as u64;
    data.counts.most_tracks = s.most_tracks;
    data.counts.scans = s.track_counts.offered().max(s.clouds.offered());
    data.counts.pictures = s.previews.offered().max(s.images.offered());
    for class in s.class_of_track.values() {
        data.tracks_by_class[usize::from(*class)] += 1;
    }
    let with_previews: Vec<_> = s.previews.into_items().collect();
    let from_images: Vec<_> = s
        .images
        .into_items()
        .filter(|(_, name, _)| !with_previews.iter().any(|(_, n, _)| n == name))
        .collect();
    for (at_ns, name, jpeg) in with_previews.iter().chain(&from_images) {
        if let Some(camera) = data.cameras.iter_mut().find(|c| c.name == *name) {
            camera.pictures.push(Picture {
                t: axis.ms(*at_ns),
                jpeg: base64::encode(jpeg),
            });
        }
    }
    for camera in &mut data.cameras {
        camera.pictures.sort_by_key(|p| p.t);
        data.counts.shown_pictures += camera.pictures.len() as u64;
    }
    data.clouds = s
        .clouds
        .into_items()
        .map(|(at_ns, radar, packed)| Cloud {
            t: axis.ms(at_ns),
            radar,
            points: packed.points as u32,
            data: base64::encode(&packed.bytes),
        })
        .collect();
    data.clouds.sort_by_key(|c| c.t);
    let boxes = |items: super::thin::Thinned<(u64, u32, Vec<_>)>| {
        let mut boxes: Vec<_> = items
            .into_items()
            .map(|(at_ns, sensor, rows)| Boxes {
                t: axis.ms(at_ns),
                sensor,
                rows,
            })
            .collect();
        boxes.sort_by_key(|b| b.t);
        boxes
    };
    data.tracks = boxes(s.tracks);
    data.detections = boxes(s.detections);
    data.truth = boxes(s.truth);
    data.counts.shown_scans = data.tracks.len().max(data.clouds.len()) as u64;
    data.ego = s
        .ego
        .into_items()
        .map(|(at_ns, [v, w, observed, x, y, yaw])| [axis.ms(at_ns), v, w, observed, x, y, yaw])
        .collect();
    data.ego.sort_by_key(|row| row[0]);
    data.ego_truth = s
        .ego_truth
        .into_items()
        .map(|(at_ns, [v, w])| [axis.ms(at_ns), v, w])
        .collect();
    data.ego_truth.sort_by_key(|row| row[0]);
    data.track_counts = s
        .track_counts
        .into_items()
        .map(|(at_ns, [all, moving])| [axis.ms(at_ns), all, moving])
        .collect();
    data.track_counts.sort_by_key(|row| row[0]);
}

fn finish_status(s: Status, axis: &Axis, data: &mut ReportData) {
    data.counts.drops = s.drop_count;
    data.counts.faults = s.fault_count;
    if !s.frames.is_empty() {
        data.counts.frames = s.frames.values().sum();
    }
    data.counts.frozen_frames = s.frozen_frames;
    data.counts.scans = data.counts.scans.max(s.detections);
    data.drops = s
        .drops
        .iter()
        .map(|((lane, sensor), count)| Drop {
            lane: lane.clone(),
            sensor: s.sensor_name(*sensor),
            count: *count,
        })
        .collect();
    data.marks = s
        .marks
        .iter()
        .map(|(label, at_ns, count)| (label, axis.ms(at_ns), count))
        .collect();
    data.mark_labels = s.labels;
    data.latency = s
        .latency
        .into_iter()
        .map(|(lane, stage, mut h)| {
            let [p50, p90, p99] = h.percentiles([0.5, 0.9, 0.99]);
            Latency {
                lane,
                stage,
                count: h.count(),
                ms: [p50, p90, p99, h.max_ns()].map(|ns| ns as f64 / 1e6),
                exact: h.is_exact(),
                bars: h.bars(),
            }
        })
        .collect();
    // Lanes by name, stages in the order they run: "total" was met last in its first message.
    data.latency.sort_by(|a, b| {
        let last = |l: &Latency| l.stage == "total";
        (&a.lane, last(a)).cmp(&(&b.lane, last(b)))
    });
    data.fault_kinds = s
        .fault_kinds
        .into_iter()
        .map(|((kind, sensor), (reports, count))| FaultKind {
            kind,
            sensor,
            reports,
            count,
        })
        .collect();
    data.faults = s
        .faults
        .into_iter()
        .map(|(at_ns, mut fault)| {
            fault.t = axis.ms(at_ns);
            fault
        })
        .collect();
    let [_, paired, camera_only, radar_only] = s.outcomes;
    let mut difference = s.pair_difference;
    data.pairs = Pairs {
        paired,
        camera_only,
        radar_only,
        difference_ms: (difference.count() > 0).then(|| {
            let [median] = difference.percentiles([0.5]);
            [median, difference.max_ns()].map(|ns| ns as f64 / 1e6)
        }),
    };
    data.clock = s.clock;
    data.health = s.health;
    data.governor = s.governor.finish(axis);
}

/// What the networks answered, with their origin as the plan says.
fn networks(status: &Status, plan: &Value) -> Vec<Network> {
    let manifest = |topic: &str, key: &str| {
        let name = topic.rsplit('/').next().unwrap_or_default();
        let mut manifests = plan
            .get("networks")?
            .as_array()?
            .iter()
            .map(|n| &n["manifest"]);
        let found = manifests.find(|manifest| manifest["name"] == name)?;
        Some(found[key].as_str()?.to_owned())
    };
    let rows = status
        .networks
        .iter()
        .map(|((topic, by), &answers)| Network {
            origin: manifest(topic, "origin").unwrap_or_default(),
            licence: manifest(topic, "licence").unwrap_or_default(),
            clusters: None,
            topic: topic.clone(),
            by: by.clone(),
            answers,
        });
    let mut rows: Vec<Network> = rows.collect();
    // One row a radar's network says how it agrees, also where it never answered.
    for (topic, check) in &status.cluster_checks {
        let clusters = Some(check.words());
        match rows.iter_mut().find(|row| row.topic == *topic) {
            Some(row) => row.clusters = clusters,
            None => rows.push(Network {
                topic: topic.clone(),
                by: "no engine".to_owned(),
                answers: 0,
                origin: manifest(topic, "origin").unwrap_or_default(),
                licence: manifest(topic, "licence").unwrap_or_default(),
                clusters,
            }),
        }
    }
    // One that nothing came for has no message in the log.
    let networks = plan.get("networks").and_then(Value::as_array);
    for network in networks.into_iter().flatten() {
        let Some(name) = network["manifest"]["name"].as_str() else {
            continue;
        };
        if rows
            .iter()
            .any(|row| row.topic.rsplit('/').next() == Some(name))
        {
            continue;
        }
        let sensors = network["sensors"].as_array();
        let is_seen = |camera: &String| {
            sensors.is_none_or(|names| names.is_empty() || names.iter().any(|n| n == camera))
        };
        let mut cameras = status.frames.keys().map(|index| status.sensor_name(*index));
        let by = if network["radar"].is_object() {
            "nothing: no radar scan came for it"
        } else if cameras.any(|camera| is_seen(&camera)) {
            "no engine"
        } else {
            "nothing: no picture came for it"
        };
        rows.push(Network {
            topic: name.to_owned(),
            by: by.to_owned(),
            answers: 0,
            origin: manifest(name, "origin").unwrap_or_default(),
            licence: manifest(name, "licence").unwrap_or_default(),
            clusters: None,
        });
    }
    rows
}

/// The run's plan (JSON) or configuration (TOML), taken out of its metadata.
fn plan(run: &mut BTreeMap<String, String>) -> Value {
    let plan = run.remove("plan");
    let config = run.remove("config");
    plan.and_then(|text| serde_json::from_str(&text).ok())
        .or_else(|| toml::from_str(&config?).ok())
        .unwrap_or_default()
}

/// Why boxes of the radar must not be drawn into pictures of the camera, if they must not.
fn unrelated(declared: bool, status: &Status, recordings: usize) -> Option<String> {
    if declared {
        return Some("The run declares its camera and radar unrelated".to_owned());
    }
    let [unknown, paired, camera_only, radar_only] = status.outcomes;
    if paired == 0 && unknown + camera_only + radar_only > 0 {
        return Some("No camera frame of this log was paired with a radar scan".to_owned());
    }
    (recordings > 1).then(|| "The sensors' recordings are of different times".to_owned())
}

fn declares_unrelated(plan: &Value) -> bool {
    let tables = plan.as_object();
    tables.into_iter().flatten().any(|(key, value)| {
        (key == "unrelated" && value.as_bool() == Some(true)) || declares_unrelated(value)
    })
}

/// The vehicle's outline, if the run's plan has it.
fn footprint(plan: &Value) -> Option<[f64; 3]> {
    let vehicle = plan.get("vehicle")?;
    let metres = |key| vehicle.get(key).and_then(Value::as_f64);
    let outline = [
        metres("length_m")?,
        metres("width_m")?,
        metres("rear_overhang_m")?,
    ];
    (outline[0] > 0.0 && outline[1] > 0.0).then_some(outline)
}

fn rows(t: &Isometry3<f64>) -> [f64; 12] {
    let m = t.to_homogeneous();
    std::array::from_fn(|i| m[(i / 4, i % 4)])
}
