"""Descriptions by a drafter that stands alone, as it is exported, and whether the target agrees with them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scene_vlm.language import CAPTION, EOS
from scene_vlm.speak import repeated

from .evaluate import Chain, best, session
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


class Writer:
    """The drafter of a model's folder; `form` is the name of its graph, `standalone_q4` for example."""

    def __init__(self, folder: Path, form: str, target: Target):
        config = json.loads((folder / "config.json").read_text())
        self._compress = session(folder / "onnx" / "compress.onnx")
        words = target.decoder.embedding.weight.detach().numpy()
        self._chain = Chain(session(folder / "onnx" / f"{form}.onnx"), config, words)
        self._longest, self._repeat = target.longest, target.repeat

    def draft(self, image: np.ndarray, places: np.ndarray) -> Drafted:
        """Describes a picture from image tokens f32 [K, width] at places i64 [K]: the likeliest tokens that repeat no run."""
        slots, whole = self._compress.run(None, {"image_features": image[None], "position_ids": places[None]})
        self._chain.begin(slots, whole)
        tokens, states, sure = [], [], []
        last = CAPTION
        while len(tokens) < self._longest and last != EOS:
            logits, hidden = self._chain.text([last], len(tokens), None)
            last = best(logits[0], repeated(tokens, self._repeat))
            tokens.append(last)
            states.append(hidden[0])
            sure.append(confidence(logits[0], last))
        return Drafted(tokens, np.stack(states), np.array(sure, np.float32), whole[0])


def confidence(logits: np.ndarray, token: int) -> list[float]:
    """Of a token by logits [vocabulary]: see `Drafted`."""
    ln_p = logits.astype(np.float64) - logits.max()
    ln_p -= np.log(np.exp(ln_p).sum())
    best_other = np.delete(ln_p, token).max()
    return [ln_p[token], ln_p[token] - best_other, -(np.exp(ln_p) * ln_p).sum()]


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
