"""The point Gaussian encoder (PGE): each point becomes a Gaussian with features, and all are splatted.

The head's outputs, in order: offset 3, scale 3, quaternion 4 (w x y z), opacity 1, features C. The
paper's largest offset is 0 and its opacity 1; both are settings here and keep their outputs either way.
"""

from typing import NamedTuple

import torch
from torch import nn

from ..config import Config
from ..splat import splat
from .context import GlobalAggregation, LocalAggregation, PointInput


class Gaussians(NamedTuple):
    """Per point: mean_m [..., 3], scale_m [..., 3], quaternion [..., 4], opacity [...], features [..., C]."""

    mean_m: torch.Tensor
    scale_m: torch.Tensor
    quaternion: torch.Tensor
    opacity: torch.Tensor
    features: torch.Tensor


class GaussianEncoder(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        options, features = config.encoder, len(config.points.features)
        channels = options.channels
        self.options, self.grid = options, config.grid
        self.input = PointInput(config.points.mean, config.points.std, config.grid.x_max_m)
        self.local = LocalAggregation(features, channels, options.neighbour_radius_m)
        self.whole = GlobalAggregation(features, channels)
        self.head = nn.Linear(3 + features + 2 * channels, 11 + channels)
        # Scales begin at a quarter of the largest: training shrinks them anyway, and small ones cost less.
        nn.init.constant_(self.head.bias[3:6], -1.1)

    def gaussians(self, points, valid) -> Gaussians:
        """points [B, P, F] as measured, valid bool [B, P]; outputs [B, P, ...], meaningless where not valid."""
        f, direction = self.input(points)
        local = self.local(f, points[..., :3], valid)
        whole = self.whole(f, valid)
        out = self.head(torch.cat([direction, f, local, whole], -1))
        offset, scale, quaternion, opacity, features = out.split([3, 3, 4, 1, self.options.channels], -1)
        return Gaussians(
            mean_m=points[..., :3] + self.options.max_offset_m * torch.tanh(offset),
            scale_m=self.options.max_scale_m * torch.sigmoid(scale),
            quaternion=unit_quaternion(quaternion),
            opacity=torch.sigmoid(opacity[..., 0]) if self.options.learned_opacity else torch.ones_like(opacity[..., 0]),
            features=features,
        )

    def forward(self, points, valid):
        """Bird's-eye features [B, C, H, W]."""
        per_point = (part[valid] for part in self.gaussians(points, valid))
        scan = valid.nonzero()[:, 0]
        return splat(*per_point, scan, len(points), self.grid, self.options.screen_variance_px2)


def unit_quaternion(q):
    """q / |q|; a length below 1e-12 counts as 1e-12."""
    return q / q.norm(dim=-1, keepdim=True).clamp_min(1e-12)
