"""What a point learns from its surroundings (LFA) and from the whole scan (GFA). After the paper's PGE.

Choices where the paper and its authors' code differ: attention is scaled by 1/sqrt(d) and the residual
is added to the unnormalised features (pre-norm), as the paper's equations have it; the code does neither.
GELU is the tanh form, so that other languages can follow it exactly.
"""

import torch
from torch import nn


class LocalAggregation(nn.Module):
    """LFA: mean over the neighbours j of point i of Linear([f_j, p_j - p_i]). No activation; i is its own neighbour.

    A neighbour lies within `radius_m` in space. The map is linear, so the mean is taken first.
    """

    def __init__(self, features: int, channels: int, radius_m: float):
        super().__init__()
        self.radius_m = radius_m
        self.linear = nn.Linear(features + 3, channels)

    def forward(self, f, position_m, valid):
        """f [B, P, F], position_m [B, P, 3], valid bool [B, P] -> [B, P, C]."""
        x, y, z = position_m.unbind(-1)
        dx, dy, dz = (v[:, None, :] - v[:, :, None] for v in (x, y, z))
        near = (dx * dx + dy * dy + dz * dz <= self.radius_m**2) & valid[:, None, :] & valid[:, :, None]
        share = near.to(f.dtype)
        share = share / share.sum(-1, keepdim=True).clamp_min(1)
        mean_step = torch.stack([(share * d).sum(-1) for d in (dx, dy, dz)], -1)
        return self.linear(torch.cat([share @ f, mean_step], -1))


class GlobalAggregation(nn.Module):
    """GFA: one pre-norm transformer layer over all points of a scan, single head, after a linear embedding."""

    def __init__(self, features: int, channels: int):
        super().__init__()
        self.embed = nn.Linear(features, channels)
        self.norm_attention = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.project = nn.Linear(channels, channels)
        self.norm_feed = nn.LayerNorm(channels)
        self.feed_in = nn.Linear(channels, 2 * channels)
        self.feed_out = nn.Linear(2 * channels, channels)

    def forward(self, f, valid):
        """f [B, P, F], valid bool [B, P] -> [B, P, C]."""
        x = self.embed(f)
        n = self.norm_attention(x)
        # A scan without points attends to its padding, so that nothing becomes NaN.
        seen = valid | ~valid.any(1, keepdim=True)
        q, k, v = (layer(n)[:, None] for layer in (self.query, self.key, self.value))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen[:, None, None, :])
        x = x + self.project(mixed[:, 0])
        hidden = nn.functional.gelu(self.feed_in(self.norm_feed(x)), approximate="tanh")
        return x + self.feed_out(hidden)


class PointInput(nn.Module):
    """Normalised features, and the direction of a point: range / x_max, azimuth, inclination from z, radians."""

    def __init__(self, mean: list[float], std: list[float], range_scale_m: float):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.range_scale_m = range_scale_m

    def forward(self, points):
        """points [B, P, F] -> features [B, P, F], direction [B, P, 3]."""
        x, y, z = points[..., :3].unbind(-1)
        range_m = torch.sqrt(x * x + y * y + z * z).clamp_min(1e-6)
        direction = torch.stack([range_m / self.range_scale_m, torch.atan2(y, x), torch.acos(z / range_m)], -1)
        return (points - self.mean) / self.std, direction
