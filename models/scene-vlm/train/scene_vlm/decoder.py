"""The language model: RMSNorm, rotary positions, SwiGLU, as LLaMA; the output is tied to the embedding."""

import torch
import torch.nn.functional as F
from torch import nn

from .config import Text
from .layers import Norm, attend, heads_of

ROTARY_BASE = 10_000.0


def rotary(x, cos, sin):
    """Turns halves of each head: [B, heads, L, d] with cos, sin [B, 1, L, d]."""
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), -1)
    return x * cos + turned * sin


class Layer(nn.Module):
    def __init__(self, text: Text):
        super().__init__()
        width = text.width
        self.heads = text.heads
        self.norm_attention, self.norm_feed = Norm(width), Norm(width)
        self.query, self.key, self.value, self.project = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(width, text.feed_forward, bias=False) for _ in range(2))
        self.down = nn.Linear(text.feed_forward, width, bias=False)

    def qkv(self, x, cos, sin):
        n = self.norm_attention(x)
        q, k, v = (heads_of(part(n), self.heads) for part in (self.query, self.key, self.value))
        return rotary(q, cos, sin), rotary(k, cos, sin), v

    def forward(self, x, cos, sin, bias, past=None):
        q, k, v = self.qkv(x, cos, sin)
        if past is not None:
            k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
        return self.finish(x, attend(q, k, v, bias)), (k, v)

    def finish(self, x, mixed):
        """What follows the attention."""
        x = x + self.project(mixed)
        n = self.norm_feed(x)
        return x + self.down(F.silu(self.gate(n)) * self.up(n))


class Decoder(nn.Module):
    def __init__(self, text: Text, vocabulary: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, text.width)
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.layers = nn.ModuleList(Layer(text) for _ in range(text.layers))
        self.norm = Norm(text.width)
        d = text.width // text.heads
        rates = ROTARY_BASE ** (-torch.arange(0, d, 2, dtype=torch.float32) / d)
        angles = torch.arange(text.max_positions, dtype=torch.float32)[:, None] * torch.cat((rates, rates))[None]
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def angles(self, positions):
        """Cosine and sine [B, 1, L, d] at positions i64 [B, L]."""
        return F.embedding(positions, self.cos)[:, None], F.embedding(positions, self.sin)[:, None]

    def hidden(self, embeds, positions, bias, past=None):
        """Features [B, L, width] and each layer's keys and values [B, heads, S, d]."""
        cos, sin = self.angles(positions)
        x, present = embeds, []
        for i, layer in enumerate(self.layers):
            x, kept = layer(x, cos, sin, bias, past[i] if past is not None else None)
            present.append(kept)
        return self.norm(x), present

    def logits(self, hidden):
        return hidden @ self.embedding.weight.t()


def bias_of(allowed: torch.Tensor) -> torch.Tensor:
    """What is added to the scores where `allowed` (bool) is false: -1e4."""
    return (1.0 - allowed.float()) * -1e4
