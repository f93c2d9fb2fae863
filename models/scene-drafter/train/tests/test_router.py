"""The head learns which drafts are good; figures are what they say."""

import numpy as np
import torch
from safetensors.numpy import save_file

from scene_drafter.collect import BUDGETS, collect
from scene_drafter.draft import Drafted
from scene_drafter.router import SURE, Router
from scene_drafter.texts import Texts
from scene_drafter.train_router import Judged, auroc, calibrate, calibration_error, curve, every_look, fit, of_words, scores


def drafts(count: int, rng) -> Judged:
    """The target agrees where ln p is above -1; what carries a fact is written in the first number of the hidden state."""
    made, agrees, bearing = [], [], []
    for _ in range(count):
        n = int(rng.integers(3, 9))
        confidence = np.stack((-rng.exponential(0.4, n), rng.normal(size=n), rng.random(n)), 1).astype(np.float32)
        hidden = rng.normal(size=(n, 24)).astype(np.float32)
        made.append(Drafted(list(range(n)), hidden, confidence, rng.normal(size=24).astype(np.float32)))
        agrees.append(confidence[:, 0] > -1)
        bearing.append(hidden[:, 0] > 0)
    return Judged(made, agrees, bearing)


def test_tokens_that_matter_multiply_and_others_count_for_nothing():
    router = Router(24, 8)
    logits = torch.tensor([[[0.0, SURE], [1.0, SURE], [-3.0, -SURE]]])
    p = torch.sigmoid(router.of_tokens(logits))
    assert torch.allclose(p, torch.sigmoid(torch.tensor(1.0)) * 0.5, atol=1e-4)
    sure = torch.full((1, 5, 2), SURE)
    assert router.of_tokens(sure).isfinite().all() and router.of_tokens(sure) > 5


def test_it_learns_which_drafts_are_good_and_how_sure_it_is():
    rng = np.random.default_rng(1)
    found, held_out = drafts(300, rng), drafts(200, rng)
    router = fit(found, 24, 0)
    calibrate(router, held_out)
    score = scores(router, held_out.drafts)
    assert 0.2 < held_out.good.mean() < 0.8
    assert auroc(score, held_out.good) > 0.85
    assert calibration_error(score, held_out.good) < 0.15
    assert of_words(router, held_out)["head"] > 0.9


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


def test_scenes_are_looked_at_without_texts(world, tmp_path):
    _, _, data, target = world
    save_file(collect(target, [data[0], data[1]], 0, 0, False), tmp_path / "val-000.safetensors")
    texts = Texts([tmp_path], len(target.words))
    looks = every_look(texts)
    assert len(texts) == 0 and texts.features.shape == (2, BUDGETS[0], target.width)
    assert [(scene, len(places)) for scene, places in looks] == [(scene, count) for scene in (0, 1) for count in BUDGETS]
