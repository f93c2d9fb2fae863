"""Greedy decoding with keys and values kept, for a batch of pictures.

In captions no run of REPEAT words is said twice: the likeliest sentence is else said again and again, since which fact
comes next is anyone's guess. `no_repeat_ngram_size` of `generation_config.json` tells others.
"""

import torch

from .config import PATCHES
from .decoder import bias_of
from .language import CAPTION, EOS
from .model import SceneVlm


REPEAT = 4


def repeated(said: list[int], size: int) -> list[int]:
    """The words that would end a run of `size` words that was said before."""
    last = said[len(said) - size + 1 :]
    if len(last) < size - 1:
        return []
    return [said[i + size - 1] for i in range(len(said) - size + 1) if said[i : i + size - 1] == last]


@torch.no_grad()
def speak(model: SceneVlm, image, prompt: torch.Tensor, most: int, kept=None, repeat: int = 0) -> list[list[int]]:
    """Tokens behind `prompt` i64 [B, T] up to and without the end; `image` [B, PATCHES, width], or None when blind.

    `kept` i64 [K] or [B, K]: the image tokens that are seen, at their own positions. `repeat`: no run of so many words
    is said twice.
    """
    batch = prompt.shape[0]
    embeds = model.decoder.embedding(prompt)
    positions = PATCHES + torch.arange(prompt.shape[1]).expand(batch, -1)
    if image is not None:
        places = torch.arange(PATCHES) if kept is None else kept
        places = places.expand(batch, -1)
        seen = image.gather(1, places[..., None].expand(-1, -1, image.shape[-1]))
        embeds, positions = torch.cat((seen, embeds), 1), torch.cat((places, positions), 1)
    length = embeds.shape[1]
    index = torch.arange(length)
    bias = bias_of(index[None, :] <= index[:, None])[None, None]
    hidden, past = model.decoder.hidden(embeds, positions, bias)
    said, over = [], torch.zeros(batch, dtype=torch.bool)
    next_position = PATCHES + prompt.shape[1]
    for step in range(most):
        logits = model.decoder.logits(hidden[:, -1])
        for row, words in enumerate(torch.stack(said, 1).tolist() if repeat and said else []):
            logits[row, repeated(words, repeat)] = -torch.inf
        token = logits.argmax(-1)
        over |= token == EOS
        said.append(torch.where(over, EOS, token))
        if bool(over.all()) or next_position + step >= model.config.text.max_positions:
            break
        place = torch.full((batch, 1), next_position + step)
        hidden, past = model.decoder.hidden(model.decoder.embedding(token[:, None]), place, None, past)
    rows = torch.stack(said, 1).tolist()
    return [row[: row.index(EOS)] if EOS in row else row for row in rows]


def captions(model: SceneVlm, image, count: int, kept=None) -> list[str]:
    """A caption of each picture."""
    prompt = torch.full((count, 1), CAPTION)
    said = speak(model, image, prompt, model.config.text.max_words, kept, REPEAT)
    return [model.language.decode(tokens) for tokens in said]
