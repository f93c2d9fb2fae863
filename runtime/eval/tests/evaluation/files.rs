//! Files in and out.

use std::collections::HashMap;
use std::path::Path;

use crate::build::{at, close, found, truth};
use drafthorse_eval::formats::calibration::Calibration;
use drafthorse_eval::formats::{jsonl, kitti, shard};
use drafthorse_eval::{Box3, DetectedScene, EvalError, ImageBox, LabelledScene, Truth};
use safetensors::tensor::{Dtype, TensorView, serialize};

fn write(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_kitti_label_in_our_axes() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Cyclist 0.5 2 -1.25 100 200 150 300 1.7 0.6 1.9 -3.0 1.5 20.0 -1.5707963267948966 1\n\
                DontCare -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10\n\n";
    let scene = kitti::read_labels(&write(folder.path(), "00042.txt", text)).unwrap();
    assert_eq!(scene.id, "00042");
    let [cyclist] = scene.truth.as_slice() else {
        panic!("{scene:?}");
    };
    assert_eq!(cyclist.object.class, "cyclist");
    assert_eq!(cyclist.occlusion, Some(2));
    assert_eq!(cyclist.truncation, Some(0.5));
    // 20 m ahead, 3 m to the left, its bottom 1.5 m below the camera, pointing ahead.
    let shape = cyclist.object.shape;
    assert_eq!(shape.centre_m, [20.0, 3.0, 1.7 / 2.0 - 1.5]);
    assert_eq!(shape.size_m, [1.9, 0.6, 1.7]);
    close(shape.yaw_rad, 0.0);
    assert_eq!(cyclist.object.view.unwrap().bounds.height_px(), 100.0);
    assert_eq!(scene.dont_care.len(), 1);
}

#[test]
fn kitti_files_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let mut labelled = LabelledScene {
        id: "00007".into(),
        truth: vec![
            truth("car", at(31.25, -4.5)),
            truth("bicycle_rack", at(9.0, 2.0)),
        ],
        dont_care: vec![ImageBox {
            left_px: 1.0,
            top_px: 2.0,
            right_px: 3.5,
            bottom_px: 4.0,
        }],
        ..LabelledScene::default()
    };
    labelled.truth[0].truncation = Some(0.25);
    labelled.truth[1].truncation = Some(0.0);
    labelled.truth[1].object.shape.yaw_rad = 1.0;
    kitti::write_labels(folder.path(), &labelled).unwrap();
    let text = std::fs::read_to_string(folder.path().join("00007.txt")).unwrap();
    assert!(text.contains("\nCar 0.25 0 "), "{text}");
    assert!(text.contains("\nbicycle_rack 0 0 "), "{text}");
    let read = kitti::read_label_folder(folder.path()).unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].dont_care, labelled.dont_care);
    for (a, b) in read[0].truth.iter().zip(&labelled.truth) {
        assert_eq!(a.object.shape.centre_m, b.object.shape.centre_m);
        close(a.object.shape.yaw_rad, b.object.shape.yaw_rad);
        assert_eq!(a.object.view, b.object.view);
    }
    let mut unseen = found("pedestrian", at(5.0, 0.0), 0.125);
    unseen.object.view = None;
    let detected = DetectedScene {
        id: "00007".into(),
        detections: vec![found("car", at(31.0, -4.5), 0.75), unseen],
    };
    kitti::write_results(folder.path(), &detected).unwrap();
    let read = kitti::read_result_folder(folder.path()).unwrap();
    let scores: Vec<f64> = read[0].detections.iter().map(|d| d.score).collect();
    assert_eq!(scores, [0.75, 0.125]);
    // Without a view the rectangle is empty: the rules with a least height ignore it.
    let height = |i: usize| {
        read[0].detections[i]
            .object
            .view
            .unwrap()
            .bounds
            .height_px()
    };
    assert_eq!((height(0), height(1)), (100.0, 0.0));
}

