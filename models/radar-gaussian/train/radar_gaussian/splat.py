"""Differentiable alpha splatting of Gaussians onto the bird's-eye grid, seen from above.

After 3D Gaussian splatting (Kerbl et al. 2023) with RadarGaussianDet3D's orthographic projection:

    pixel     u = (x - x_min) / cell - 0.5 along columns, v likewise from y along rows
    Sigma     upper left 2x2 of R S S R^T in pixels squared, plus `screen_variance_px2` I
    alpha     min(0.99, opacity * exp(-d^T Sigma^-1 d / 2)); below 1/255 the cell is not touched
    order     highest z first, equal heights in the points' order
    blend     F = sum f alpha T, T = prod (1 - alpha) of the points before; a cell ends before the
              point that would bring T below 1e-4

Here a cell is touched wherever alpha reaches 1/255. The authors' rasteriser also cuts at a radius of
ceil(3 sigma) and then works in whole tiles of 16 pixels, which differs only between 3 and 3.33 sigma.
"""

import math

import torch
from torch.nn import functional

# The float32 nearest to 0.99: two such points then lie clearly below STOP in single and in double precision.
ALPHA_MAX = float(torch.tensor(0.99, dtype=torch.float32))
ALPHA_MIN = 1.0 / 255.0
STOP = 1e-4


def covariance_2d(scale_m: torch.Tensor, quaternion: torch.Tensor, cell_m: float, screen_variance_px2: float):
    """Sigma as (xx, xy, yy), each [N], in pixels squared. `scale_m` [N, 3]; `quaternion` [N, 4] w x y z of length 1."""
    w, x, y, z = quaternion.unbind(-1)
    row_x = torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1)
    row_y = torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1)
    spread = scale_m / cell_m
    a, b = row_x * spread, row_y * spread
    return (a * a).sum(-1) + screen_variance_px2, (a * b).sum(-1), (b * b).sum(-1) + screen_variance_px2


def touched_cells(u, v, xx, yy, opacity, height: int, width: int):
    """Pairs (point, row, column): each cell inside the box around the ellipse where alpha is 1/255."""
    reach = (2 * torch.log(opacity.clamp_min(ALPHA_MIN) / ALPHA_MIN)).sqrt()
    left = torch.ceil(u - reach * xx.sqrt() - 1e-3).clamp(0, width).long()
    right = (torch.floor(u + reach * xx.sqrt() + 1e-3) + 1).clamp(0, width).long()
    low = torch.ceil(v - reach * yy.sqrt() - 1e-3).clamp(0, height).long()
    high = (torch.floor(v + reach * yy.sqrt() + 1e-3) + 1).clamp(0, height).long()
    columns = (right - left).clamp_min(0)
    pairs = columns * (high - low).clamp_min(0)
    point = torch.repeat_interleave(torch.arange(len(u), device=u.device), pairs)
    first = torch.cumsum(pairs, 0) - pairs
    low, left, columns, first = torch.stack([low, left, columns, first])[:, point]
    place = torch.arange(len(point), device=u.device) - first
    return point, low + place // columns, left + place % columns


def blend_weights(cell: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """alpha T of each pair, 0 after the stop. Pairs are sorted by cell, front to back within a cell."""
    if len(cell) == 0:
        return alpha
    through = torch.log1p(-alpha.double())
    total = torch.cumsum(through, 0)
    starts = torch.ones_like(cell, dtype=torch.bool)
    starts[1:] = cell[1:] != cell[:-1]
    before_cell = (total - through)[starts][torch.cumsum(starts, 0) - 1]
    within = total - before_cell
    shining = within >= math.log(STOP)
    return torch.where(shining, alpha * torch.exp(within - through).to(alpha.dtype), 0.0)


def splat(mean_m, scale_m, quaternion, opacity, features, scan, scans: int, grid, screen_variance_px2: float):
    """Bird's-eye features [scans, C, H, W] of N Gaussians.

    mean_m [N, 3], scale_m [N, 3], quaternion [N, 4], opacity [N], features [N, C]; scan i64 [N] says to
    which of the `scans` a Gaussian belongs. Each is differentiable but `scan`.
    """
    height, width = grid.height, grid.width
    order = torch.argsort(mean_m[:, 2].detach(), descending=True, stable=True)
    mean_m, scale_m, quaternion, opacity = mean_m[order], scale_m[order], quaternion[order], opacity[order]
    features, scan = features[order], scan[order]
    u = (mean_m[:, 0] - grid.x_min_m) / grid.cell_m - 0.5
    v = (mean_m[:, 1] - grid.y_min_m) / grid.cell_m - 0.5
    xx, xy, yy = covariance_2d(scale_m, quaternion, grid.cell_m, screen_variance_px2)
    with torch.no_grad():
        point, row, column = touched_cells(u, v, xx, yy, opacity, height, width)
    determinant = xx * yy - xy * xy
    shape = torch.stack([u, v, yy / determinant, -xy / determinant, xx / determinant, opacity])
    u, v, a, b, c, opacity = shape.index_select(1, point)
    du, dv = column - u, row - v
    power = -0.5 * (a * du * du + c * dv * dv) - b * du * dv
    alpha = (opacity * torch.exp(power)).clamp_max(ALPHA_MAX)
    seen = alpha.detach() >= ALPHA_MIN
    point, cell, alpha = point[seen], ((scan[point] * height + row) * width + column)[seen], alpha[seen]
    by_cell = torch.argsort(cell, stable=True)
    point, cell, alpha = point[by_cell], cell[by_cell], alpha[by_cell]
    weight = blend_weights(cell, alpha)
    shining, pairs = torch.unique_consecutive(cell, return_counts=True)
    first = torch.cumsum(pairs, 0) - pairs
    blended = functional.embedding_bag(point, features, first, mode="sum", per_sample_weights=weight)
    canvas = features.new_zeros(scans * height * width, features.shape[1]).index_copy_(0, shining, blended)
    return canvas.view(scans, height, width, -1).permute(0, 3, 1, 2)
