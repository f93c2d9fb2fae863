"""Trains one model. A run can be stopped at any time and goes on from its last checkpoint to the same bytes.

`--share` shortens the schedule; `--minutes` only ends this call early.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from drafthorse_training import checkpoint
from drafthorse_training.loop import descend, prepare, train, warm_cosine

from . import config as configs
from .batches import TrainingBatches, name_batch
from .checkpoint import load_model
from .config import Config, ConfigError
from .losses import losses
from .model import SceneVlm
from .scenes import Scenes


# The learning rate at the end of each stage, as a share.
FLOOR = 0.02


def decayed(model: torch.nn.Module, weight_decay: float) -> list[dict]:
    """Parameter groups: matrices are decayed, the rest is not."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


class Run:
    """A model in training: one call of `advance` is one step."""

    def __init__(self, config: Config, data: Scenes, seed: int):
        torch.manual_seed(seed)
        self.config, self.seed, self.language, self.data = config, seed, data.language, data.identity
        self.model = SceneVlm(config, data.language)
        groups = decayed(self.model, config.train.weight_decay)
        self.optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), fused=True)
        self.batches = TrainingBatches(data, config, seed)
        self.step = 0

    @property
    def steps(self) -> int:
        return self.config.steps

    def rate(self) -> float:
        """In each stage: linear warm-up, then half a cosine down to a fiftieth."""
        stage, step, _ = self.config.stage_of(self.step)
        return stage.learning_rate * warm_cosine(step, stage.steps, stage.warmup_steps, FLOOR)

    def begin_from(self, path: Path) -> None:
        """Takes the weights of another run, of the same model and language."""
        model, state = load_model(path)
        own = self.config.to_dict()
        other = [part for part in ("blind", "vision", "text", "match") if state["config"][part] != own[part]]
        if other or state["language"] != self.language.to_dict():
            raise ConfigError(f"{path} is of another {', '.join(other) or 'language'}; begin from a run of this model")
        self.model.load_state_dict(model.state_dict())

    def resume(self, path: Path) -> None:
        self.step = checkpoint.restore(path, self.model, self.optimiser, **self._facts())

    def save(self, path: Path) -> None:
        checkpoint.keep(path, self.step, self.model, self.optimiser, **self._facts())

    def _facts(self) -> dict:
        language = self.language.to_dict()
        return {"config": self.config.to_dict(), "seed": self.seed, "language": language, "data": self.data}

    def advance(self) -> dict[str, float]:
        """One step. Gives the parts of the loss and the norm of the gradient."""
        self.model.train()
        stage, _, first = self.config.stage_of(self.step)
        batch = self.batches.get(first, stage.batch)
        names = name_batch(self.language, np.random.default_rng([self.seed, 3, self.step]))
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.train.bfloat16):
            parts = losses(self.model, batch, names, self.config, stage.decoder)
        told = descend(self.model, self.optimiser, parts, self.config.train.clip_norm, self.step)
        self.step += 1
        return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True, help="folder of scenes to learn from")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run: checkpoint.pt, log.jsonl")
    parser.add_argument("--blind", action="store_true", help="the baseline that sees no picture")
    parser.add_argument("--init", type=Path, help="checkpoint of another run, whose weights this one begins with")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="share of the schedule's steps")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    prepare(options.threads)
    config = configs.load(options.config).scaled(options.share)
    if options.blind:
        config = config.as_blind()
    run = Run(config, Scenes(options.data), options.seed)
    if options.init:
        run.begin_from(options.init)
    done = train(run, options.out, options.minutes)
    print(f"{run.step} of {config.steps} steps{', done' if done else ''}")


if __name__ == "__main__":
    main()
