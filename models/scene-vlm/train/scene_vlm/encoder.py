"""From the picture to one feature a patch."""

import torch
from torch import nn

from .config import PATCHES, Vision
from .layers import Block, Centred


class Encoder(nn.Module):
    """pixels f32 [B, 3, H, W] in -1..1 to features [B, PATCHES, width], patches row by row.

    Convolutions of stride 2 lead to patches: linear patches alone did not learn classes.
    """

    def __init__(self, vision: Vision):
        super().__init__()
        layers, before = [], 3
        for width in [*vision.stem, vision.width]:
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.GELU()]
            before = width
        self.stem = nn.Sequential(*layers)
        self.position = nn.Parameter(0.02 * torch.randn(1, PATCHES, vision.width))
        self.blocks = nn.ModuleList(Block(vision.width, vision.heads, vision.mlp) for _ in range(vision.layers))
        self.norm = Centred(vision.width)

    def forward(self, pixels):
        x = self.stem(pixels).flatten(2).transpose(1, 2) + self.position
        for block in self.blocks:
            x = block(x)
        return self.norm(x)
