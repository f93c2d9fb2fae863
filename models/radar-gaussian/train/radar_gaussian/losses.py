"""The losses of heat maps and boxes, and their sum."""

import torch
from torch.nn import functional

from .box_gaussian import box_gaussian_loss
from .config import Config
from .decode import boxes_at
from .targets import Targets, out_cell_m


def gaussian_focal(logits, heat):
    """Focal loss of CornerNet (alpha 2, beta 4), over the number of peaks (1 at least)."""
    probability = torch.sigmoid(logits)
    peak = heat == 1
    found = -functional.logsigmoid(logits) * (1 - probability) ** 2
    quiet = -functional.logsigmoid(-logits) * probability**2 * (1 - heat) ** 4
    return torch.where(peak, found, quiet).sum() / peak.sum().clamp_min(1)


def encoded(targets: Targets, config: Config):
    """The head's eight channels that would say the targets' boxes exactly, [K, 8]."""
    x, y, z, length, width, height, yaw = targets.box.unbind(1)
    cell_m = out_cell_m(config)
    u = (x - config.grid.x_min_m) / cell_m - targets.column
    v = (y - config.grid.y_min_m) / cell_m - targets.row
    size = torch.stack([length, width, height], 1).log()
    return torch.cat([torch.stack([u, v, z], 1), size, torch.stack([yaw.sin(), yaw.cos()], 1)], 1)


def losses(logits, boxes, targets: Targets, config: Config) -> dict[str, torch.Tensor]:
    """The weighted parts `heatmap`, `l1` and `bgl` (in its variant), each a mean over the boxes of the batch."""
    weight = config.loss
    parts = {"heatmap": weight.heatmap * gaussian_focal(logits, targets.heat)}
    count = max(1, len(targets.box))
    raw = boxes_at(boxes, targets.scan, targets.task, targets.row, targets.column)
    parts["l1"] = weight.l1 * (raw - encoded(targets, config)).abs().sum() / count
    if config.variant.endswith("+bgl"):
        spread = torch.tensor([c.spread for c in config.classes], device=raw.device)[targets.kind]
        kl = box_gaussian_loss(raw, targets, spread, config)
        # Boxes that a few returns cannot place would else outweigh all others. After KLD loss (Yang et al. 2021).
        parts["bgl"] = weight.bgl * (torch.log1p(kl.clamp_min(0)) if weight.bgl_log else kl).sum() / count
    return parts
