//! Evaluates files and prints JSON, for the comparison with the datasets' own devkits.
//!
//!     evaluate view-of-delft|tj4dradset|nuscenes|drives LABELS DETECTIONS [CANDIDATE [PAGE]]
//!     evaluate overlaps LABELS DETECTIONS
//!
//! LABELS and DETECTIONS are folders of KITTI files for the first two, files of JSON lines otherwise;
//! LABELS may be a folder of training shards. A candidate's detections are judged by the gate against
//! the first, and both are drawn on a page. `overlaps` prints the BEV and 3-D IoU of each truth and detection of a scene.

#![allow(clippy::print_stdout)]

use std::path::Path;

use drafthorse_eval::formats::{jsonl, kitti, shard};
use drafthorse_eval::gate::{self, GateRules};
use drafthorse_eval::report::{Judged, Report};
use drafthorse_eval::rules::drives::DriveRules;
use drafthorse_eval::{
    Coverage, DetectedScene, EvalError, LabelledScene, Rules, bev_iou, pair, volume_iou,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, labels, first, rest @ ..] = arguments.as_slice() else {
        return Err("usage: evaluate RULES LABELS DETECTIONS [CANDIDATE [PAGE]]".into());
    };
    let rules = match task.as_str() {
        "view-of-delft" => Rules::ViewOfDelft,
        "tj4dradset" => Rules::Tj4dRadSet,
        "nuscenes" => Rules::NuScenes,
        "drives" | "overlaps" => Rules::Drives(DriveRules::default()),
        other => return Err(format!("there are no rules `{other}`").into()),
    };
    let is_kitti = matches!(rules, Rules::ViewOfDelft | Rules::Tj4dRadSet);
    let labelled = read_labels(Path::new(labels), is_kitti)?;
    let incumbent = read_detections(Path::new(first), is_kitti)?;
    let coverage = if is_kitti {
        Coverage::Answered
    } else {
        Coverage::Every
    };
    let scenes = pair(&labelled, &incumbent, coverage)?;
    if task == "overlaps" {
        for scene in &scenes {
            for truth in &scene.labels.truth {
                for detection in scene.detections {
                    let (a, b) = (&truth.object.shape, &detection.object.shape);
                    println!("{} {}", bev_iou(a, b), volume_iou(a, b));
                }
            }
        }
        return Ok(());
    }
    let (evaluation, statistics) = rules.evaluate(&scenes)?;
    println!("{}", serde_json::to_string(&evaluation)?);
    if let [candidate, page @ ..] = rest {
        let detections = read_detections(Path::new(candidate), is_kitti)?;
        let scenes = pair(&labelled, &detections, coverage)?;
        let (better, new) = rules.evaluate(&scenes)?;
        let measures: Vec<&str> = better.means.iter().map(|m| m.measure.as_str()).collect();
        let verdict = gate::decide(&new, &statistics, &GateRules::no_worse(&measures[..1]))?;
        println!("{}", serde_json::to_string(&verdict)?);
        if let [path] = page {
            Report {
                title: candidate,
                notices: &[],
                rules: &rules,
                detectors: &[
                    Judged {
                        name: "candidate",
                        evaluation: &better,
                    },
                    Judged {
                        name: "incumbent",
                        evaluation: &evaluation,
                    },
                ],
                verdict: Some(&verdict),
                scenes: &scenes,
            }
            .write(Path::new(path))?;
        }
    }
    Ok(())
}

fn read_labels(path: &Path, is_kitti: bool) -> Result<Vec<LabelledScene>, EvalError> {
    match (is_kitti, path.is_dir()) {
        (true, _) => kitti::read_label_folder(path),
        (false, true) => shard::read_folder(path),
        (false, false) => jsonl::read_labels(path),
    }
}

fn read_detections(path: &Path, is_kitti: bool) -> Result<Vec<DetectedScene>, EvalError> {
    if is_kitti {
        kitti::read_result_folder(path)
    } else {
        jsonl::read_detections(path)
    }
}
