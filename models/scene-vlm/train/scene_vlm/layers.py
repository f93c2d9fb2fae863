"""Parts that encoder and decoder share. In an ONNX export they become plain operators."""

import torch
import torch.nn.functional as F
from torch import nn


class Norm(nn.Module):
    """RMSNorm: x / sqrt(mean(x^2) + eps) * weight."""

    def __init__(self, width: int, eps: float = 1e-5):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        if torch.onnx.is_in_onnx_export():
            return x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class Centred(nn.Module):
    """LayerNorm: (x - mean) / sqrt(variance + eps) * weight + bias."""

    def __init__(self, width: int, eps: float = 1e-5):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x):
        if torch.onnx.is_in_onnx_export():
            x = x - x.mean(-1, keepdim=True)
            return x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight + self.bias
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


def heads_of(x: torch.Tensor, heads: int) -> torch.Tensor:
    """[B, L, heads * d] to [B, heads, L, d]."""
    return x.view(x.shape[0], -1, heads, x.shape[-1] // heads).transpose(1, 2)


def attend(q, k, v, bias=None) -> torch.Tensor:
    """Softmax attention; `bias` f32 is added to the scores. Gives [B, L, heads * d].

    Written out: the fused kernel's backward pass takes most of a step on a CPU, and an export needs the parts.
    """
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    mixed = (scores if bias is None else scores + bias).softmax(-1) @ v
    return mixed.transpose(1, 2).reshape(q.shape[0], -1, q.shape[1] * q.shape[3])


class Block(nn.Module):
    """A pre-norm transformer layer in which everything sees everything."""

    def __init__(self, width: int, heads: int, mlp: float):
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feed = Centred(width), Centred(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        inner = int(width * mlp)
        self.feed = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))

    def forward(self, x, bias=None):
        q, k, v = (heads_of(part, self.heads) for part in self.qkv(self.norm_attention(x)).chunk(3, -1))
        x = x + self.project(attend(q, k, v, bias))
        return x + self.feed(self.norm_feed(x))
