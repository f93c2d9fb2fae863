"""Box Gaussian Loss: boxes compared as Gaussians, after RadarGaussianDet3D.

A box is N([x, y, z], R S^2 R^T) with S = diag(l, w, h) / 2a. The loss is KL(predicted || true)
= 1/2 [d^T Sg^-1 d + tr(Sg^-1 Sp) + ln(|Sg| / |Sp|) - 3], all in metres. (In the authors' code x and y are
offsets in cells beside sizes in metres; that mix-up is not followed.)
"""

import torch

from .config import Config
from .targets import Targets, out_cell_m

# The largest logarithm of a size that the loss follows: e^4 = 55 m.
LOG_SIZE_MAX = 4.0


def kl_divergence(offset_m, size_m, sin_cos, true_size_m, true_yaw_rad, spread):
    """KL of K boxes, [K]. offset_m [K, 3] predicted minus true centre; sin_cos [K, 2] of length 1; spread [K]."""
    c, s = torch.cos(true_yaw_rad), torch.sin(true_yaw_rad)
    turned_cos = sin_cos[:, 1] * c + sin_cos[:, 0] * s
    turned_sin = sin_cos[:, 0] * c - sin_cos[:, 1] * s
    sigma, true_sigma = size_m / (2 * spread[:, None]), true_size_m / (2 * spread[:, None])
    dx, dy, dz = offset_m.unbind(1)
    along = torch.stack([c * dx + s * dy, c * dy - s * dx, dz], 1)
    distance = ((along / true_sigma) ** 2).sum(1)
    (pl, pw, ph), (tl, tw, th) = (sigma**2).unbind(1), (true_sigma**2).unbind(1)
    cos2, sin2 = turned_cos**2, turned_sin**2
    trace = (cos2 * pl + sin2 * pw) / tl + (sin2 * pl + cos2 * pw) / tw + ph / th
    return 0.5 * (distance + trace + 2 * (true_size_m.log() - size_m.log()).sum(1) - 3)


def box_gaussian_loss(raw, targets: Targets, spread, config: Config):
    """The loss [K] of the head's eight channels `raw` [K, 8] at the targets' cells."""
    cell_m = out_cell_m(config)
    x = (targets.column + raw[:, 0]) * cell_m + config.grid.x_min_m
    y = (targets.row + raw[:, 1]) * cell_m + config.grid.y_min_m
    offset_m = torch.stack([x, y, raw[:, 2]], 1) - targets.box[:, :3]
    size_m = raw[:, 3:6].clamp(-LOG_SIZE_MAX, LOG_SIZE_MAX).exp()
    sin_cos = torch.nn.functional.normalize(raw[:, 6:8], dim=1)
    return kl_divergence(offset_m, size_m, sin_cos, targets.box[:, 3:6], targets.box[:, 6], spread)
