"""What the encoder is asked in the first stage: what each patch shows, the facts, and which text fits."""

import torch
import torch.nn.functional as F
from torch import nn

from .config import Match
from .language import CLASSES, PAD, Language
from .layers import Block, Centred

CENTRES = len(CLASSES)


class DenseHead(nn.Module):
    """Of each patch: what it shows (the bits), which classes have their middle in it, distance, colour."""

    def __init__(self, width: int, language: Language):
        super().__init__()
        self.bits = nn.Linear(width, language.shows)
        self.centres = nn.Linear(width, CENTRES)
        self.distance = nn.Linear(width, 1)
        self.colours = nn.Linear(width, len(language.colours))
        nn.init.constant_(self.centres.bias, -3.0)


class FactHead(nn.Module):
    """Logits of all values of all facts, from the patches' mean and maximum and the sums of the dense head."""

    def __init__(self, width: int, language: Language):
        super().__init__()
        self.sizes = [len(values) for values in language.facts.values()]
        inner = 2 * width + 2 * (language.shows + CENTRES)
        self.feed = nn.Sequential(nn.Linear(inner, width), nn.GELU(), nn.Linear(width, sum(self.sizes)))

    def forward(self, features, seen):
        """features [B, P, width], seen [B, P, bits + CENTRES] (probabilities) to a list of [B, values]."""
        pooled = torch.cat((features.mean(1), features.amax(1), seen.sum(1), seen.amax(1)), -1)
        return self.feed(pooled).split(self.sizes, -1)


class MatchHead(nn.Module):
    """Puts pictures, patches and texts on one unit sphere."""

    def __init__(self, width: int, vocabulary: int, match: Match, max_words: int):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.words.weight, std=0.05)
        self.place = nn.Parameter(0.02 * torch.randn(1, max_words, width))
        self.blocks = nn.ModuleList(Block(width, 6, 2.0) for _ in range(match.text_layers))
        self.norm = Centred(width)
        self.text = nn.Linear(width, match.width)
        self.image = nn.Linear(2 * width, match.width)
        self.patch = nn.Linear(width, match.width)
        self.scale = nn.Parameter(torch.tensor(2.6))
        self.patch_scale, self.patch_bias = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(-3.0))

    def of_text(self, tokens):
        """i64 [N, L], padded, to [N, match width]."""
        there = (tokens != PAD).float()[..., None]
        x = self.words(tokens) + self.place[:, : tokens.shape[1]]
        bias = (1.0 - there[:, None, None, :, 0]) * -1e4
        for block in self.blocks:
            x = block(x, bias)
        mean = (self.norm(x) * there).sum(1) / there.sum(1)
        return unit(self.text(mean))

    def of_image(self, features):
        return unit(self.image(torch.cat((features.mean(1), features.amax(1)), -1)))

    def of_patches(self, features):
        return unit(self.patch(features))


def unit(x):
    if torch.onnx.is_in_onnx_export():
        return x / torch.sqrt((x * x).sum(-1, keepdim=True) + 1e-12)
    return F.normalize(x, dim=-1)
