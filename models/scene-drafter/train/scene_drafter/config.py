"""What a run is made of, read from TOML. A key that nobody knows is an error."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from drafthorse_training import tables
from drafthorse_training.tables import ConfigError
from scene_vlm.config import PATCHES


@dataclass(frozen=True)
class Compress:
    """`queries` learned ones in `layers` layers; the first `slots` of them become image tokens of the drafter, the last one
    the global vector. `sees`: nothing of the picture where false."""

    queries: int
    slots: int
    layers: int
    mlp: float
    sees: bool
    uses_global: bool


@dataclass(frozen=True)
class Draft:
    """`layers` of the target's shape. `colocated`: takes the target's hidden states."""

    layers: int
    colocated: bool


@dataclass(frozen=True)
class Loss:
    """Weights: of cross-entropy with the target's words, of KL and L1 from its distribution, of its hidden states (co-located).
    `fact`: a fact-bearing word counts so often. `steps`: words that are drafted ahead, each weighing `decay` of
    the one before."""

    words: float
    divergence: float
    distance: float
    hidden: float
    fact: float
    steps: int
    decay: float


@dataclass(frozen=True)
class Train:
    """`greedy`, `sampled`, `written`: shares of the texts of a batch; of longer ones the first `words` are learnt. Products in
    16 bits where `bfloat16`."""

    bfloat16: bool
    steps: int
    batch: int
    words: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    clip_norm: float
    greedy: float
    sampled: float
    written: float


@dataclass(frozen=True)
class Config:
    name: str
    compress: Compress
    draft: Draft
    loss: Loss
    train: Train

    def scaled(self, share: float) -> "Config":
        """The same run with that share of its steps."""
        train = self.train
        steps, warmup = max(1, round(train.steps * share)), max(1, round(train.warmup_steps * share))
        return dataclasses.replace(self, train=dataclasses.replace(train, steps=steps, warmup_steps=warmup))

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)


def load(path: str | Path) -> Config:
    """Reads a configuration. Raises ConfigError with the key at fault."""
    return checked(tables.read(Config, path))


def from_dict(table: dict) -> Config:
    return checked(tables.build(Config, table))


def checked(config: Config) -> Config:
    """The configuration itself, where its parts fit each other."""
    if not 0 < config.compress.slots < config.compress.queries:
        raise ConfigError("compress.slots should be at least 1 and below compress.queries: the last query is the global vector")
    if config.compress.slots > PATCHES:
        raise ConfigError(f"compress.slots should be at most {PATCHES}, so that slots have positions before the text")
    if config.loss.steps > 1 and not (config.draft.colocated and config.draft.layers == 1):
        raise ConfigError("loss.steps above 1 is for co-located drafters of one layer, which are fed their own hidden states")
    if abs(config.train.greedy + config.train.sampled + config.train.written - 1) > 1e-6:
        raise ConfigError("train.greedy, sampled and written should add up to 1")
    return config


def slot_positions(slots: int) -> list[int]:
    """Where the compressed image tokens stand: right before the text."""
    return list(range(PATCHES - slots, PATCHES))
