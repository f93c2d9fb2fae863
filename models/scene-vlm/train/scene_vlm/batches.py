"""Batches. What a step sees follows from the seed and the number of its first scene alone.

A scene's row holds its image tokens, a caption and several questions. Each text sees the image and itself,
so that one encoding of the picture serves them all.
"""

from dataclasses import dataclass

import numpy as np
import torch

from .config import PATCHES, Config, ConfigError
from .language import ANSWER, CAPTION, CLASSES, EOS, PAD, Language
from .scenes import Scene

CAPTION_LOSS, ANSWER_LOSS = 1, 2


@dataclass(frozen=True)
class Batch:
    """B scenes with texts of up to T tokens.

    pixels f32 [B, 3, H, W] in -1..1; tokens, target (next token), segment (1.. by text, 0 for padding), position
    (within its text), learn (0, CAPTION_LOSS or ANSWER_LOSS: whether the target counts): i64 [B, T];
    bits u8 [B, PATCHES]; centres: (scene, patch, class, distance m, colour) rows; labels i64 [B, facts];
    caption i64 [B, C] for matching; kept i64 [K]: image tokens that the decoder sees, None for all.
    """

    pixels: torch.Tensor
    tokens: torch.Tensor
    target: torch.Tensor
    segment: torch.Tensor
    position: torch.Tensor
    learn: torch.Tensor
    bits: torch.Tensor
    centres: np.ndarray
    labels: torch.Tensor
    caption: torch.Tensor
    kept: torch.Tensor | None


def pixels_of(scenes: list[Scene]) -> torch.Tensor:
    stacked = np.stack([scene.picture() for scene in scenes])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float().mul_(1 / 127.5).sub_(1.0)


def padded(rows: list[list[int]], value: int = 0) -> torch.Tensor:
    length = max(len(row) for row in rows)
    return torch.tensor([row + [value] * (length - len(row)) for row in rows], dtype=torch.int64)


def caption_row(caption: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Tokens, next tokens and what is learnt of a caption."""
    tokens = [CAPTION, *caption]
    return tokens, [*caption, EOS], [CAPTION_LOSS] * len(tokens)


def question_row(question: list[int], answer: list[int]) -> tuple[list[int], list[int], list[int]]:
    """The same of a question: only the answer is learnt."""
    tokens = [*question, ANSWER, *answer]
    learn = [0] * len(question) + [ANSWER_LOSS] * (len(answer) + 1)
    return tokens, [*tokens[1:], EOS], learn


def pack(texts: list[list[tuple[list[int], list[int], list[int]]]]) -> tuple[torch.Tensor, ...]:
    """Rows of texts one after another: tokens, target, segment, position, learn."""
    columns = [[], [], [], [], []]
    for row in texts:
        parts = [[], [], [], [], []]
        for number, (tokens, target, learn) in enumerate(row, start=1):
            count = len(tokens)
            for part, values in zip(parts, (tokens, target, [number] * count, range(count), learn)):
                part.extend(values)
        for column, part in zip(columns, parts):
            column.append(part)
    return tuple(padded(column, PAD) for column in columns)


class TrainingBatches:
    """Batch of a step, by the number of its first scene since the run began: each epoch is a permutation."""

    def __init__(self, data, config: Config, seed: int):
        most = max(stage.batch for stage in config.stages)
        if len(data) < most:
            raise ConfigError(f"{len(data)} scenes do not fill a batch of {most}; write more")
        data.check_lengths(config.text.max_words)
        self._data, self._config, self._seed = data, config, seed
        self._epoch, self._order = -1, None

    def get(self, first: int, size: int) -> Batch:
        scenes, texts, captions, centres = [], [], [], []
        train = self._config.train
        for slot in range(first, first + size):
            epoch, place = divmod(slot, len(self._data))
            scene = self._data[self._permutation(epoch)[place]]
            rng = np.random.default_rng([self._seed, 1, slot])
            if train.mirrored and rng.random() < train.mirrored:
                scene = scene.mirror(self._data.language)
            caption = scene.captions[rng.integers(len(scene.captions))]
            chosen = rng.permutation(len(scene.questions))[: train.questions]
            texts.append([caption_row(caption)] + [question_row(*scene.questions[i][3:]) for i in chosen])
            centres += [(len(scenes), c.patch, c.kind, c.distance_m, c.colour) for c in scene.centres]
            captions.append(scene.captions[rng.integers(len(scene.captions))])
            scenes.append(scene)
        tokens, target, segment, position, learn = pack(texts)
        rng = np.random.default_rng([self._seed, 2, first])
        kept = None
        if rng.random() < train.drop_batches:
            count = int(np.ceil(PATCHES * rng.uniform(train.keep_least, 1.0)))
            kept = torch.from_numpy(np.sort(rng.permutation(PATCHES)[:count]))
        return Batch(
            pixels=torch.empty(0) if self._config.blind else pixels_of(scenes),
            tokens=tokens,
            target=target,
            segment=segment,
            position=position,
            learn=learn,
            bits=torch.from_numpy(np.stack([scene.patches for scene in scenes])),
            centres=np.array(centres, dtype=np.float32).reshape(-1, 5),
            labels=torch.from_numpy(np.stack([scene.labels for scene in scenes])),
            caption=padded(captions, PAD),
            kept=kept,
        )

    def _permutation(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            self._order = np.random.default_rng([self._seed, 0, epoch]).permutation(len(self._data))
            self._epoch = epoch
        return self._order


def name_batch(language: Language, rng: np.random.Generator) -> torch.Tensor:
    """i64 [4, N]: one name of each class."""
    names = [[text for kind, text in language.names if kind == name] for name in CLASSES]
    return padded([language.encode(of[rng.integers(len(of))]) for of in names], PAD)
