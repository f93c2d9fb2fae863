"""What a run is made of, read from TOML. A key that nobody knows is an error."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from drafthorse_training import tables
from drafthorse_training.tables import ConfigError

WIDTH_PX, HEIGHT_PX, PATCH_PX = 256, 128, 16
COLUMNS, ROWS = WIDTH_PX // PATCH_PX, HEIGHT_PX // PATCH_PX
PATCHES = COLUMNS * ROWS
# Tokens of an answer and the marks around it.
ANSWER_ROOM = 8


@dataclass(frozen=True)
class Vision:
    """`stem`: widths of the strided convolutions before the last, which leads to `width`."""

    stem: list[int]
    width: int
    layers: int
    heads: int
    mlp: float


@dataclass(frozen=True)
class Text:
    """The decoder; `feed_forward` is the width inside SwiGLU, `max_words` how long a caption or question may be."""

    layers: int
    width: int
    heads: int
    feed_forward: int
    max_positions: int
    max_words: int


@dataclass(frozen=True)
class Match:
    """The space in which pictures, patches and texts are compared."""

    width: int
    text_layers: int


@dataclass(frozen=True)
class Loss:
    dense: float
    facts: float
    match: float
    caption: float
    answer: float
    keep: float


@dataclass(frozen=True)
class Stage:
    """`decoder`: whether captions and answers are learnt; without, the encoder alone."""

    steps: int
    batch: int
    learning_rate: float
    warmup_steps: int
    decoder: bool


@dataclass(frozen=True)
class Train:
    """`bfloat16`: products in 16 bits, weights and sums in 32. `questions`: of a scene in a step.
    `mirrored`: share of the scenes that are learnt as in a mirror.
    `drop_batches`, `keep_least`: random dropping of image tokens.
    """

    bfloat16: bool
    weight_decay: float
    clip_norm: float
    questions: int
    mirrored: float
    drop_batches: float
    keep_least: float


@dataclass(frozen=True)
class Config:
    """`blind`: the decoder sees no image tokens, the baseline that only knows the questions."""

    name: str
    blind: bool
    vision: Vision
    text: Text
    match: Match
    loss: Loss
    stages: list[Stage]
    train: Train

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def stage_of(self, step: int) -> tuple[Stage, int, int]:
        """The stage of a step, the step's number in it, and that of its first scene since the run began."""
        scenes = 0
        for stage in self.stages:
            if step < stage.steps:
                return stage, step, scenes + step * stage.batch
            step, scenes = step - stage.steps, scenes + stage.steps * stage.batch
        raise IndexError("the schedule is over")

    def as_blind(self) -> "Config":
        """The baseline: the same decoder and steps of the second stage, nothing of the picture."""
        stages = [stage for stage in self.stages if stage.decoder]
        return checked(dataclasses.replace(self, name=self.name + "-blind", blind=True, stages=stages))

    def scaled(self, share: float) -> "Config":
        """The same run with that share of its steps."""
        stages = [
            dataclasses.replace(s, steps=max(1, round(s.steps * share)), warmup_steps=max(1, round(s.warmup_steps * share)))
            for s in self.stages
        ]
        return checked(dataclasses.replace(self, stages=stages))

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)


def load(path: str | Path) -> Config:
    """Reads a configuration. Raises ConfigError with the key at fault."""
    return checked(tables.read(Config, path))


def from_dict(table: dict) -> Config:
    return checked(tables.build(Config, table))


def checked(config: Config) -> Config:
    """The configuration itself, where its parts fit each other."""
    for part, name in ((config.vision, "vision"), (config.text, "text")):
        if part.width % (4 * part.heads):
            raise ConfigError(f"{name}.width should be a multiple of 4 x heads")
    if 2 ** (len(config.vision.stem) + 1) != PATCH_PX:
        raise ConfigError(f"vision.stem should halve the picture down to patches of {PATCH_PX}: three widths")
    if not 0 < config.train.keep_least <= 1:
        raise ConfigError("train.keep_least should be above 0 and at most 1")
    # A text begins with <caption>, or has its answer behind it.
    if PATCHES + config.text.max_words + ANSWER_ROOM > config.text.max_positions:
        raise ConfigError(f"text.max_positions should be at least {PATCHES} + max_words + {ANSWER_ROOM}")
    if not config.stages:
        raise ConfigError("stages: at least one")
    return config