#[test]
fn bad_kitti_lines_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = "Car 0 0 0 1 2 3 4 1.5 1.8 4.5 1 1 10 0 0.5\n";
    for (bad, said) in [
        ("Car 0 0 0 1 2 3 4 1.5 1.8 4.5 1 1 10 0", "15 columns"),
        ("Car 0 0", "3 columns"),
        (
            "Car 0 0 0 1 2 3 4 1.5 1.8 4.5 1 1 10 0 nan",
            "column 16 (score)",
        ),
        (
            "Car 0 0.5 0 1 2 3 4 1.5 1.8 4.5 1 1 10 0 1",
            "column 3 (occlusion)",
        ),
        ("Car 0 0 0 1 2 3 4 1.5 0 4.5 1 1 10 0 1", "above zero"),
    ] {
        let path = write(folder.path(), "1.txt", &format!("{good}{bad}\n"));
        let error = kitti::read_results(&path).unwrap_err();
        assert!(matches!(error, EvalError::Line { line: 2, .. }));
        let text = error.to_string();
        assert!(text.contains("1.txt:2: ") && text.contains(said), "{text}");
    }
    let none = tempfile::tempdir().unwrap();
    let error = kitti::read_label_folder(none.path()).unwrap_err();
    assert!(matches!(error, EvalError::Empty { .. }));
    let error = kitti::read_label_folder(&none.path().join("absent")).unwrap_err();
    assert!(matches!(error, EvalError::Read { .. }));
}

/// A camera 1 m above and 2 m behind the sensor, pitched a little.
fn calibration(folder: &Path) -> Calibration {
    let (sin, cos) = 0.1f64.sin_cos();
    let text = format!(
        "P0: 0\nP2: 1000 0 640 0 0 1000 360 0 0 0 1 0\nR0_rect: 1 0 0 0 1 0 0 0 1\n\
         Tr_velo_to_cam: 0 -1 0 0 {} 0 {} 1 {} 0 {} 2\nTr_imu_to_velo:\n",
        sin, -cos, cos, sin
    );
    Calibration::read(&write(folder, "calib.txt", &text)).unwrap()
}

#[test]
fn calibration_moves_boxes_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let calibration = calibration(folder.path());
    let shape = Box3 {
        centre_m: [20.0, 3.0, 0.5],
        size_m: [4.0, 2.0, 1.5],
        yaw_rad: 0.4,
    };
    let camera = calibration.camera_from_sensor(&shape);
    let (sin, cos) = 0.1f64.sin_cos();
    // The bottom's centre is at z = -0.25.
    close(camera.centre_m[0], cos * 20.0 + sin * -0.25 + 2.0);
    close(camera.centre_m[1], 3.0);
    close(camera.centre_m[2] - 0.75, -(sin * 20.0 + cos * 0.25 + 1.0));
    let back = calibration.sensor_from_camera(&camera);
    for axis in 0..3 {
        close(back.centre_m[axis], shape.centre_m[axis]);
    }
    close(back.yaw_rad, shape.yaw_rad);
}

#[test]
fn the_view_is_the_rectangle_around_the_corners() {
    let folder = tempfile::tempdir().unwrap();
    let text = "P2: 1000 0 640 0 0 1000 360 0 0 0 1 0\nTr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0\n";
    let path = write(folder.path(), "calib.txt", text);
    let calibration = Calibration::read(&path).unwrap();
    let shape = at(22.0, 0.0);
    let view = calibration.view(&shape, 1280.0, 720.0).unwrap();
    // Its near face is 20 m away: 2 m by 1.5 m at 50 px a metre.
    close(view.bounds.left_px, 590.0);
    close(view.bounds.right_px, 690.0);
    close(view.bounds.height_px(), 75.0);
    // It points ahead, straight before the camera.
    close(view.alpha_rad, -std::f64::consts::FRAC_PI_2);
    let cut = calibration.view(&at(22.0, 12.8), 1280.0, 720.0).unwrap();
    close(cut.bounds.left_px, 0.0);
    assert_eq!(calibration.view(&at(22.0, 40.0), 1280.0, 720.0), None);
    assert_eq!(calibration.view(&at(-22.0, 0.0), 1280.0, 720.0), None);
    let path = write(folder.path(), "half.txt", "P2: 1000 0 640\n");
    let error = Calibration::read(&path).unwrap_err().to_string();
    assert!(error.contains("`P2:` with 12 numbers"), "{error}");
}

