"""The head's score does not depend on padding; figures are what they say."""

import numpy as np
import torch

from scene_drafter.draft import Drafted
from scene_drafter.router import Router
from scene_drafter.train_router import Judged, auroc, calibrate, calibration_error, curve, fit, scores, stacked


def drafts(count: int, rng) -> Judged:
    """A draft is good where its least ln p is above -1."""
    made, good = [], []
    for _ in range(count):
        n = int(rng.integers(3, 9))
        confidence = np.stack((-rng.exponential(0.4, n), rng.normal(size=n), rng.random(n)), 1).astype(np.float32)
        hidden = rng.normal(size=(n, 24)).astype(np.float32)
        made.append(Drafted(list(range(n)), hidden, confidence, rng.normal(size=24).astype(np.float32)))
        good.append(bool(confidence[:, 0].min() > -1))
    return Judged(made, np.array(good), np.arange(count))


def test_padding_changes_nothing():
    torch.manual_seed(0)
    router = Router(24, 8).eval()
    found = drafts(5, np.random.default_rng(0))
    together = router(*stacked(found.drafts))
    for i, drafted in enumerate(found.drafts):
        hidden, confidence, whole, _ = stacked([drafted])
        assert torch.allclose(router(hidden, confidence, whole), together[i], atol=1e-5)


def test_it_learns_which_drafts_are_good_and_how_sure_it_is():
    rng = np.random.default_rng(1)
    found, held_out = drafts(300, rng), drafts(200, rng)
    router = fit(found, 24, 0)
    calibrate(router, held_out)
    score = scores(router, held_out.drafts)
    assert auroc(score, held_out.good) > 0.9
    assert calibration_error(score, held_out.good) < 0.15


def test_auroc_counts_pairs():
    score, good = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert auroc(score, good) == 0.75
    assert auroc(np.zeros(4), good) == 0.5


def test_the_curve_takes_the_best_drafts_first():
    score = np.arange(10.0)
    drafted = np.array([[0, 1]] * 5 + [[1, 0]] * 5)
    targeted = np.array([[1, 0]] * 10)
    kept = dict(curve(score, drafted, targeted))
    assert kept[0.5] == 1.0 and kept[0.9] < 1.0
