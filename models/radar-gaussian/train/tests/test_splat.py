"""The splat against a plain loop over cells, and its gradient against finite differences."""

import dataclasses
import itertools
import math

import pytest
import torch

from radar_gaussian.config import Grid
from radar_gaussian.splat import ALPHA_MAX, ALPHA_MIN, STOP, splat

GRID = Grid(0.0, 4.0, -2.0, 2.0, -3.0, 3.0, 0.4)


def scene(points, seed, spread=1.0, opacity=(0.3, 1.0), scans=2):
    g = torch.Generator().manual_seed(seed)
    rand = lambda *shape: torch.rand(*shape, generator=g, dtype=torch.float64)
    mean = rand(points, 3) * torch.tensor([4.0, 4.0, 2.0]) - torch.tensor([0.0, 2.0, 1.0])
    quaternion = torch.nn.functional.normalize(rand(points, 4) - 0.5, dim=1)
    opacities = opacity[0] + (opacity[1] - opacity[0]) * rand(points)
    scan = (rand(points) * scans).long()
    return mean, 0.05 + spread * rand(points, 3), quaternion, opacities, rand(points, 5) - 0.5, scan


def plain(mean, scale, quaternion, opacity, features, scan, scans, grid, screen):
    """The definition, cell by cell and point by point."""
    out = torch.zeros(scans, features.shape[1], grid.height, grid.width, dtype=mean.dtype)
    order = sorted(range(len(mean)), key=lambda i: (-float(mean[i, 2]), i))
    inverse = [torch.linalg.inv(plain_covariance(s, q, grid, screen)) for s, q in zip(scale, quaternion)]
    centre = (mean[:, :2] - torch.tensor([grid.x_min_m, grid.y_min_m])) / grid.cell_m - 0.5
    for b, row, column in itertools.product(range(scans), range(grid.height), range(grid.width)):
        through = 1.0
        for i in order:
            if scan[i] != b:
                continue
            d = torch.tensor([column, row], dtype=mean.dtype) - centre[i]
            alpha = min(ALPHA_MAX, float(opacity[i] * torch.exp(-0.5 * d @ inverse[i] @ d)))
            if alpha < ALPHA_MIN:
                continue
            if through * (1 - alpha) < STOP:
                break
            out[b, :, row, column] += features[i] * alpha * through
            through *= 1 - alpha
    return out


def plain_covariance(scale, quaternion, grid, screen):
    w, x, y, z = (float(v) for v in quaternion)
    rotation = torch.tensor(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ],
        dtype=scale.dtype,
    )
    m = rotation @ torch.diag(scale)
    return (m @ m.T)[:2, :2] / grid.cell_m**2 + screen * torch.eye(2, dtype=scale.dtype)


@pytest.mark.parametrize("points,spread,opacity", [(0, 1.0, (1, 1)), (7, 0.1, (1, 1)), (40, 0.8, (0.2, 1)), (60, 1.5, (1, 1))])
def test_equals_the_definition(points, spread, opacity):
    parts = scene(points, points, spread, opacity)
    expected = plain(*parts, 2, GRID, 0.3)
    torch.testing.assert_close(splat(*parts, 2, GRID, 0.3), expected, rtol=1e-9, atol=1e-12)


def test_the_stop_is_reached_and_hides_what_lies_below():
    """Of three opaque points in one place the highest leaves 1e-2, the second would leave less than 1e-4."""
    place = torch.tensor([[2.2, 0.2, 1.0], [2.2, 0.2, 3.0], [2.2, 0.2, 2.0]])
    one = torch.ones(3)
    out = splat(place, one[:, None].expand(3, 3) * 0.1, torch.tensor([[1.0, 0, 0, 0]] * 3), one, torch.eye(3), one.long() * 0, 1, GRID, 0.3)
    torch.testing.assert_close(out[0, :, 5, 5], torch.tensor([0.0, ALPHA_MAX, 0.0]))


def test_gradient_is_the_finite_difference():
    """Double precision, soft opacities: no cell is near the cut-offs, where the definition itself jumps."""
    grid = dataclasses.replace(GRID, cell_m=0.8)
    *parts, scan = scene(6, 3, 0.8, (0.2, 0.8))
    parts = [p.clone().requires_grad_() for p in parts]

    def blended(mean, scale, quaternion, opacity, features):
        unit = quaternion / quaternion.norm(dim=1, keepdim=True)
        return splat(mean, scale, unit, opacity, features[:, :2], scan, 2, grid, 0.3)

    assert torch.autograd.gradcheck(blended, parts, eps=1e-7, atol=1e-5, rtol=1e-4)


def test_single_precision_agrees_with_double():
    parts = scene(200, 5, 1.0, (1, 1))
    single = splat(*(p.float() if p.is_floating_point() else p for p in parts), 2, GRID, 0.3)
    double = splat(*parts, 2, GRID, 0.3)
    assert float((single - double).abs().max() / double.abs().max()) < 1e-5


def test_flat_gaussian_keeps_its_mass():
    """One faint Gaussian: the sum over cells is its integral, 2 pi sqrt |Sigma|, less the tail below 1/255."""
    grid = dataclasses.replace(GRID, cell_m=0.1)
    mean, scale = torch.tensor([[2.0, 0.0, 0.0]]).double(), torch.full((1, 3), 0.3).double()
    out = splat(mean, scale, torch.tensor([[1.0, 0, 0, 0]]).double(), torch.tensor([0.9]).double(), torch.ones(1, 1).double(), torch.zeros(1).long(), 1, grid, 0.3)
    variance = 9 + 0.3
    assert math.isclose(float(out.sum()), 2 * math.pi * variance * (0.9 - 1 / 255), rel_tol=2e-3)
