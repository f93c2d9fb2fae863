"""The centre head (after CenterPoint, Yin et al. 2021): a heat map a class and one box a cell and task.

The box's eight channels: sub-cell offset along x and y (cells), z (m), log length, log width, log height
(of metres), sin and cos of the yaw.
"""

import math

import torch
from torch import nn

from .backbone import block
from .config import Config

BOX_CHANNELS = 8


class CentreHead(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        options = config.head
        self.shared = block(nn.Conv2d(config.backbone.neck_width, options.shared_width, 3, 1, 1, bias=False))
        self.heatmaps = nn.ModuleList(branch(options, len(task)) for task in options.tasks)
        self.boxes = nn.ModuleList(branch(options, BOX_CHANNELS) for _ in options.tasks)
        # A heat map starts at 0.1 everywhere, as focal losses want it.
        for heatmap in self.heatmaps:
            nn.init.constant_(heatmap[-1].bias, -math.log(9))

    def forward(self, x):
        """-> heat map logits [B, classes, h, w] in the tasks' order, boxes [B, 8 tasks, h, w]."""
        x = self.shared(x)
        return torch.cat([h(x) for h in self.heatmaps], 1), torch.cat([b(x) for b in self.boxes], 1)


def branch(options, channels: int) -> nn.Sequential:
    if options.branch_width == 0:
        return nn.Sequential(nn.Conv2d(options.shared_width, channels, 1))
    hidden = block(nn.Conv2d(options.shared_width, options.branch_width, 3, 1, 1, bias=False))
    return nn.Sequential(hidden, nn.Conv2d(options.branch_width, channels, 3, 1, 1))


class ClassLayout:
    """Where a class stands in the head's outputs.

    `heat_of` lists, for each class of the configuration, its heat map channel; `task_of` its task.
    """

    def __init__(self, config: Config):
        flat = [name for task in config.head.tasks for name in task]
        self.heat_of = [flat.index(name) for name in config.class_names]
        self.task_of = [next(t for t, task in enumerate(config.head.tasks) if n in task) for n in config.class_names]
        self.tasks = len(config.head.tasks)
