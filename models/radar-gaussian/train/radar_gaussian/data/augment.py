"""Global augmentation of a frame: mirror left and right, turn about the radar, scale. After the paper.

Radial speed, RCS and time are the same after each of them; columns that repeat the position follow it.
"""

from dataclasses import replace

import numpy as np

from ..config import Augment
from .frame import Frame


def augment(frame: Frame, features: list[str], options: Augment, rng: np.random.Generator) -> Frame:
    """A new frame drawn with `rng`; always three draws, so that the next frame's are the same."""
    flip = rng.random() < options.flip
    turn_rad = rng.uniform(-options.rotation_rad, options.rotation_rad)
    scale = rng.uniform(1 - options.scale, 1 + options.scale)
    return transformed(frame, features, flip, turn_rad, scale)


def transformed(frame: Frame, features: list[str], flip: bool, turn_rad: float, scale: float) -> Frame:
    points, boxes = frame.points.copy(), frame.boxes.copy()
    if flip:
        points[:, 1] *= -1
        boxes[:, 1] *= -1
        boxes[:, 6] *= -1
    turn = np.float32([[np.cos(turn_rad), -np.sin(turn_rad)], [np.sin(turn_rad), np.cos(turn_rad)]])
    for rows in (points, boxes):
        rows[:, :2] = rows[:, :2] @ turn.T
        rows[:, :3] *= scale
    boxes[:, 3:6] *= scale
    boxes[:, 6] += turn_rad
    if "azimuth_deg" in features:
        column = features.index("azimuth_deg")
        points[:, column] = (-1 if flip else 1) * points[:, column] + np.degrees(turn_rad)
    if "range_m" in features:
        points[:, features.index("range_m")] *= scale
    return replace(frame, points=points, boxes=boxes)
