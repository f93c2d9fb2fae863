"""The vision adaptor: learned queries turn any number of image tokens into a few, and one vector of the whole.

After ViSpec (Kang et al., NeurIPS 2025), where one layer's attention does it; here queries also see each other, and there
are more of them than what leaves.
"""

import torch
from scene_vlm.config import PATCHES
from scene_vlm.layers import Block, Norm, attend, heads_of
from torch import nn

from .config import Compress

# Image tokens and words' embeddings have this length a channel, roughly.
SCALE = 0.05


class Look(nn.Module):
    """Queries look at image tokens, then at each other."""

    def __init__(self, width: int, heads: int, mlp: float):
        super().__init__()
        self.heads = heads
        self.norm_query, self.norm_seen = Norm(width), Norm(width)
        self.query, self.key, self.value, self.project = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.block = Block(width, heads, mlp)

    def forward(self, queries, seen, bias=None):
        n = self.norm_seen(seen)
        q, k, v = (heads_of(of, self.heads) for of in (self.query(self.norm_query(queries)), self.key(n), self.value(n)))
        return self.block(queries + self.project(attend(q, k, v, bias)))


class Compressor(nn.Module):
    def __init__(self, compress: Compress, width: int, heads: int):
        super().__init__()
        self.slots = compress.slots
        self.position = nn.Parameter(0.02 * torch.randn(PATCHES, width))
        self.norm, self.inner = Norm(width), nn.Linear(width, width)
        self.queries = nn.Parameter(0.5 * torch.randn(1, compress.queries, width))
        self.looks = nn.ModuleList(Look(width, heads, compress.mlp) for _ in range(compress.layers))
        self.norm_out, self.out = Norm(width), nn.Linear(width, width)
        # The global vector at last; it is added to every word.
        self.out_global = nn.Linear(width, width)

    def forward(self, image, positions, bias=None):
        """Slots [B, S, width] and the global vector [B, width] of image tokens [B, N, width] at positions i64 [B, N];
        `bias` f32 [B, 1, 1, N] hides some."""
        x = self.norm(image) + nn.functional.embedding(positions, self.position)
        x = x + nn.functional.gelu(self.inner(x))
        queries = self.queries.expand(image.shape[0], -1, -1)
        for look in self.looks:
            queries = look(queries, x, bias)
        queries = self.norm_out(queries)
        return SCALE * self.out(queries[:, : self.slots]), SCALE * self.out_global(queries[:, -1])
