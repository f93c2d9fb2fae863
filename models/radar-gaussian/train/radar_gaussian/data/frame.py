"""One labelled radar frame in the radar's frame (x forward, y left, z up), whatever data set it came from."""

from dataclasses import dataclass, replace

import numpy as np

from ..config import Config, Grid


@dataclass(frozen=True)
class Frame:
    """P points and M boxes.

    points     f32 [P, F], columns as in the configuration; the first three are x, y, z in metres
    boxes      f32 [M, 7], x y z (centre) length width height in metres, yaw in radians
    classes    i64 [M], index into the configuration's classes
    returns    i64 [M], points in the frame that came off the object
    moving     bool [M]
    name       drive and number, unique in its split
    """

    name: str
    points: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray
    returns: np.ndarray
    moving: np.ndarray

    def kept(self, mask: np.ndarray) -> "Frame":
        """The frame with those boxes alone that `mask` (bool [M]) keeps."""
        return replace(
            self, boxes=self.boxes[mask], classes=self.classes[mask], returns=self.returns[mask], moving=self.moving[mask]
        )


def crop(frame: Frame, grid: Grid) -> Frame:
    """Points inside the grid's volume, and boxes whose centre is over the grid."""
    p, b = frame.points, frame.boxes
    low = np.float32([grid.x_min_m, grid.y_min_m, grid.z_min_m])
    high = np.float32([grid.x_max_m, grid.y_max_m, grid.z_max_m])
    inside = ((p[:, :3] >= low) & (p[:, :3] < high)).all(axis=1)
    over = ((b[:, :2] >= low[:2]) & (b[:, :2] < high[:2])).all(axis=1)
    return replace(frame, points=p[inside]).kept(over)


def trainable(frame: Frame, config: Config) -> Frame:
    """The frame with those boxes alone that enough points came off."""
    return frame.kept(frame.returns >= config.data.min_returns)
