"""Labels and calibration in KITTI's text formats, between the camera's frame and the radar's.

A label line: class, track or truncation, occlusion, alpha, image box (4), h w l, x y z of the bottom's
middle in the camera's frame (x right, y down, z forward), rotation, score. A rotation r is a yaw of
-(r + pi/2) in the radar's frame.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import ConfigError


@dataclass(frozen=True)
class Calibration:
    """`camera_from_radar` [4, 4]; `image_from_camera` [3, 4] projects to pixels."""

    camera_from_radar: np.ndarray
    image_from_camera: np.ndarray

    def to_camera(self, radar_m: np.ndarray) -> np.ndarray:
        return radar_m @ self.camera_from_radar[:3, :3].T + self.camera_from_radar[:3, 3]

    def to_radar(self, camera_m: np.ndarray) -> np.ndarray:
        radar_from_camera = np.linalg.inv(self.camera_from_radar)
        return camera_m @ radar_from_camera[:3, :3].T + radar_from_camera[:3, 3]

    def to_image(self, radar_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels [P, 2] and depth [P]; pixels mean nothing where depth is not positive."""
        camera = self.to_camera(radar_m)
        image = camera @ self.image_from_camera[:, :3].T + self.image_from_camera[:, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            return image[:, :2] / image[:, 2:], camera[:, 2]


def read_calibration(path: Path) -> Calibration:
    rows = {}
    for line in path.read_text().splitlines():
        name, separator, values = line.partition(":")
        if separator:
            rows[name.strip()] = np.array(values.split(), dtype=np.float64)
    try:
        camera_from_radar = _square(rows["Tr_velo_to_cam"].reshape(3, 4))
        image_from_camera = rows["P2"].reshape(3, 4)
        rectification = rows["R0_rect"].reshape(3, 3) if "R0_rect" in rows else np.eye(3)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{path}: needs P2 and Tr_velo_to_cam of 12 numbers, R0_rect of 9 ({error})") from error
    turn = np.eye(4)
    turn[:3, :3] = rectification
    return Calibration(turn @ camera_from_radar, image_from_camera)


def _square(rows: np.ndarray) -> np.ndarray:
    return np.vstack([rows, [0.0, 0.0, 0.0, 1.0]])


def read_labels(path: Path, calibration: Calibration, class_of: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes f32 [M, 7] in the radar's frame and classes i64 [M]; names outside `class_of` are left out."""
    boxes, classes = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0] not in class_of:
            continue
        if len(words) < 15:
            raise ConfigError(f"{path}:{number}: a label has 15 columns or more, this one {len(words)}")
        height, width, length, x, y, z, rotation = map(float, words[8:15])
        centre = calibration.to_radar(np.array([[x, y, z]]))[0] + [0.0, 0.0, height / 2]
        boxes.append([*centre, length, width, height, wrap(-(rotation + np.pi / 2))])
        classes.append(class_of[words[0]])
    return np.array(boxes, dtype=np.float32).reshape(-1, 7), np.array(classes, dtype=np.int64)


def label_line(name: str, box: np.ndarray, score: float, calibration: Calibration) -> str:
    """The line of a detected box (radar's frame, [7]) with its image box, for KITTI's evaluations."""
    x, y, z, length, width, height, yaw = map(float, box)
    bottom = calibration.to_camera(np.array([[x, y, z - height / 2]]))[0]
    rotation = wrap(-yaw - np.pi / 2)
    alpha = wrap(rotation - np.arctan2(bottom[0], bottom[2]))
    pixels, depth = calibration.to_image(corners(box))
    seen = pixels[depth > 0.1]
    image = np.concatenate([seen.min(axis=0), seen.max(axis=0)]) if len(seen) else np.zeros(4)
    numbers = [alpha, *image, height, width, length, *bottom, rotation, score]
    return f"{name} -1 -1 " + " ".join(f"{v:.6f}" for v in numbers)


def corners(box: np.ndarray) -> np.ndarray:
    """The eight corners [8, 3] of a box [7]."""
    signs = np.array([[sx, sy, sz] for sx in (-1, 1) for sy in (-1, 1) for sz in (-1, 1)]) / 2
    local = signs * np.asarray(box[3:6], dtype=np.float64)
    c, s = np.cos(box[6]), np.sin(box[6])
    return local @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + np.asarray(box[:3], dtype=np.float64)


def wrap(angle_rad: float) -> float:
    """The same angle in [-pi, pi)."""
    return (angle_rad + np.pi) % (2 * np.pi) - np.pi


def points_inside(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """i64 [M]: how many points lie in each box."""
    counts = np.zeros(len(boxes), dtype=np.int64)
    for i, box in enumerate(boxes.astype(np.float64)):
        d = points[:, :3] - box[:3]
        c, s = np.cos(box[6]), np.sin(box[6])
        local = np.stack([c * d[:, 0] + s * d[:, 1], c * d[:, 1] - s * d[:, 0], d[:, 2]], axis=1)
        counts[i] = (np.abs(local) <= box[3:6] / 2).all(axis=1).sum()
    return counts