#[test]
fn json_lines_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenes.jsonl");
    let mut first = truth("car", at(1.0 / 3.0, -2.0));
    first.object.velocity_mps = Some([1.5, -0.5]);
    first.object.attribute = Some("vehicle.parked".into());
    first.returns = Some(3);
    first.returns_all = Some(9);
    first.moving = Some(false);
    first.track = Some(-4);
    first.truncation = Some(0.5);
    let labelled = vec![
        LabelledScene {
            id: "town/000001".into(),
            truth: vec![first, Truth::default()],
            dont_care: vec![ImageBox::default()],
            points_m: vec![[1.0, 2.0, 0.1]],
        },
        LabelledScene {
            id: "town/000002".into(),
            ..LabelledScene::default()
        },
    ];
    // A box without a size is no box.
    jsonl::write_labels(&path, &labelled).unwrap();
    let error = jsonl::read_labels(&path).unwrap_err();
    assert!(error.to_string().contains("scenes.jsonl:1: "), "{error}");
    let mut labelled = labelled;
    labelled[0].truth.pop();
    jsonl::write_labels(&path, &labelled).unwrap();
    assert_eq!(jsonl::read_labels(&path).unwrap(), labelled);

    let detected = vec![DetectedScene {
        id: "town/000001".into(),
        detections: vec![found("truck", at(7.1, 0.3), 0.7)],
    }];
    jsonl::write_detections(&path, &detected).unwrap();
    assert_eq!(jsonl::read_detections(&path).unwrap(), detected);
}

