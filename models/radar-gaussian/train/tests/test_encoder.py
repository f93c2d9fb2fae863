"""The point encoders against plain definitions, and what padding must not change."""

import numpy as np
import pytest
import torch

from radar_gaussian import encoder
from radar_gaussian.config import VARIANTS
from radar_gaussian.encoder.context import LocalAggregation
from radar_gaussian.model import Detector


def points(count, seed=0, batch=1):
    g = torch.Generator().manual_seed(seed)
    p = torch.rand(batch, count, 6, generator=g) * torch.tensor([12.0, 12, 2, 20, 5, 5]) - torch.tensor([0.0, 6, 1, 10, 2, 2])
    return p, torch.ones(batch, count, dtype=torch.bool)


def test_local_aggregation_is_the_mean_over_neighbours():
    torch.manual_seed(0)
    p, valid = points(40)
    layer = LocalAggregation(6, 8, radius_m=2.0)
    out = layer(p, p[..., :3], valid)[0]
    for i in range(40):
        near = [j for j in range(40) if (p[0, j, :3] - p[0, i, :3]).norm() <= 2.0]
        rows = torch.stack([torch.cat([p[0, j], p[0, j, :3] - p[0, i, :3]]) for j in near])
        torch.testing.assert_close(out[i], layer.linear(rows).mean(0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_and_neighbours_in_the_batch_change_nothing(config, variant):
    torch.manual_seed(0)
    model = encoder.build(config.with_variant(variant)).eval()
    (a, _), (b, _) = points(30, 1), points(17, 2)
    both, valid = torch.zeros(2, 35, 6), torch.zeros(2, 35, dtype=torch.bool)
    both[0, :30], both[1, :17] = a[0], b[0]
    valid[0, :30], valid[1, :17] = True, True
    together = model(both, valid)
    for i, alone in enumerate((a, b)):
        torch.testing.assert_close(together[i : i + 1], model(alone, torch.ones(1, alone.shape[1], dtype=torch.bool)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_scan_without_points_is_an_empty_view(config, variant):
    model = Detector(config.with_variant(variant)).eval()
    p, valid = torch.zeros(1, 1, 6), torch.zeros(1, 1, dtype=torch.bool)
    assert float(model.encoder(p, valid).abs().max()) == 0
    logits, boxes = model(p, valid)
    assert torch.isfinite(logits).all() and torch.isfinite(boxes).all()


def test_pillars_hold_the_largest_of_their_points(config):
    torch.manual_seed(0)
    model = encoder.build(config.with_variant("pillar")).eval()
    p, valid = points(25, 3)
    bev = model(p, valid)[0]
    f, direction = model.input(p)
    cells = ((p[0, :, :2] - torch.tensor([0.0, -6.4])) / 0.4).long()
    expected = torch.zeros_like(bev)
    for i in range(25):
        members = [j for j in range(25) if (cells[j] == cells[i]).all()]
        mean = p[0, members, :3].mean(0)
        middle = torch.tensor([0.0, -6.4]) + (cells[i] + 0.5) * 0.4
        row = torch.cat([f[0, i], direction[0, i], p[0, i, :3] - mean, p[0, i, :2] - middle])
        x = torch.relu(model.norm(model.linear(row[None])))[0]
        x_cell, y_cell = cells[i]
        expected[:, y_cell, x_cell] = torch.maximum(expected[:, y_cell, x_cell], x)
    torch.testing.assert_close(bev, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_weight_that_can_matter_gets_a_gradient(config, variant):
    torch.manual_seed(0)
    model = Detector(config.with_variant(variant))
    p, valid = points(60, 4, batch=2)
    logits, boxes = model(p, valid)
    (logits.square().sum() + boxes.square().sum()).backward()
    # A key's bias moves all scores of a query alike, and softmax does not see that.
    still = [n for n, w in model.named_parameters() if n != "encoder.whole.key.bias" and (w.grad is None or not w.grad.any())]
    assert still == []


def test_direction_of_a_point_on_the_axis_is_finite(config):
    model = encoder.build(config)
    f, direction = model.input(torch.tensor([[[0.0, 0, 2, 0, 0, 0], [0, 0, 0, 0, 0, 0]]]))
    assert torch.isfinite(f).all() and torch.isfinite(direction).all()
    assert np.isclose(float(direction[0, 0, 2]), 0)
