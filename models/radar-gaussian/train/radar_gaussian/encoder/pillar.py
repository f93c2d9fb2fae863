"""The pillar encoder (after PointPillars), alone or with the local and global context of the PGE.

With context it sees the same inputs as the Gaussian encoder but pools them into cells: what is left
between the two is the splat.
"""

import torch
from torch import nn

from ..config import Config
from .context import GlobalAggregation, LocalAggregation, PointInput


class PillarEncoder(nn.Module):
    def __init__(self, config: Config, context: bool):
        super().__init__()
        features, channels = len(config.points.features), config.encoder.channels
        self.grid = config.grid
        self.input = PointInput(config.points.mean, config.points.std, config.grid.x_max_m)
        self.context = context
        if context:
            self.local = LocalAggregation(features, channels, config.encoder.neighbour_radius_m)
            self.whole = GlobalAggregation(features, channels)
        # Features, direction, offset from the pillar's mean (3) and from its middle (2).
        self.linear = nn.Linear(features + 3 + 5 + (2 * channels if context else 0), channels, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, points, valid):
        """points [B, P, F] as measured, valid bool [B, P] -> bird's-eye features [B, C, H, W]."""
        f, direction = self.input(points)
        parts = [f, direction]
        if self.context:
            parts += [self.local(f, points[..., :3], valid), self.whole(f, valid)]
        inputs, position_m = torch.cat(parts, -1)[valid], points[..., :3][valid]
        grid = self.grid
        column = ((position_m[:, 0] - grid.x_min_m) / grid.cell_m).long().clamp(0, grid.width - 1)
        row = ((position_m[:, 1] - grid.y_min_m) / grid.cell_m).long().clamp(0, grid.height - 1)
        cell = (valid.nonzero()[:, 0] * grid.height + row) * grid.width + column
        pillars, pillar = torch.unique(cell, return_inverse=True)
        members = position_m.new_zeros(len(pillars), 1).index_add(0, pillar, torch.ones_like(position_m[:, :1]))
        mean_m = position_m.new_zeros(len(pillars), 3).index_add(0, pillar, position_m) / members
        middle_x = grid.x_min_m + (column + 0.5) * grid.cell_m
        middle_y = grid.y_min_m + (row + 0.5) * grid.cell_m
        from_middle = position_m[:, :2] - torch.stack([middle_x, middle_y], -1)
        x = self.linear(torch.cat([inputs, position_m - mean_m[pillar], from_middle], -1))
        # A batch of one point has no variance to normalise by.
        x = torch.relu(self.norm(x) if len(x) > 1 or not self.training else x)
        index = pillar[:, None].expand_as(x)
        pooled = x.new_zeros(len(pillars), x.shape[1]).scatter_reduce(0, index, x, "amax")
        canvas = x.new_zeros(len(points) * grid.height * grid.width, x.shape[1]).index_copy(0, pillars, pooled)
        return canvas.view(len(points), grid.height, grid.width, -1).permute(0, 3, 1, 2)
