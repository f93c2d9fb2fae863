//! What the page is given, as JSON. Times are milliseconds from the beginning of the recording,
//! boxes are integer rows (centimetres, milliradians) because a page holds thousands of them.

use serde::Serialize;
use std::collections::BTreeMap;

/// Everything a report shows.
#[derive(Debug, Default, Serialize)]
pub(super) struct ReportData {
    /// Title of the page.
    pub title: String,
    /// The log's files in order.
    pub files: Vec<LogFile>,
    /// Metadata record `drafthorse.run` without the plan.
    pub run: BTreeMap<String, String>,
    /// The run's plan, JSON for people; empty if the log does not hold it.
    pub config: String,
    /// Version of the program that wrote the report.
    pub report_version: &'static str,
    /// Bumper to bumper, across, rear axle to rear bumper, m.
    pub footprint_m: [f64; 3],
    /// Whether `footprint_m` is the log's own and not a typical car's.
    pub footprint_known: bool,
    /// Beginning and length of each recording on the axis, ms since the epoch and ms.
    pub recordings: Vec<[f64; 2]>,
    /// Length of the axis, ms.
    pub duration_ms: i64,
    /// Totals.
    pub counts: Counts,
    /// Tracked objects by class (the one seen last), classes in [`CLASSES`] order.
    pub tracks_by_class: [u64; CLASSES.len()],
    /// Names of the classes.
    pub classes: [&'static str; CLASSES.len()],
    /// The vehicle clock.
    pub clock: Clock,
    /// Why boxes are not projected into pictures, if they must not be.
    pub unrelated: Option<String>,
    /// Radars with points.
    pub radars: Vec<Radar>,
    /// Cameras.
    pub cameras: Vec<Camera>,
    /// Thinned keyframes.
    pub keyframes: Vec<Keyframe>,
    /// What became of drafted blocks; absent where nothing was drafted.
    pub offloaded: Option<Offloaded>,
    /// What the record policy kept; absent where everything was.
    pub kept: Option<Kept>,
    /// Thinned radar scans.
    pub clouds: Vec<Cloud>,
    /// Thinned track lists.
    pub tracks: Vec<Boxes>,
    /// Thinned detections.
    pub detections: Vec<Boxes>,
    /// Thinned ground truth.
    pub truth: Vec<Boxes>,
    /// Rows of time ms, speed mm/s, yaw rate 0.1 mrad/s, observed, odometry x cm, y cm, yaw 0.1 mrad.
    pub ego: Vec<[i64; 7]>,
    /// Rows of time ms, true speed mm/s, true yaw rate 0.1 mrad/s.
    pub ego_truth: Vec<[i64; 3]>,
    /// Rows of time ms, tracks, moving tracks.
    pub track_counts: Vec<[i64; 3]>,
    /// Latency by lane and stage.
    pub latency: Vec<Latency>,
    /// Networks by topic, engine and file.
    pub networks: Vec<Network>,
    /// Drops by lane and sensor.
    pub drops: Vec<Drop>,
    /// Faults by kind and sensor.
    pub fault_kinds: Vec<FaultKind>,
    /// The first faults one by one.
    pub faults: Vec<Fault>,
    /// Events on the time axis: label, time ms, count.
    pub marks: Vec<(u32, i64, u64)>,
    /// Labels of the marks.
    pub mark_labels: Vec<MarkLabel>,
    /// Pairing outcomes.
    pub pairs: Pairs,
    /// What the recorder said of itself.
    pub health: Health,
    /// What the governor did; absent in a run without one.
    pub governor: Option<Governed>,
    /// Channels by topic.
    pub channels: Vec<ChannelRow>,
    /// Messages that could not be decoded as their schema says, by topic.
    pub unreadable: BTreeMap<String, u64>,
}

/// Class names in the order of `drafthorse.ObjectClass`.
pub(super) const CLASSES: [&str; 5] = ["unknown", "car", "truck", "cyclist", "pedestrian"];

/// One file of the log.
#[derive(Debug, Default, Serialize)]
pub(super) struct LogFile {
    pub name: String,
    pub bytes: u64,
    /// What is wrong with it and what was lost; absent for a complete file.
    pub damage: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Counts {
    pub scans: u64,
    pub points: u64,
    pub frames: u64,
    pub frozen_frames: u64,
    pub tracks: u64,
    pub most_tracks: u64,
    pub drops: u64,
    pub faults: u64,
    pub messages: u64,
    pub bytes: u64,
    pub keyframes: u64,
    pub shown_scans: u64,
    pub shown_pictures: u64,
    pub pictures: u64,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Clock {
    /// States recorded; with none of them nothing is known.
    pub states: u64,
    /// States in which the kernel said it was synchronised and a discipline was known.
    pub disciplined: u64,
    /// `live`, or `file` where stamps come from a recording.
    pub mode: String,
    pub discipline: String,
    pub source: String,
    pub largest_offset_ns: u64,
    pub largest_error_ns: u64,
}

/// A radar and where it sits.
#[derive(Debug, Serialize)]
pub(super) struct Radar {
    pub name: String,
    /// Rows of the 3x4 matrix vehicle_from_radar; absent if the log does not say.
    pub vehicle_from_sensor: Option<[f64; 12]>,
}

/// A camera, how it sees, and its thinned pictures.
#[derive(Debug, Serialize)]
pub(super) struct Camera {
    pub name: String,
    pub width: u32,
    pub height: u32,
    /// `fx fy cx cy`, px; absent without a calibration.
    pub k: Option<[f64; 4]>,
    /// `k1 k2 p1 p2 k3`.
    pub d: [f64; 5],
    /// Rows of the 3x4 matrix optical_from_vehicle; absent if the log does not say.
    pub optical_from_vehicle: Option<[f64; 12]>,
    pub pictures: Vec<Picture>,
}

#[derive(Debug, Serialize)]
pub(super) struct Picture {
    pub t: i64,
    /// Base64 of the JPEG.
    pub jpeg: String,
}

/// A moment that was chosen, with its picture.
#[derive(Debug, Serialize)]
pub(super) struct Keyframe {
    pub t: i64,
    /// What weighs most in it, and the cues above 0.1, for people.
    pub reason: String,
    pub cues: String,
    pub priority: f32,
    pub camera: String,
    /// Base64 of the JPEG; empty where there is none.
    pub jpeg: String,
    /// What a model says of its pictures, in the order of their block.
    pub descriptions: Vec<Described>,
    /// What became of the block, where they were drafted.
    pub verdict: Option<Ruled>,
}

/// The last word on a block of drafted descriptions.
#[derive(Debug, Serialize)]
pub(super) struct Ruled {
    /// `accepted`, `confirmed`, `corrected`, `unverified` or `amended`.
    pub outcome: &'static str,
    /// The router's score and threshold, and why.
    pub score: f32,
    pub threshold: f32,
    pub why: String,
}

/// What became of all drafted blocks, and the link to the target.
#[derive(Debug, Serialize)]
pub(super) struct Offloaded {
    pub blocks: u64,
    pub accepted: u64,
    pub confirmed: u64,
    pub corrected: u64,
    pub unverified: u64,
    pub amended: u64,
    /// Over the link, and what the blocks' pictures have as JPEG in the log.
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub pictures_bytes: u64,
    /// Blocks that waited on the disk at the last report.
    pub spooled_blocks: u64,
    /// Reports of the link: up, poor, down; and the last one.
    pub states: [u64; 3],
    pub state: String,
    pub round_trip_ms: f64,
    pub bytes_per_second: u64,
    pub loss: f32,
}

/// What a record policy kept of the run.
#[derive(Debug, Serialize)]
pub(super) struct Kept {
    /// Its name; empty where the log does not say.
    pub policy: String,
    pub windows: u64,
    /// Windows by what asked for them.
    pub by_reason: Vec<(String, u64)>,
    /// Thinned windows.
    pub shown: Vec<KeptWindow>,
    /// What was dropped between them.
    pub dropped_s: f64,
    pub dropped_messages: u64,
    pub dropped_bytes: u64,
}

/// A window that was kept around a trigger.
#[derive(Debug, Serialize)]
pub(super) struct KeptWindow {
    pub t: i64,
    /// Log time of the trigger, ms since the epoch of the vehicle clock.
    pub at_ms: u64,
    pub before_s: f64,
    pub after_s: f64,
    /// `keyframe`, `event`, `fault` or `note`.
    pub reason: String,
    pub detail: String,
}

/// What the governor read and did.
#[derive(Debug, Serialize)]
pub(super) struct Governed {
    /// Reports, one a second, and those below full quality.
    pub reports: u64,
    pub below_full: u64,
    /// The lowest rung that was reached, and the lowest there is.
    pub lowest_rung: u32,
    pub rungs: u32,
    pub hottest_c: Option<f64>,
    pub most_power_w: Option<f64>,
    /// Turns of knobs, and the first of them.
    pub count: u64,
    pub turns: Vec<Turned>,
}

/// A knob was turned.
#[derive(Debug, Serialize)]
pub(super) struct Turned {
    pub t: i64,
    pub knob: String,
    pub from: f64,
    pub to: f64,
    pub why: String,
}

/// What a vision-language model says of a picture.
#[derive(Debug, Serialize)]
pub(super) struct Described {
    pub camera: String,
    pub text: String,
    /// What the target wrote where the draft was not right; empty where the draft stands.
    pub corrected: String,
    /// Tokens of the draft, and those of them that were right, where the target spoke.
    pub drafted: u32,
    pub right: u32,
    /// The model and its engine.
    pub by: String,
    /// Tokens of the picture, and those of them that the model saw.
    pub tokens: u32,
    pub seen: u64,
    /// Width and height of the picture that it looked at.
    pub size_px: [u32; 2],
    /// Left, top, width and height of each token that it saw, in thousandths of the picture's sides; empty where it
    /// saw all.
    pub kept: Vec<[i32; 4]>,
    /// Picture to tokens, the choice among them, tokens to words.
    pub ms: [f64; 3],
}

/// One radar scan; see [`super::cloud::Packed`] for the bytes.
#[derive(Debug, Serialize)]
pub(super) struct Cloud {
    pub t: i64,
    pub radar: u32,
    /// Points in the scan, of which `data` may hold fewer.
    pub points: u32,
    pub data: String,
}

/// Boxes at an instant in the vehicle frame.
#[derive(Debug, Serialize)]
pub(super) struct Boxes {
    pub t: i64,
    /// Of detections, the radar; 0 of what belongs to the whole vehicle.
    pub sensor: u32,
    pub rows: Vec<BoxRow>,
}

/// `id, class, x, y, z, vx, vy, yaw, length, width, height, score, moving, missed, age`: cm, cm/s,
/// mrad, score in percent. For truth `score` is the number of returns, `missed` and `age` are 0.
pub(super) type BoxRow = [i64; 15];

#[derive(Debug, Serialize)]
pub(super) struct Latency {
    pub lane: String,
    pub stage: String,
    pub count: u64,
    /// p50, p90, p99, max in ms.
    pub ms: [f64; 4],
    /// Percentiles of the samples themselves and not of buckets.
    pub exact: bool,
    /// Bar and count, see [`super::histogram::Histogram::bars`].
    pub bars: Vec<(u32, u64)>,
}

#[derive(Debug, Serialize)]
pub(super) struct Drop {
    pub lane: String,
    pub sensor: String,
    pub count: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct FaultKind {
    pub kind: String,
    pub sensor: String,
    pub reports: u64,
    pub count: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Fault {
    pub t: i64,
    pub kind: String,
    pub sensor: String,
    pub count: u64,
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct MarkLabel {
    /// Whether it is a drop and not a fault.
    pub drop: bool,
    pub text: String,
}

/// Answers of a network to a camera's pictures.
#[derive(Debug, Serialize)]
pub(super) struct Network {
    pub topic: String,
    /// Engine, its version and the model's file.
    pub by: String,
    pub answers: u64,
    /// Where the model comes from and its licence, as the plan says.
    pub origin: String,
    pub licence: String,
    /// Of a radar's network: how its boxes agree with the clusters, in words.
    pub clusters: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Pairs {
    pub paired: u64,
    pub camera_only: u64,
    pub radar_only: u64,
    /// Median and largest absolute capture difference of the paired, ms.
    pub difference_ms: Option<[f64; 2]>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Health {
    pub reports: u64,
    pub lost_messages: u64,
    pub longest_unflushed_ms: f64,
    pub least_free_bytes: u64,
    pub recording_stopped: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ChannelRow {
    pub topic: String,
    pub schema: String,
    pub role: String,
    pub count: u64,
    pub bytes: u64,
    pub hz: Option<f64>,
}
