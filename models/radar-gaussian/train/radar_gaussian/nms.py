"""Suppression of boxes beside a better one. Boxes come best first; the places of those that stay are given."""

import numpy as np

from .overlap import overlaps


def circle_nms(centres_m: np.ndarray, radius_m: float) -> list[int]:
    """Drops a centre [D, 2] at most `radius_m` from a kept one. (Published radii are often squared distances.)"""
    difference = centres_m[:, None] - centres_m[None]
    near = (difference**2).sum(-1) <= radius_m**2
    return _greedy(near)


def rotated_nms(boxes: np.ndarray, iou: float) -> list[int]:
    """Drops a box [D, 7] that overlaps a kept one by more than `iou` in bird's-eye view."""
    return _greedy(overlaps(boxes, boxes) > iou)


def _greedy(conflict: np.ndarray) -> list[int]:
    alive = np.ones(len(conflict), bool)
    keep = []
    for i in range(len(conflict)):
        if alive[i]:
            keep.append(i)
            alive &= ~conflict[i]
    return keep
