"""Overlap of turned rectangles by hand and against counting points."""

import numpy as np
import pytest

from radar_gaussian.overlap import overlaps


def box(x, y, length, width, yaw):
    return [x, y, 0, length, width, 1, yaw]


@pytest.mark.parametrize(
    "a,b,expected",
    [
        (box(0, 0, 4, 2, 0.3), box(0, 0, 4, 2, 0.3), 1.0),
        (box(0, 0, 4, 2, 0), box(0, 0, 2, 4, 0), 4 / 12),
        (box(0, 0, 4, 2, 0), box(0, 0, 4, 2, np.pi / 2), 4 / 12),
        (box(0, 0, 2, 2, 0), box(1, 0, 2, 2, 0), 1 / 3),
        # An octagon: the unit square turned by 45 degrees shares 2 (sqrt 2 - 1) of it.
        (box(0, 0, 1, 1, 0), box(0, 0, 1, 1, np.pi / 4), 2 * (2**0.5 - 1) / (2 - 2 * (2**0.5 - 1))),
        (box(0, 0, 1, 1, 0), box(1.3, 0, 1, 1, 0.2), 0.0),
        (box(0, 0, 10, 10, 0), box(1, 1, 1, 1, 0.5), 0.01),
    ],
)
def test_by_hand(a, b, expected):
    assert overlaps(np.array([a]), np.array([b]))[0, 0] == pytest.approx(expected, abs=1e-9)


def test_equals_counting():
    rng = np.random.default_rng(0)
    a = np.array([box(*rng.uniform(-1, 1, 2), *rng.uniform(0.5, 3, 2), rng.uniform(-4, 4)) for _ in range(6)])
    grid = np.stack(np.meshgrid(np.linspace(-3, 3, 601), np.linspace(-3, 3, 601)), -1).reshape(-1, 2)

    def covered(b):
        d, c, s = grid - b[:2], np.cos(b[6]), np.sin(b[6])
        return (np.abs(d @ [c, s]) <= b[3] / 2) & (np.abs(d @ [-s, c]) <= b[4] / 2)

    masks = [covered(b) for b in a]
    counted = [[(m & n).sum() / (m | n).sum() for n in masks] for m in masks]
    assert np.abs(overlaps(a, a) - counted).max() < 0.01
