"""Trains one model. A run can be stopped at any time and goes on from its last checkpoint to the same bytes.

`--steps` is the length of the schedule; `--minutes` only ends this call early.
"""

import argparse
import json
import math
from pathlib import Path

import torch
from drafthorse_training import checkpoint
from drafthorse_training.loop import descend, prepare, train, warm_cosine

from . import config as configs
from .config import Config
from .data.batches import TrainingBatches, evaluation_frames, open_split
from .evaluate import detect
from .losses import losses
from .metrics import Evaluation
from .model import Detector
from .targets import draw


class Run:
    """A model in training: one call of `advance` is one step."""

    def __init__(self, config: Config, data, seed: int, device: str = "cpu"):
        torch.manual_seed(seed)
        self.config, self.seed, self.device = config, seed, device
        self.model = Detector(config).to(device).to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), weight_decay=config.train.weight_decay, fused=True)
        self.batches = TrainingBatches(data, config, seed)
        self.step = 0

    @property
    def steps(self) -> int:
        return self.config.train.steps

    def rate(self) -> float:
        """Linear warm-up, then half a cosine down to zero at the last step."""
        train = self.config.train
        return train.learning_rate * warm_cosine(self.step, train.steps, train.warmup_steps)

    def resume(self, path: Path) -> None:
        state = checkpoint.own(path, **self._facts())
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def save(self, path: Path) -> None:
        state = {"step": self.step, "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        checkpoint.save(path, self._facts() | state)

    def _facts(self) -> dict:
        return {"config": self.config.to_dict(), "seed": self.seed}

    def advance(self) -> dict[str, float]:
        """One step. Gives the parts of the loss and the norm of the gradient."""
        self.model.train()
        batch = self.batches[self.step]
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        logits, boxes = self.model(batch.points.to(self.device), batch.valid.to(self.device))
        parts = losses(logits.cpu(), boxes.cpu(), draw(batch.frames, self.config), self.config)
        told = descend(self.model, self.optimiser, parts, self.config.train.clip_norm, self.step)
        self.step += 1
        return told


def score(run: Run, data, folder: Path, split: str) -> dict:
    """Average precision on `data`, also written to the run's log."""
    frames = evaluation_frames(data, run.config, run.config.data.eval_stride)
    summary = Evaluation(frames, detect(run.model, frames, run.config), run.config).summary()
    with open(folder / "log.jsonl", "a") as log:
        print(json.dumps({"step": run.step, "split": split, "frames": len(frames), **summary}), file=log)
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True, help="folder with train/ and val/, or a data set's root")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run: checkpoint.pt, log.jsonl")
    parser.add_argument("--variant", choices=configs.VARIANTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    prepare(options.threads)
    config = configs.load(options.config)
    if options.variant:
        config = config.with_variant(options.variant)
    if options.steps:
        config = config.with_train(steps=options.steps)
    run = Run(config, open_split(options.data, "train", config), options.seed, options.device)
    done = train(run, options.out, options.minutes)
    print(f"{run.step} of {config.train.steps} steps")
    if done:
        print(json.dumps(score(run, open_split(options.data, "val", config), options.out, "val"), indent=1))


if __name__ == "__main__":
    main()
