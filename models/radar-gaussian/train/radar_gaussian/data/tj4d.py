"""TJ4DRadSet: KITTI's layout with points of eight floats.

    ROOT/training/velodyne/000000.bin   f32 x8: X Y Z V_r Range Power Alpha Beta
    ROOT/training/calib/000000.txt      P2, Tr_velo_to_cam
    ROOT/training/label_2/000000.txt    KITTI labels
    ROOT/ImageSets/train.txt            frame numbers

Alpha (azimuth) and Beta (elevation) are in degrees. Where the file counts azimuth clockwise it is turned
to count as y does, so that augmentation can keep it true.
"""

from pathlib import Path

import numpy as np

from ..config import Config, ConfigError
from .frame import Frame
from .kitti import points_inside, read_calibration, read_labels

COLUMNS = ["x_m", "y_m", "z_m", "v_r_mps", "range_m", "power_db", "azimuth_deg", "elevation_deg"]
NAMES = {"car": "Car", "truck": "Truck", "cyclist": "Cyclist", "pedestrian": "Pedestrian"}


class Tj4d:
    """The frames of a split: `train`, `val` or `test`."""

    # Scans together.
    scans = 1

    def __init__(self, root: str | Path, split: str, config: Config):
        self._root = Path(root)
        listed = self._root / "ImageSets" / f"{split}.txt"
        if not listed.is_file():
            raise ConfigError(f"{listed} is missing; point --data at the folder that holds ImageSets and training")
        if config.points.features != COLUMNS:
            raise ConfigError(f"TJ4DRadSet's point features are {COLUMNS}")
        self._frames = listed.read_text().split()
        self._class_of = {NAMES[name]: i for i, name in enumerate(config.class_names)}

    def __len__(self) -> int:
        return len(self._frames)

    def calibration(self, i: int):
        return read_calibration(self._root / "training" / "calib" / f"{self._frames[i]}.txt")

    def __getitem__(self, i: int) -> Frame:
        number = self._frames[i]
        path = self._root / "training" / "velodyne" / f"{number}.bin"
        values = np.fromfile(path, dtype="<f4")
        if values.size % 8:
            raise ConfigError(f"{path}: its size is no multiple of 8 floats")
        points = values.reshape(-1, 8)
        if (points[:, 6] * points[:, 1]).sum() < 0:
            points = points * np.float32([1, 1, 1, 1, 1, 1, -1, 1])
        path = self._root / "training" / "label_2" / f"{number}.txt"
        boxes, classes = read_labels(path, self.calibration(i), self._class_of)
        # Doppler is not compensated for the ego motion in this data set, so motion is not known.
        return Frame(number, points, boxes, classes, points_inside(points, boxes), np.zeros(len(boxes), bool))
