"""Clusters of points and what is measured of them: the input of the baseline outside the network.

DBSCAN runs at several scales over position and radial speed; a cluster that two scales agree on counts once.
"""

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.neighbors import KDTree

# How far a metre of height and a metre a second count beside a metre on the ground.
HEIGHT_WEIGHT = 0.3
SURROUNDINGS_M = (1.0, 2.0, 4.0)
COLUMNS = ["x_m", "y_m", "z_m", "rcs_dbsm", "v_r_mps", "v_r_comp_mps"]


def clusters(points: np.ndarray, scales_m: list[float], speed_weight_s: float) -> list[np.ndarray]:
    """Index sets of the points [P, 6 or more] (shard columns); single points are clusters too."""
    if len(points) == 0:
        return []
    scaled = points[:, [0, 1, 2, 5]] * np.float32([1, 1, HEIGHT_WEIGHT, speed_weight_s])
    found = {}
    for scale in scales_m:
        labels = DBSCAN(eps=scale, min_samples=1).fit_predict(scaled)
        order = np.argsort(labels, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
            found.setdefault(members.tobytes(), members)
    return list(found.values())


def describe(points: np.ndarray, sets: list[np.ndarray]) -> np.ndarray:
    """Features f32 [S, ...] of each set, along and across the line of sight where a direction is needed."""
    tree = KDTree(points[:, :2])
    rows = []
    for members in sets:
        p = points[members]
        centre = p[:, :2].mean(0)
        range_m, azimuth = np.hypot(*centre), np.arctan2(centre[1], centre[0])
        d = p[:, :2] - centre
        radial = d @ [np.cos(azimuth), np.sin(azimuth)]
        across = d @ [-np.sin(azimuth), np.cos(azimuth)]
        spread = np.cov(np.stack([radial, across]), bias=True) if len(p) > 1 else np.zeros((2, 2))
        values, vectors = np.linalg.eigh(spread)
        axis = np.arctan2(vectors[1, 1], vectors[0, 1])
        strength, speed, height = p[:, 3], p[:, 5], p[:, 2]
        around = [tree.query_radius(centre[None], r, count_only=True)[0] - len(p) for r in SURROUNDINGS_M]
        rows.append(
            [
                len(p), np.log1p(len(p) * range_m), range_m, azimuth, *around,
                np.ptp(radial), np.ptp(across), radial.min(), radial.max(), across.min(), across.max(),
                *np.sqrt(np.maximum(values, 0)), np.cos(2 * axis), np.sin(2 * axis),
                strength.mean(), strength.max(), strength.min(), strength.std(), 10 * np.log10((10 ** (strength / 10)).sum()),
                speed.mean(), np.abs(speed).max(), np.ptp(speed), speed.std(), p[:, 4].mean(),
                height.mean(), height.min(), height.max(), height.std(),
            ]
        )
    return np.array(rows, np.float32)


def origins(points: np.ndarray, sets: list[np.ndarray]) -> np.ndarray:
    """x, y, z of the mean and the azimuth [S, 4]: the frame in which a cluster's box is told."""
    means = np.array([points[members, :3].mean(0) for members in sets])
    return np.column_stack([means, np.arctan2(means[:, 1], means[:, 0])])


def boxes_as_targets(boxes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Boxes [S, 7] as seen from clusters [S, 4]: offset along, across and up, log sizes, cos and sin of twice the yaw."""
    d, c, s = boxes[:, :2] - at[:, :2], np.cos(at[:, 3]), np.sin(at[:, 3])
    yaw = 2 * (boxes[:, 6] - at[:, 3])
    return np.column_stack(
        [c * d[:, 0] + s * d[:, 1], c * d[:, 1] - s * d[:, 0], boxes[:, 2] - at[:, 2], np.log(boxes[:, 3:6]), np.cos(yaw), np.sin(yaw)]
    )


def targets_as_boxes(targets: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The inverse of `boxes_as_targets`, up to half a turn."""
    c, s = np.cos(at[:, 3]), np.sin(at[:, 3])
    x = at[:, 0] + c * targets[:, 0] - s * targets[:, 1]
    y = at[:, 1] + s * targets[:, 0] + c * targets[:, 1]
    yaw = at[:, 3] + np.arctan2(targets[:, 7], targets[:, 6]) / 2
    return np.column_stack([x, y, at[:, 2] + targets[:, 2], np.exp(targets[:, 3:6]), yaw]).astype(np.float32)
