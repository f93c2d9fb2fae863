"""SECOND-style convolutional stages with an FPN that brings each back to one stride (after SECOND, Yan et al. 2018)."""

import torch
from torch import nn

from .config import Backbone


def block(convolution: nn.Module) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels, eps=1e-3), nn.ReLU(inplace=True))


class SecondFpn(nn.Module):
    def __init__(self, channels: int, options: Backbone):
        super().__init__()
        self.stages, self.ups = nn.ModuleList(), nn.ModuleList()
        for layers, stride, width, up, up_width in zip(
            options.layers, options.strides, options.widths, options.up_strides, options.up_widths
        ):
            stage = [block(nn.Conv2d(channels, width, 3, stride, 1, bias=False))]
            stage += [block(nn.Conv2d(width, width, 3, 1, 1, bias=False)) for _ in range(layers)]
            self.stages.append(nn.Sequential(*stage))
            if up == 1:
                self.ups.append(block(nn.Conv2d(width, up_width, 1, bias=False)))
            else:
                self.ups.append(block(nn.ConvTranspose2d(width, up_width, up, up, bias=False)))
            channels = width
        self.neck = block(nn.Conv2d(sum(options.up_widths), options.neck_width, 1, bias=False))

    def forward(self, bev):
        """[B, C, H, W] -> [B, neck_width, H/s, W/s] with s = `out_stride`."""
        levels = []
        for stage, up in zip(self.stages, self.ups):
            bev = stage(bev)
            levels.append(up(bev))
        return self.neck(torch.cat(levels, 1))
