"""What the head should say about a batch: heat maps with a Gaussian at each box's centre, and the boxes.

After CornerNet (Law and Deng 2018) and CenterPoint: the Gaussian's radius is that by which a box may be
off and still overlap the true one by `min_overlap`; its sigma is a sixth of its diameter.
"""

from dataclasses import dataclass

import numpy as np
import torch

from .config import Config
from .head import ClassLayout


@dataclass(frozen=True)
class Targets:
    """heat [B, classes, h, w] in the head's channel order; of K boxes: scan, task, row, column i64 [K] each,
    class i64 [K], box f32 [K, 7] in metres and radians."""

    heat: torch.Tensor
    scan: torch.Tensor
    task: torch.Tensor
    row: torch.Tensor
    column: torch.Tensor
    kind: torch.Tensor
    box: torch.Tensor


def draw(frames, config: Config) -> Targets:
    layout, cell_m = ClassLayout(config), out_cell_m(config)
    height, width = (n // config.backbone.out_stride for n in (config.grid.height, config.grid.width))
    heat = np.zeros((len(frames), len(config.classes), height, width), np.float32)
    rows = []
    for scan, frame in enumerate(frames):
        for box, kind in zip(frame.boxes, frame.classes):
            u, v = (box[0] - config.grid.x_min_m) / cell_m, (box[1] - config.grid.y_min_m) / cell_m
            column, row = int(u), int(v)
            if not (0 <= column < width and 0 <= row < height):
                continue
            fit = gaussian_radius(box[3] / cell_m, box[4] / cell_m, config.head.min_overlap)
            radius = max(config.head.min_radius_cells, int(fit))
            draw_gaussian(heat[scan, layout.heat_of[kind]], row, column, radius)
            rows.append((scan, layout.task_of[kind], row, column, kind, box))
    index = torch.tensor([r[:5] for r in rows], dtype=torch.int64).reshape(-1, 5)
    boxes = torch.from_numpy(np.array([r[5] for r in rows], np.float32).reshape(-1, 7))
    return Targets(torch.from_numpy(heat), *index.unbind(1), boxes)


def out_cell_m(config: Config) -> float:
    """The size of a cell of the head's outputs."""
    return config.grid.cell_m * config.backbone.out_stride


def draw_gaussian(heat: np.ndarray, row: int, column: int, radius: int) -> None:
    """Raises `heat` [h, w] to a Gaussian of peak 1 at (row, column), inside a square of 2 radius + 1 cells."""
    sigma = (2 * radius + 1) / 6
    line = np.exp(-np.arange(-radius, radius + 1, dtype=np.float32) ** 2 / (2 * sigma * sigma))
    top, left = max(0, row - radius), max(0, column - radius)
    part = heat[top : row + radius + 1, left : column + radius + 1]
    across = line[left - column + radius :][: part.shape[1]]
    down = line[top - row + radius :][: part.shape[0]]
    np.maximum(part, down[:, None] * across[None, :], out=part)


def gaussian_radius(length: float, width: float, overlap: float) -> float:
    """The smallest of CornerNet's three cases: both corners outside, both inside, or one of each, solved rightly.

    Moved by r along both axes: (l-r)(w-r) / (2lw - (l-r)(w-r)) = overlap. Shrunk: (l-2r)(w-2r) / lw = overlap.
    Grown: lw / ((l+2r)(w+2r)) = overlap.
    """
    area, girth = length * width, length + width
    moved = smaller_root(1.0, -girth, area * (1 - overlap) / (1 + overlap))
    shrunk = smaller_root(4.0, -2 * girth, (1 - overlap) * area)
    grown = -smaller_root(4 * overlap, -2 * overlap * girth, (overlap - 1) * area)
    return min(moved, shrunk, grown)


def smaller_root(a: float, b: float, c: float) -> float:
    """The smaller root of a r^2 + b r + c = 0, a > 0."""
    return (-b - float(np.sqrt(b * b - 4 * a * c))) / (2 * a)
