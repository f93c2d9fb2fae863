"""The Box Gaussian Loss against numbers worked by hand and against the general formula."""

import math

import torch

from radar_gaussian.box_gaussian import kl_divergence


def kl(offset, size, yaw, true_size, true_yaw, spread):
    t = lambda v: torch.tensor([v], dtype=torch.float64)
    return float(kl_divergence(t(offset), t(size), t([math.sin(yaw), math.cos(yaw)]), t(true_size), t(true_yaw), t(spread)))


def test_the_same_box_costs_nothing():
    assert abs(kl([0, 0, 0], [4, 2, 1.5], 0.3, [4, 2, 1.5], 0.3, 3.0)) < 1e-12


def test_a_box_turned_round_costs_nothing():
    assert abs(kl([0, 0, 0], [4, 2, 1.5], 0.3 + math.pi, [4, 2, 1.5], 0.3, 3.0)) < 1e-12


def test_offset_by_hand():
    """S = diag(4, 2, 2) / 6. Half a metre ahead: 1/2 (0.5 / (4/6))^2 = 0.28125; aside: 1/2 (0.5 / (2/6))^2 = 1.125."""
    assert math.isclose(kl([0.5, 0, 0], [4, 2, 2], 0, [4, 2, 2], 0, 3.0), 0.28125)
    assert math.isclose(kl([0, 0.5, 0], [4, 2, 2], 0, [4, 2, 2], 0, 3.0), 1.125)
    # The true box looks along y: half a metre along x is now aside.
    assert math.isclose(kl([0.5, 0, 0], [4, 2, 2], math.pi / 2, [4, 2, 2], math.pi / 2, 3.0), 1.125)


def test_spread_scales_the_offset_alone():
    assert math.isclose(kl([0.5, 0, 0], [4, 2, 2], 0, [4, 2, 2], 0, 3.0), 9 * kl([0.5, 0, 0], [4, 2, 2], 0, [4, 2, 2], 0, 1.0))
    assert math.isclose(kl([0, 0, 0], [3, 2, 2], 0, [4, 2, 2], 0, 3.0), kl([0, 0, 0], [3, 2, 2], 0, [4, 2, 2], 0, 1.0))


def test_size_by_hand():
    """Twice as long: 1/2 (4 + 1 + 1 - 3 - 2 ln 2) = 1.5 - ln 2."""
    assert math.isclose(kl([0, 0, 0], [8, 2, 2], 0, [4, 2, 2], 0, 1.0), 1.5 - math.log(2))


def test_quarter_turn_by_hand():
    """Length and width change places: 1/2 (4/16 + 16/4 + 1 - 3) = 1.125."""
    assert math.isclose(kl([0, 0, 0], [4, 2, 2], math.pi / 2, [4, 2, 2], 0, 1.0), 1.125)


def test_equals_the_matrix_formula():
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        r = torch.rand(12, generator=generator, dtype=torch.float64)
        offset, size, true_size = r[:3] - 0.5, 0.5 + 4 * r[3:6], 0.5 + 4 * r[6:9]
        yaw, true_yaw, spread = float(6 * r[9]), float(6 * r[10]), float(1 + 2 * r[11])

        def covariance(size, yaw):
            c, s = math.cos(yaw), math.sin(yaw)
            m = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=torch.float64) @ torch.diag(size / (2 * spread))
            return m @ m.T

        p, g = covariance(size, yaw), covariance(true_size, true_yaw)
        inverse = torch.linalg.inv(g)
        expected = 0.5 * (offset @ inverse @ offset + torch.trace(inverse @ p) + torch.logdet(g) - torch.logdet(p) - 3)
        ours = kl(offset.tolist(), size.tolist(), yaw, true_size.tolist(), true_yaw, spread)
        assert math.isclose(ours, float(expected), rel_tol=1e-9, abs_tol=1e-9)
