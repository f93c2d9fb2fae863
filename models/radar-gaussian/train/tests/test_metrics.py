"""Average precision on cases worked by hand."""

import numpy as np
import pytest

from radar_gaussian.data.frame import Frame
from radar_gaussian.decode import Detections
from radar_gaussian.metrics import Evaluation, paired_bootstrap


def car(x, y=0.0):
    return [x, y, 0, 4, 2, 1.5, 0]


def frame(boxes, returns, name="f"):
    boxes = np.float32(boxes).reshape(-1, 7)
    zero = np.zeros(len(boxes), np.int64)
    return Frame(name, np.zeros((0, 7), np.float32), boxes, zero, np.array(returns, np.int64), zero.astype(bool))


def found(boxes, scores):
    boxes = np.float32(boxes).reshape(-1, 7)
    return Detections(boxes, np.zeros(len(boxes), np.int64), np.float32(scores))


def test_all_found_is_all(config):
    summary = Evaluation([frame([car(5), car(9)], [3, 1])], [found([car(5), car(9)], [0.9, 0.8])], config).summary()
    assert summary["distance"]["car"] == 100 and summary["iou"]["car"] == 100


def test_the_false_one_comes_first(config):
    """One truth, the false detection scores higher. IoU: precision 1/2 at every recall.

    nuScenes interpolates from (0, 0) to (1, 1/2): the mean over i = 11..100 of max(0.005 i - 0.1, 0) is
    0.005 (80 x 81 / 2) / 90 = 0.18, over 0.9 that is 20 %.
    """
    summary = Evaluation([frame([car(5)], [3])], [found([car(5), car(11)], [0.5, 0.9])], config).summary()
    assert summary["iou"]["car"] == 50
    assert summary["distance"]["car"] == pytest.approx(20)


def test_distance_counts_where_overlap_does_not(config):
    """1.5 m ahead: a hit at 2 and 4 m, none at 0.5 and 1 m; IoU 2.5 / 5.5 is under a half."""
    summary = Evaluation([frame([car(5)], [3])], [found([car(6.5)], [0.9])], config).summary()
    assert summary["distance"]["car"] == 50 and summary["iou"]["car"] == 0


def test_a_truth_is_found_once(config):
    """The second detection of the one truth is false; recall is full before it, so precision stays 1."""
    twice = Evaluation([frame([car(5), car(12)], [3, 3])], [found([car(5), car(5.1)], [0.9, 0.8])], config).summary()
    assert twice["iou"]["car"] == 50


def test_a_truth_without_returns_is_ignored(config):
    with_it = Evaluation([frame([car(5), car(11)], [3, 0])], [found([car(11), car(5)], [0.9, 0.8])], config).summary()
    assert with_it["iou"]["car"] == 100 and with_it["truths"]["car"] == 1


def test_bootstrap_of_the_same_and_of_a_better_model(config):
    frames = [frame([car(5), car(9)], [3, 1], f"drive-{i % 4}/{i}") for i in range(20)]
    worse = Evaluation(frames, [found([car(5)], [0.9])] * 20, config)
    better = Evaluation(frames, [found([car(5), car(9)], [0.9, 0.8])] * 20, config)
    assert paired_bootstrap(worse.scored(20), worse.scored(20))["iou_map"] == [0, 0, 0]
    middle, low, high = paired_bootstrap(worse.scored(20), better.scored(20))["iou_map"]
    assert low == high == middle > 0


def test_bootstrap_draws_whole_drives(config):
    """Better on one drive of two, equal on the other: a draw holds the good one never, once or twice."""
    frames = [frame([car(5), car(9)], [3, 3], f"drive-{i // 10}/{i}") for i in range(20)]
    half, both = found([car(5)], [0.9]), found([car(5), car(9)], [0.9, 0.8])
    a, b = Evaluation(frames, [half] * 20, config), Evaluation(frames, [half] * 10 + [both] * 10, config)
    middle, low, high = paired_bootstrap(a.scored(200), b.scored(200))["iou_map"]
    assert low == 0 and high == pytest.approx(2 * middle, abs=0.02)
