"""The whole model."""

import torch
from torch import nn

from .config import PATCHES, Config
from .decoder import Decoder, bias_of
from .encoder import Encoder
from .heads import DenseHead, FactHead, MatchHead
from .language import Language
from .layers import Norm


class SceneVlm(nn.Module):
    def __init__(self, config: Config, language: Language):
        super().__init__()
        self.config, self.language = config, language
        self.decoder = Decoder(config.text, language.size)
        if not config.blind:
            width = config.vision.width
            self.encoder = Encoder(config.vision)
            inner = config.text.width
            self.connector = nn.Sequential(
                nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, inner), Norm(inner)
            )
            self.dense = DenseHead(width, language)
            self.facts = FactHead(width, language)
            self.match = MatchHead(width, language.size, config.match, config.text.max_words)

    def image_tokens(self, pixels) -> torch.Tensor:
        """[B, PATCHES, text width], in the range of word embeddings."""
        return 0.05 * self.connector(self.encoder(pixels))

    def read(self, image, tokens, segment, position, kept=None):
        """As `read`, by its own decoder."""
        return read(self.decoder, image, tokens, segment, position, kept)


def read(decoder: Decoder, image, tokens, segment, position, kept=None):
    """Logits [B, T, vocabulary] of packed texts, each of which sees the image tokens and itself.

    `image` [B, PATCHES, width] or None; `kept`: the image tokens that are seen, at their own positions.
    """
    embeds = decoder.embedding(tokens)
    batch, length = tokens.shape
    places = torch.zeros(0, dtype=torch.int64) if image is None else torch.arange(PATCHES)
    if image is not None:
        if kept is not None:
            image, places = image[:, kept], kept
        embeds = torch.cat((image, embeds), 1)
    count = len(places)
    positions = torch.cat((places.expand(batch, count), position + PATCHES), 1)
    segment = torch.cat((torch.zeros(batch, count, dtype=segment.dtype), segment), 1)
    index = torch.arange(count + length)
    causal = index[None, :] <= index[:, None]
    of_image = index[None, None, :] < count
    same = (segment[:, :, None] == segment[:, None, :]) & ~of_image
    bias = bias_of(causal[None] & (of_image | same))[:, None]
    hidden, _ = decoder.hidden(embeds, positions, bias)
    return decoder.logits(hidden[:, count:])
