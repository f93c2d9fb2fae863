"""Overlap of turned rectangles in bird's-eye view."""

import numpy as np


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU [A, B] of the ground rectangles of boxes [A, 7] and [B, 7]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    reach = np.hypot(a[:, 3], a[:, 4])[:, None] / 2 + np.hypot(b[:, 3], b[:, 4])[None] / 2
    apart = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
    i, j = np.nonzero(apart < reach)
    result = np.zeros((len(a), len(b)))
    if len(i):
        shared = intersection_area(a[i], b[j])
        result[i, j] = shared / np.maximum(a[i, 3] * a[i, 4] + b[j, 3] * b[j, 4] - shared, 1e-12)
    return result


def rectangle(boxes: np.ndarray) -> np.ndarray:
    """Corners [K, 4, 2], counter-clockwise."""
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) / 2
    local = signs[None] * boxes[:, None, 3:5]
    c, s = np.cos(boxes[:, 6])[:, None], np.sin(boxes[:, 6])[:, None]
    x, y = c * local[..., 0] - s * local[..., 1], s * local[..., 0] + c * local[..., 1]
    return np.stack([x, y], -1) + boxes[:, None, :2]


def intersection_area(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shared area [K] of K pairs of rectangles: corners inside the other and crossings of edges, in order of angle."""
    middle = (a[:, :2] + b[:, :2]) / 2
    p, q = rectangle(a) - middle[:, None], rectangle(b) - middle[:, None]
    crossing, crosses = edge_crossings(p, q)
    points = np.concatenate([p, q, crossing], 1)
    valid = np.concatenate([inside(p, q), inside(q, p), crosses], 1)
    count = valid.sum(1)
    centre = np.where(valid[..., None], points, 0).sum(1) / np.maximum(count, 1)[:, None]
    points = points - centre[:, None]
    angle = np.where(valid, np.arctan2(points[..., 1], points[..., 0]), np.inf)
    order = np.argsort(angle, axis=1)
    points = np.take_along_axis(points, order[..., None], 1)
    # Places behind the last valid point repeat the first one, which adds no area.
    points = np.where((np.arange(points.shape[1]) < count[:, None])[..., None], points, points[:, :1])
    following = np.roll(points, -1, axis=1)
    area = (points[..., 0] * following[..., 1] - points[..., 1] * following[..., 0]).sum(1) / 2
    return np.where(count >= 3, np.maximum(area, 0), 0)


def inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """bool [K, P]: which points [K, P, 2] lie in the convex counter-clockwise polygon [K, 4, 2]."""
    edge = np.roll(polygon, -1, axis=1) - polygon
    to = points[:, :, None] - polygon[:, None]
    return (edge[:, None, :, 0] * to[..., 1] - edge[:, None, :, 1] * to[..., 0] >= -1e-9).all(-1)


def edge_crossings(p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [K, 16, 2] where the edges' lines meet, and whether both edges reach there."""
    d, e = np.roll(p, -1, axis=1) - p, np.roll(q, -1, axis=1) - q
    between = q[:, None] - p[:, :, None]
    d, e = d[:, :, None], e[:, None]
    cross = d[..., 0] * e[..., 1] - d[..., 1] * e[..., 0]
    safe = np.where(np.abs(cross) < 1e-12, 1.0, cross)
    t = (between[..., 0] * e[..., 1] - between[..., 1] * e[..., 0]) / safe
    u = (between[..., 0] * d[..., 1] - between[..., 1] * d[..., 0]) / safe
    meets = (np.abs(cross) >= 1e-12) & (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
    points = p[:, :, None] + t[..., None] * d
    return points.reshape(len(p), 16, 2), meets.reshape(len(p), 16)
