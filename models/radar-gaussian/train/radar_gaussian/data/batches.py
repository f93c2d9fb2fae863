"""Batches of frames. Which frames a step sees follows from the seed and the step's number alone."""

from dataclasses import dataclass

import numpy as np
import torch

from ..config import Config, ConfigError
from .augment import augment
from .frame import Frame, crop, trainable


@dataclass(frozen=True)
class Batch:
    """B frames. `points` f32 [B, P, F] padded with zeros, `valid` bool [B, P], `frames` as they were cropped."""

    points: torch.Tensor
    valid: torch.Tensor
    frames: list[Frame]


def open_split(folder, split: str, config: Config):
    """The frames of `split` below `folder`, by the configuration's kind of data."""
    if config.data.kind == "shards":
        from .shards import Shards

        return Shards(f"{folder}/{split}", config)
    if config.data.kind == "vod":
        from .vod import ViewOfDelft

        return ViewOfDelft(folder, split, config)
    from .tj4d import Tj4d

    return Tj4d(folder, split, config)


def collate(frames: list[Frame], columns: int) -> Batch:
    most = max(1, max(len(f.points) for f in frames))
    points = torch.zeros(len(frames), most, columns)
    valid = torch.zeros(len(frames), most, dtype=torch.bool)
    for i, frame in enumerate(frames):
        points[i, : len(frame.points)] = torch.from_numpy(frame.points)
        valid[i, : len(frame.points)] = True
    return Batch(points, valid, frames)


class TrainingBatches:
    """Batch number `step` of a run with `seed`: each epoch is a permutation, each frame is augmented."""

    def __init__(self, data, config: Config, seed: int):
        if len(data) < config.train.batch:
            raise ConfigError(f"{len(data)} frames do not fill a batch of {config.train.batch}; bring more drives")
        self._data, self._config, self._seed = data, config, seed
        self._epoch, self._order = -1, None

    def __getitem__(self, step: int) -> Batch:
        config = self._config
        size = config.train.batch
        frames = []
        for slot in range(step * size, (step + 1) * size):
            epoch, place = divmod(slot, len(self._data))
            frame = self._data[self._permutation(epoch)[place]]
            rng = np.random.default_rng([self._seed, 1, slot])
            frame = augment(frame, config.points.features, config.augment, rng)
            frames.append(trainable(crop(frame, config.grid), config))
        return collate(frames, len(config.points.features))

    def _permutation(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            self._order = np.random.default_rng([self._seed, 0, epoch]).permutation(len(self._data))
            self._epoch = epoch
        return self._order


def evaluation_frames(data, config: Config, stride: int) -> list[Frame]:
    """Each `stride`th frame, cropped to the grid; boxes without returns stay, evaluation ignores them."""
    return [crop(data[i], config.grid) for i in range(0, len(data), stride)]
