"""The files of `collect`, and batches of them. What a step sees follows from seed and step alone."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from drafthorse_training.tables import ConfigError
from safetensors.numpy import load_file
from scene_vlm.config import PATCHES
from scene_vlm.decoder import bias_of
from scene_vlm.language import CAPTION

from .collect import GREEDY, SAMPLED, WRITTEN
from .config import Train
from .target import NEVER


@dataclass(frozen=True)
class Batch:
    """B texts of up to T words.

    image f32 [B, PATCHES, width], bias f32 [B, 1, 1, PATCHES] hides what was dropped; rows (words fed, <caption> first),
    target (words that follow): i64 [B, T]; real f32 [B, T]: 0 for padding; states f32 [B, T + 1, width]: the target's
    hidden states a place before each word, and at the last one; barred f32 [B, T, vocabulary]: NEVER where a word
    would repeat a run.
    """

    image: torch.Tensor
    bias: torch.Tensor
    rows: torch.Tensor
    target: torch.Tensor
    real: torch.Tensor
    states: torch.Tensor
    barred: torch.Tensor


class Texts:
    """All texts of some folders."""

    def __init__(self, folders: list[str | Path], vocabulary: int):
        paths = [path for folder in folders for path in sorted(Path(folder).glob("*.safetensors"))]
        if not paths:
            raise ConfigError(f"{', '.join(map(str, folders))}: no *.safetensors; run scene_drafter.collect first")
        self.vocabulary = vocabulary
        files = [load_file(path) for path in paths]
        self.features = np.concatenate([file["features"] for file in files])
        firsts = np.cumsum([0] + [len(file["features"]) for file in files])
        self.scene = np.concatenate([file["scene"] + first for file, first in zip(files, firsts)])
        self.kind, self.kept = (np.concatenate([file[name] for file in files]) for name in ("kind", "kept"))
        self._tokens, self._barred, self._hidden = ([file[name] for file in files] for name in ("tokens", "barred", "hidden"))
        self._start = [file["start"] for file in files]
        self._place = [(f, i) for f, file in enumerate(files) for i in range(len(file["scene"]))]
        digest = hashlib.sha256()
        for tokens in self._tokens:
            digest.update(tokens.tobytes())
        self.identity = digest.hexdigest()

    def __len__(self) -> int:
        return len(self._place)

    def of_kind(self, kind: int) -> np.ndarray:
        """Indices of the texts of a kind."""
        return np.nonzero(self.kind == kind)[0]

    def tokens(self, i: int) -> np.ndarray:
        f, n = self._place[i]
        return self._tokens[f][self._start[f][n] : self._start[f][n + 1]]

    def places(self, i: int) -> np.ndarray:
        """The image tokens that the target saw, ascending."""
        return np.nonzero(np.unpackbits(self.kept[i], bitorder="little"))[0]

    def batch(self, chosen, most: int = 256) -> Batch:
        """The texts of these indices, each cut after `most` words."""
        count, longest = len(chosen), min(most, max(len(self.tokens(i)) for i in chosen))
        image = torch.from_numpy(self.features[self.scene[chosen]]).float()
        seen = np.unpackbits(self.kept[chosen], axis=1, bitorder="little")
        rows, target = (torch.zeros(count, longest, dtype=torch.int64) for _ in range(2))
        real, barred = torch.zeros(count, longest), torch.zeros(count, longest, self.vocabulary)
        states = torch.zeros(count, longest + 1, image.shape[-1])
        for b, i in enumerate(chosen):
            f, n = self._place[i]
            start, end = self._start[f][n : n + 2]
            end = min(end, start + most)
            tokens = torch.from_numpy(self._tokens[f][start:end].astype(np.int64))
            length = len(tokens)
            rows[b, 0], rows[b, 1:length] = CAPTION, tokens[:-1]
            target[b, :length], real[b, :length] = tokens, 1.0
            states[b, : length + 1] = torch.from_numpy(self._hidden[f][start + n : end + n + 1]).float()
            # The generator's captions know no such rule.
            if self.kind[i] != WRITTEN:
                # 0 stands for none; padding is never the likeliest.
                words = torch.from_numpy(self._barred[f][start:end].astype(np.int64))
                barred[b, :length].scatter_(1, words, NEVER)
        barred[..., 0] = 0.0
        bias = bias_of(torch.from_numpy(seen))[:, None, None]
        return Batch(image, bias, rows, target, real, states, barred)


PLACES = torch.arange(PATCHES)


class TrainingBatches:
    """Batch of a step: of each kind so many texts, drawn anew each time."""

    def __init__(self, texts: Texts, train: Train, seed: int):
        self._texts, self._seed, self._most = texts, seed, train.words
        shares = {GREEDY: train.greedy, SAMPLED: train.sampled, WRITTEN: train.written}
        self._parts = [(texts.of_kind(kind), round(share * train.batch)) for kind, share in shares.items() if share > 0]
        if empty := [count for of, count in self._parts if len(of) < count]:
            raise ConfigError(f"there are fewer texts of a kind than the {empty[0]} of a batch; collect more")

    def get(self, step: int) -> Batch:
        rng = np.random.default_rng([self._seed, step])
        return self._texts.batch(np.concatenate([rng.choice(of, count, replace=False) for of, count in self._parts]), self._most)
