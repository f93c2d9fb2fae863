"""Descriptions by the drafter that stands alone, and whether the target agrees with them."""

from dataclasses import dataclass

import numpy as np
import torch
from scene_vlm.config import PATCHES
from scene_vlm.decoder import bias_of
from scene_vlm.language import CAPTION, EOS
from scene_vlm.speak import repeated

from .drafter import Drafter
from .target import NEVER, Target


@dataclass(frozen=True)
class Drafted:
    """tokens: ids, the end included where it ended. hidden f32 [n, width]: the drafter's, where each of them was
    predicted. confidence f32 [n, 3]: ln p of it, that less ln p of the best other one, entropy in nats; of the whole
    distribution, whatever is barred. whole f32 [width]: the global vector."""

    tokens: list[int]
    hidden: np.ndarray
    confidence: np.ndarray
    whole: np.ndarray


@torch.no_grad()
def draft(drafter: Drafter, image, kept, longest: int, repeat: int) -> list[Drafted]:
    """Describes pictures from image tokens [B, K, width] at places `kept` i64 [B, K]: the likeliest tokens that repeat
    no run of `repeat`."""
    batch = len(image)
    slots, whole = drafter.picture(image, kept)
    embeds, positions = drafter.inputs(slots, torch.full((batch, 1), CAPTION))
    index = torch.arange(embeds.shape[1])
    logits, hidden, past = drafter.step(embeds, whole, positions, bias_of(index[None, :] <= index[:, None]), None)
    said, over = [[] for _ in range(batch)], np.zeros(batch, dtype=bool)
    states, confidences = [], []
    for step in range(longest):
        logits, hidden = logits[:, -1], hidden[:, -1]
        free = logits.clone()
        for row, words in enumerate(said):
            if not over[row]:
                free[row, repeated(words, repeat)] = NEVER
        tokens = free.argmax(-1)
        states.append(hidden)
        confidences.append(confidence(logits, tokens))
        for row, token in enumerate(tokens.tolist()):
            if not over[row]:
                said[row].append(token)
        over |= tokens.numpy() == EOS
        if over.all():
            break
        place = torch.full((batch, 1), PATCHES + 1 + step)
        words = torch.nn.functional.embedding(tokens[:, None], drafter.words)
        logits, hidden, past = drafter.step(words, whole, place, None, past)
    states, confidences = torch.stack(states, 1).numpy(), torch.stack(confidences, 1).numpy()
    return [
        Drafted(words, states[row, : len(words)], confidences[row, : len(words)], whole[row].numpy())
        for row, words in enumerate(said)
    ]


def confidence(logits, tokens):
    """f32 [..., 3] of tokens i64 [...] by logits [..., vocabulary]: see `Drafted`."""
    p = logits.log_softmax(-1)
    own = p.gather(-1, tokens[..., None])
    best_other = p.scatter(-1, tokens[..., None], -torch.inf).amax(-1, keepdim=True)
    entropy = -(p.exp() * p).sum(-1, keepdim=True)
    return torch.cat((own, own - best_other, entropy), -1)


def opinions(target: Target, image, kept, drafts: list[Drafted]) -> list[np.ndarray]:
    """Of each draft f32 [n]: how likely each token is to the target, reading the draft, as a share of its likeliest there."""
    words = target.decoder.embedding.weight.detach().numpy()
    found = []
    for text in target.read(image, kept, [drafted.tokens for drafted in drafts]):
        logits = text.hidden[1:] @ words.T
        for row, barred in enumerate(target.barred(text.tokens)):
            logits[row, barred] = NEVER
        own = logits[np.arange(len(text.tokens)), text.tokens]
        found.append(np.exp(own - logits.max(-1)))
    return found
