"""Loaders on small hand-made files of each format, augmentation, batches."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from drives import write_drive, write_splits
from radar_gaussian import config as configs
from radar_gaussian.config import ConfigError
from radar_gaussian.data.augment import transformed
from radar_gaussian.data.batches import TrainingBatches, open_split
from radar_gaussian.data.frame import Frame, crop, trainable
from radar_gaussian.data.kitti import label_line, read_calibration, read_labels
from radar_gaussian.data.shards import Shards
from radar_gaussian.overlap import overlaps

CONFIGS = Path(__file__).parent.parent / "configs"
# Camera 0.5 m ahead of the radar and 1 m above it: x right, y down, z forward.
CALIBRATION = """P0: 1 0 0 0 0 1 0 0 0 0 1 0
P2: 1000 0 968 0 0 1000 608 0 0 0 1 0
R0_rect: 1 0 0 0 1 0 0 0 1
Tr_velo_to_cam: 0 -1 0 0 0 0 -1 1 1 0 0 -0.5
"""
# A car 20 m ahead of the radar, 3 m left, its middle 0.25 m below the radar, heading along the road.
LABEL = "Car 7 0 0.0 0 0 10 10 1.5 1.8 4.5 -3.0 2.0 19.5 -1.5707963 1\n"


@pytest.mark.parametrize("newest", [True, False])
def test_shards(config, tmp_path, newest):
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, newest_scan_only=newest))
    write_drive(tmp_path / "a.safetensors", frames=4, seed=1)
    write_drive(tmp_path / "b.safetensors", frames=3, seed=2)
    data = Shards(tmp_path, config)
    assert len(data) == 7 and data[5].name == "b/000001"
    assert data[0].points.shape[1] == 6 and len(data[0].boxes) == 3
    for i in range(7):
        of_track = data.point_objects(i)
        assert [int((of_track == t).sum()) for t in data.box_tracks(i)] == data[i].returns.tolist()


def test_shards_by_name_of_feature_and_class(config, tmp_path):
    write_drive(tmp_path / "a.safetensors")
    whole = Shards(tmp_path, config)[0]
    points = dataclasses.replace(config.points, features=["x_m", "y_m", "z_m", "v_r_comp_mps"], mean=[0.0] * 4, std=[1.0] * 4)
    classes = list(reversed(config.classes))
    other = Shards(tmp_path, dataclasses.replace(config, points=points, classes=classes))[0]
    assert np.array_equal(other.points[:, 3], whole.points[:, 5])
    assert np.array_equal(other.classes, 3 - whole.classes)


def test_no_drives_is_said(config, tmp_path):
    with pytest.raises(ConfigError, match="drafthorse-shards"):
        Shards(tmp_path, config)


def vod_root(root):
    for folder in ("radar_5frames/training/velodyne", "radar_5frames/training/calib", "lidar/training/label_2", "lidar/ImageSets"):
        (root / folder).mkdir(parents=True)
    points = np.float32([[20, 3, -0.25, 10, -5, 3, 0], [20.5, 3.2, -0.1, 9, -5, 0.1, -4], [1, 30, 0, 5, 0, 0, 0], [-5, 0, 0, 1, 0, 0, 0]])
    points.tofile(root / "radar_5frames/training/velodyne/00012.bin")
    (root / "radar_5frames/training/calib/00012.txt").write_text(CALIBRATION)
    (root / "lidar/training/label_2/00012.txt").write_text(LABEL + LABEL.replace("Car", "rider"))
    (root / "lidar/ImageSets/train.txt").write_text("00012\n")
    return root


def test_view_of_delft(tmp_path):
    config = configs.load(CONFIGS / "vod.toml")
    data = open_split(vod_root(tmp_path), "train", config)
    frame = data[0]
    assert len(data) == 1 and frame.name == "00012"
    assert len(frame.points) == 2, "points beside and behind the image are left out"
    assert frame.boxes == pytest.approx(np.float32([[20, 3, -0.25, 4.5, 1.8, 1.5, 0]]), abs=1e-5)
    assert frame.returns.tolist() == [2] and frame.moving.tolist() == [True]


def test_tj4d(tmp_path):
    config = configs.load(CONFIGS / "tj4d.toml")
    for folder in ("training/velodyne", "training/calib", "training/label_2", "ImageSets"):
        (tmp_path / folder).mkdir(parents=True)
    # Azimuth written clockwise: negative on the left.
    np.float32([[20, 3, -0.25, -6, 20.2, 12, -8.5, -0.7]]).tofile(tmp_path / "training/velodyne/000001.bin")
    (tmp_path / "training/calib/000001.txt").write_text(CALIBRATION)
    (tmp_path / "training/label_2/000001.txt").write_text(LABEL.replace("Car", "Truck"))
    (tmp_path / "ImageSets/val.txt").write_text("000001\n")
    frame = open_split(tmp_path, "val", config)[0]
    assert frame.points.shape == (1, 8) and frame.points[0, 6] == 8.5
    assert frame.boxes[0, :3] == pytest.approx([20, 3, -0.25], abs=1e-5)
    assert config.class_names[frame.classes[0]] == "truck"


@pytest.mark.parametrize("name", ["s", "m", "vod", "tj4d"])
def test_configurations_are_whole(name):
    config = configs.load(CONFIGS / f"{name}.toml")
    assert configs.from_dict(config.to_dict()) == config


def test_a_typing_error_is_named(config):
    table = config.to_dict()
    table["train"]["stepz"] = table["train"].pop("steps")
    with pytest.raises(ConfigError, match="stepz"):
        configs.from_dict(table)


def test_labels_go_both_ways(tmp_path):
    (tmp_path / "calib.txt").write_text(CALIBRATION)
    calibration = read_calibration(tmp_path / "calib.txt")
    for yaw in (-3.0, -1.0, 0.0, 0.5, 2.0):
        box = np.float32([15, -4, 0.3, 4.2, 1.7, 1.6, yaw])
        (tmp_path / "label.txt").write_text(label_line("Car", box, 0.5, calibration))
        boxes, classes = read_labels(tmp_path / "label.txt", calibration, {"Car": 0})
        assert boxes[0] == pytest.approx(box, abs=1e-5) and classes.tolist() == [0]


def test_augmentation_keeps_points_on_their_boxes():
    box = np.float32([[10, 3, 0, 4, 2, 1.5, 0.4]])
    points = np.float32([[11, 3.5, 0.2, 9, -3, 1, 0], [10, 3, 0, 9, -3, 1, 0]])
    frame = Frame("f", points, box, np.zeros(1, int), np.ones(1, int), np.zeros(1, bool))
    features = ["x_m", "y_m", "z_m", "rcs_dbsm", "v_r_mps", "v_r_comp_mps", "time_s"]

    def local(frame):
        d = frame.points[:, :2] - frame.boxes[0, :2]
        c, s = np.cos(frame.boxes[0, 6]), np.sin(frame.boxes[0, 6])
        return np.stack([d @ [c, s], d @ [-s, c]], 1) / frame.boxes[0, 3:5]

    for flip, turn, scale in [(False, 0.3, 1.0), (True, -0.2, 1.05), (True, 0.0, 1.0)]:
        out = transformed(frame, features, flip, turn, scale)
        mirrored = np.float32([1, -1]) if flip else np.float32([1, 1])
        assert local(out) == pytest.approx(local(frame) * mirrored, abs=1e-5)
        assert np.array_equal(out.points[:, 3:], points[:, 3:])
        assert np.hypot(*out.boxes[0, :2]) == pytest.approx(scale * np.hypot(10, 3), rel=1e-5)


def test_augmentation_moves_azimuth_and_range_along():
    features = ["x_m", "y_m", "z_m", "v_r_mps", "range_m", "power_db", "azimuth_deg", "elevation_deg"]
    points = np.float32([[10, 10, 0, -3, 200**0.5, 12, 45, 0]])
    frame = Frame("f", points, np.zeros((0, 7), np.float32), np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool))
    out = transformed(frame, features, True, 0.2, 1.1).points[0]
    assert out[6] == pytest.approx(np.degrees(np.arctan2(out[1], out[0])), abs=1e-3)
    assert out[4] == pytest.approx(np.hypot(out[0], out[1]), rel=1e-5)


def test_cropping(config):
    points = np.float32([[5, 0, 0, 0, 0, 0], [5, 0, 9, 0, 0, 0], [-1, 0, 0, 0, 0, 0], [12.8, 0, 0, 0, 0, 0]])
    boxes = np.float32([[5, 0, 0, 1, 1, 1, 0], [5, 7, 0, 1, 1, 1, 0], [6, 0, 0, 1, 1, 1, 0]])
    frame = Frame("f", points, boxes, np.arange(3), np.array([4, 4, 0]), np.zeros(3, bool))
    cropped = crop(frame, config.grid)
    assert len(cropped.points) == 1 and cropped.classes.tolist() == [0, 2]
    assert trainable(cropped, config).classes.tolist() == [0]


def test_an_epoch_sees_each_frame_once_and_batches_repeat(config, tmp_path):
    write_splits(tmp_path / "d")
    data = open_split(tmp_path / "d", "train", config)
    batches = TrainingBatches(data, config, seed=3)
    names = [f.name for step in range(len(data) // 2) for f in batches[step].frames]
    assert sorted(names) == sorted(data[i].name for i in range(len(data)))
    again = TrainingBatches(data, config, seed=3)[4]
    assert (again.points == batches[4].points).all() and (overlaps(again.frames[0].boxes, batches[4].frames[0].boxes).diagonal() > 0.999).all()
