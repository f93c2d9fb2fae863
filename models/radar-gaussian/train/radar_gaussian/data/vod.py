"""View-of-Delft: its folders, as the data set's documentation lays them out.

    ROOT/radar_5frames/training/velodyne/00000.bin   f32 x7: x y z RCS v_r v_r_compensated time
    ROOT/radar_5frames/training/calib/00000.txt      P2, Tr_velo_to_cam (radar to camera)
    ROOT/lidar/training/label_2/00000.txt            KITTI labels, track id in column 2
    ROOT/lidar/ImageSets/train.txt                   frame numbers

Points outside the image are left out, as in the paper.
"""

from pathlib import Path

import numpy as np

from ..config import Config, ConfigError
from .frame import Frame
from .kitti import points_inside, read_calibration, read_labels

COLUMNS = ["x_m", "y_m", "z_m", "rcs_dbsm", "v_r_mps", "v_r_comp_mps", "scan"]
IMAGE_PX = (1936, 1216)
NAMES = {"car": "Car", "pedestrian": "Pedestrian", "cyclist": "Cyclist"}
MOVING_MPS = 0.5


class ViewOfDelft:
    """The frames of a split: `train`, `val` or `test`."""

    # Scans together, as `radar_5frames` holds them.
    scans = 5

    def __init__(self, root: str | Path, split: str, config: Config):
        root = Path(root)
        self._radar, self._labels = root / "radar_5frames" / "training", root / "lidar" / "training" / "label_2"
        listed = root / "lidar" / "ImageSets" / f"{split}.txt"
        if not listed.is_file():
            raise ConfigError(f"{listed} is missing; point --data at the folder that holds radar_5frames and lidar")
        if config.points.features != COLUMNS:
            raise ConfigError(f"View-of-Delft's point features are {COLUMNS}")
        self._frames = listed.read_text().split()
        self._class_of = {NAMES[name]: i for i, name in enumerate(config.class_names)}

    def __len__(self) -> int:
        return len(self._frames)

    def calibration(self, i: int):
        return read_calibration(self._radar / "calib" / f"{self._frames[i]}.txt")

    def __getitem__(self, i: int) -> Frame:
        number = self._frames[i]
        calibration = self.calibration(i)
        path = self._radar / "velodyne" / f"{number}.bin"
        values = np.fromfile(path, dtype="<f4")
        if values.size % 7:
            raise ConfigError(f"{path}: its size is no multiple of 7 floats")
        points = values.reshape(-1, 7)
        pixels, depth = calibration.to_image(points[:, :3])
        points = points[(depth > 0) & (pixels >= 0).all(axis=1) & (pixels < IMAGE_PX).all(axis=1)]
        path = self._labels / f"{number}.txt"
        boxes, classes = read_labels(path, calibration, self._class_of) if path.is_file() else _none()
        return Frame(number, points, boxes, classes, points_inside(points, boxes), _moving(points, boxes))


def _none():
    return np.zeros((0, 7), np.float32), np.zeros(0, np.int64)


def _moving(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Boxes with a point inside whose compensated Doppler says that it moves."""
    return points_inside(points[np.abs(points[:, 5]) > MOVING_MPS], boxes) > 0