#[test]
fn bad_json_lines_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let shape = r#""class":"car","centre_m":[1,2,3],"size_m":[4,2,1],"yaw_rad":0"#;
    let read = |text: &str| {
        let path = write(folder.path(), "d.jsonl", text);
        jsonl::read_detections(&path).unwrap_err().to_string()
    };
    for (line, said) in [
        ("{".to_owned(), "is no scene"),
        (r#"{"scene":"a"}"#.to_owned(), "no `detections`"),
        (
            format!(r#"{{"scene":"a","detections":[{{{shape}}}]}}"#),
            "score",
        ),
        (
            format!(r#"{{"scene":"a","detections":[{{{shape},"scroe":1}}]}}"#),
            "unknown field `scroe`",
        ),
        (
            format!(r#"{{"scene":"a","detections":[{{{shape},"score":1,"track":1}}]}}"#),
            "only truth has",
        ),
        (
            format!(r#"{{"scene":"a","detections":[{{{shape},"score":1e999}}]}}"#),
            "is no scene",
        ),
    ] {
        let good = r#"{"scene":"b","detections":[]}"#;
        let text = read(&format!("{good}\n\n{line}\n"));
        assert!(
            text.contains("d.jsonl:3: ") && text.contains(said),
            "{text}"
        );
    }
}

/// Two frames: three points and two boxes, then one point and none.
fn shard(format: &str, boxes_start: [i64; 3]) -> Vec<u8> {
    fn bytes<const N: usize>(parts: impl IntoIterator<Item = [u8; N]>) -> Vec<u8> {
        parts.into_iter().flatten().collect()
    }
    let points: Vec<f32> = (0..28u8).map(f32::from).collect();
    let boxes = [
        10.0f32, 1.0, 0.5, 4.0, 2.0, 1.5, 0.1, 30.0, -2.0, 0.5, 0.7, 0.7, 1.8, 3.0,
    ];
    let columns: Vec<(&str, Dtype, Vec<usize>, Vec<u8>)> = vec![
        (
            "captured_ns",
            Dtype::I64,
            vec![2],
            bytes([1i64, 2].map(i64::to_le_bytes)),
        ),
        (
            "points",
            Dtype::F32,
            vec![4, 7],
            bytes(points.into_iter().map(f32::to_le_bytes)),
        ),
        (
            "points_start",
            Dtype::I64,
            vec![3],
            bytes([0i64, 3, 4].map(i64::to_le_bytes)),
        ),
        (
            "boxes",
            Dtype::F32,
            vec![2, 7],
            bytes(boxes.map(f32::to_le_bytes)),
        ),
        (
            "box_velocity",
            Dtype::F32,
            vec![2, 2],
            bytes([5.0f32, 0.5, 0.0, 0.0].map(f32::to_le_bytes)),
        ),
        ("box_class", Dtype::U8, vec![2], vec![0, 3]),
        (
            "box_track",
            Dtype::I64,
            vec![2],
            bytes([7i64, 8].map(i64::to_le_bytes)),
        ),
        (
            "box_returns",
            Dtype::I32,
            vec![2],
            bytes([3i32, 0].map(i32::to_le_bytes)),
        ),
        (
            "box_returns_all",
            Dtype::I32,
            vec![2],
            bytes([9i32, 1].map(i32::to_le_bytes)),
        ),
        ("box_moving", Dtype::U8, vec![2], vec![1, 0]),
        (
            "boxes_start",
            Dtype::I64,
            vec![3],
            bytes(boxes_start.map(i64::to_le_bytes)),
        ),
    ];
    let tensors: Vec<(&str, TensorView<'_>)> = columns
        .iter()
        .map(|(name, kind, shape, data)| {
            (*name, TensorView::new(*kind, shape.clone(), data).unwrap())
        })
        .collect();
    let notes = HashMap::from([
        ("format".to_owned(), format.to_owned()),
        (
            "classes".to_owned(),
            "car,truck,cyclist,pedestrian".to_owned(),
        ),
    ]);
    serialize(tensors, Some(notes)).unwrap()
}

#[test]
fn shards_are_labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("val-0001.safetensors");
    std::fs::write(&path, shard("drafthorse-shard-1", [0, 2, 2])).unwrap();
    let scenes = shard::read_folder(folder.path()).unwrap();
    let ids: Vec<_> = scenes.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["val-0001/000000", "val-0001/000001"]);
    assert_eq!(
        scenes[0].points_m,
        [[0.0, 1.0, 2.0], [7.0, 8.0, 9.0], [14.0, 15.0, 16.0]]
    );
    assert_eq!(scenes[1].points_m, [[21.0, 22.0, 23.0]]);
    assert!(scenes[1].truth.is_empty());
    let [car, pedestrian] = scenes[0].truth.as_slice() else {
        panic!("{scenes:?}");
    };
    assert_eq!(car.object.class, "car");
    assert_eq!(car.object.velocity_mps, Some([5.0, 0.5]));
    assert_eq!(car.object.shape.size_m, [4.0, 2.0, 1.5]);
    assert_eq!((car.returns, car.returns_all), (Some(3), Some(9)));
    assert_eq!((car.track, car.moving), (Some(7), Some(true)));
    assert_eq!(pedestrian.object.class, "pedestrian");
    assert_eq!(pedestrian.object.shape.centre_m, [30.0, -2.0, 0.5]);
    assert_eq!(pedestrian.moving, Some(false));
}

#[test]
fn shards_of_another_kind_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let valid = shard("drafthorse-shard-1", [0, 2, 2]);
    for (bytes, said) in [
        (shard("drafthorse-shard-9", [0, 2, 2]), "drafthorse-shard-9"),
        (shard("drafthorse-shard-1", [0, 3, 2]), "boxes_start"),
        (shard("drafthorse-shard-1", [0, 1, 1]), "boxes_start"),
        (valid[..valid.len() - 1].to_vec(), "no training shard"),
        (b"hello".to_vec(), "no training shard"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = shard::read(&path).unwrap_err().to_string();
        assert!(
            error.contains(said) && error.contains("a.safetensors"),
            "{error}"
        );
    }
}
