"""A narrow code for image tokens: a few numbers of a few levels each (FSQ, Mentzer et al., ICLR 2024).

An encoder squeezes a token into `dims` numbers, each is rounded to one of `levels`, and a decoder makes a token of them that
the target's decoder reads. Tokens are coded one by one, so that pruned ones cost nothing.
"""

import math
from dataclasses import dataclass

import torch
from scene_vlm.layers import Norm
from torch import nn

from .compress import SCALE


@dataclass(frozen=True)
class Shape:
    """`levels` is a power of two, so that levels fill whole bits."""

    dims: int
    levels: int

    @property
    def bytes_a_token(self) -> int:
        return math.ceil(self.dims * self.bits / 8)

    @property
    def bits(self) -> int:
        return math.ceil(math.log2(self.levels))


class Code(nn.Module):
    def __init__(self, shape: Shape, width: int, inner: int):
        super().__init__()
        self.shape = shape
        self.encoder = nn.Sequential(Norm(width), nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, shape.dims))
        with torch.no_grad():
            # All levels are in use from the beginning.
            self.encoder[-1].weight.mul_(6.0)
        self.decoder = nn.Sequential(
            nn.Linear(shape.dims, inner), nn.GELU(), nn.Linear(inner, inner), nn.GELU(), nn.Linear(inner, width), Norm(width)
        )

    def levels(self, image):
        """Where each number stands, 0 to levels - 1, not yet rounded: f32 [..., dims]."""
        return (torch.tanh(self.encoder(image)) + 1.0) * (0.5 * (self.shape.levels - 1))

    def encode(self, image):
        """Codes u8 [..., dims] of tokens f32 [..., width]."""
        return self.levels(image).round().to(torch.uint8)

    def decode(self, codes):
        """Tokens of codes."""
        middle = 0.5 * (self.shape.levels - 1)
        # Image tokens leave the target's encoder with a norm and this scale.
        return SCALE * self.decoder((codes.float() - middle) / middle)

    def forward(self, image):
        """Tokens after the code; gradients pass the rounding as if there were none."""
        levels = self.levels(image)
        return self.decode(levels + (levels.round() - levels).detach())


def pack(codes: torch.Tensor, shape: Shape) -> bytes:
    """Codes u8 [N, dims] as bytes: each token's levels in whole bytes, least significant bit first."""
    bits = (codes[..., None].int() >> torch.arange(shape.bits)) & 1
    flat = bits.flatten(1).to(torch.uint8)
    spare = 8 * shape.bytes_a_token - flat.shape[1]
    flat = torch.cat((flat, flat.new_zeros(len(flat), spare)), 1).view(len(flat), -1, 8)
    return (flat.int() << torch.arange(8)).sum(-1).to(torch.uint8).numpy().tobytes()


def unpack(data: bytes, shape: Shape) -> torch.Tensor:
    """The codes again, u8 [N, dims]."""
    rows = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(-1, shape.bytes_a_token)
    bits = (rows[..., None].int() >> torch.arange(8)) & 1
    bits = bits.flatten(1)[:, : shape.dims * shape.bits].view(len(rows), shape.dims, shape.bits)
    return (bits << torch.arange(shape.bits)).sum(-1).to(torch.uint8)


def as_int8(image: torch.Tensor) -> torch.Tensor:
    """Tokens after the code `int8`: a scale a token and a signed byte a number."""
    scale = image.abs().amax(-1, keepdim=True) / 127
    return (image / scale).round() * scale
