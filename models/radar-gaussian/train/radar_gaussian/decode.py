"""From the head's outputs to boxes: the best cells of each class, their boxes, then suppression."""

from dataclasses import dataclass

import numpy as np
import torch

from .config import Config
from .head import BOX_CHANNELS, ClassLayout
from .nms import circle_nms, rotated_nms
from .targets import out_cell_m

# Above this overlap the worse of two boxes of a class goes, where NMS is rotated.
ROTATED_NMS_IOU = 0.1


@dataclass(frozen=True)
class Detections:
    """D boxes of a scan, best first: boxes f32 [D, 7] in metres and radians, classes i64 [D], scores f32 [D]."""

    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray


def boxes_at(boxes, scan, task, row, column):
    """The eight box channels [K, 8] at K cells of the head's boxes [B, 8 tasks, h, w]."""
    channel = task[:, None] * BOX_CHANNELS + torch.arange(BOX_CHANNELS, device=boxes.device)
    return boxes[scan[:, None], channel, row[:, None], column[:, None]]


def decode(logits, boxes, config: Config) -> list[Detections]:
    """Detections of each scan from heat map logits [B, classes, h, w] and boxes [B, 8 tasks, h, w].

    Per class the `candidates` best cells at `score_min` or above (equal scores in order of row and column),
    NMS, and the `keep` best; then all classes in order of score. (The paper has one class a task and the same.)
    """
    layout = ClassLayout(config)
    scores = torch.sigmoid(logits.detach().float())
    return [_scan(scores[b], boxes[b : b + 1].detach(), layout, config) for b in range(len(logits))]


def _scan(scores, boxes, layout: ClassLayout, config: Config) -> Detections:
    rule, width = config.decode, scores.shape[-1]
    found = []
    for kind, (channel, task) in enumerate(zip(layout.heat_of, layout.task_of)):
        value, place = torch.sort(scores[channel].reshape(-1), descending=True, stable=True)
        seen = value[: rule.candidates] >= rule.score_min
        value, place = value[: rule.candidates][seen], place[: rule.candidates][seen]
        row, column = place // width, place % width
        zero = torch.zeros_like(place)
        mine = metres(boxes_at(boxes, zero, zero + task, row, column), row, column, config)
        keep = suppressed(mine, config.classes[kind].nms_radius_m, rule.nms)[: rule.keep]
        found.append(Detections(mine[keep], np.full(len(keep), kind), value.numpy()[keep]))
    boxes = np.concatenate([f.boxes for f in found])
    classes, scores = np.concatenate([f.classes for f in found]), np.concatenate([f.scores for f in found])
    order = np.argsort(-scores, kind="stable")
    return Detections(boxes[order], classes[order], scores[order])


def metres(raw, row, column, config: Config) -> np.ndarray:
    """Boxes [K, 7] from their eight channels [K, 8] and cells."""
    cell_m = out_cell_m(config)
    x = (column + raw[:, 0]) * cell_m + config.grid.x_min_m
    y = (row + raw[:, 1]) * cell_m + config.grid.y_min_m
    yaw = torch.atan2(raw[:, 6], raw[:, 7])
    return torch.cat([torch.stack([x, y, raw[:, 2]], 1), raw[:, 3:6].exp(), yaw[:, None]], 1).numpy()


def suppressed(boxes: np.ndarray, radius_m: float, nms: str) -> list[int]:
    """Which boxes [K, 7] of a class, best first, stay."""
    if nms == "circle":
        return circle_nms(boxes[:, :2], radius_m)
    return rotated_nms(boxes, ROTATED_NMS_IOU)
