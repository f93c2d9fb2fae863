"""Trains one drafter. A run can be stopped at any time and goes on from its last checkpoint to the same bytes."""

import argparse
import json
import math
import subprocess
from pathlib import Path

import numpy as np
import torch
from drafthorse_training import checkpoint
from drafthorse_training.loop import descend, prepare, train, warm_cosine
from drafthorse_training.tables import ConfigError
from scene_vlm.train import decayed

from . import config as configs
from .collect import GREEDY
from .config import Config
from .drafter import Drafter
from .losses import losses
from .speculate import report
from .target import Target
from .texts import Texts, TrainingBatches

FLOOR = 0.02


def fact_mask(parser: str | Path, target: Target) -> np.ndarray:
    """bool [vocabulary]: the words that carry facts, as the program `drafthorse-scenes` has them."""
    told = subprocess.run([str(parser), "--fact-words"], capture_output=True, text=True, check=True)
    words = set(told.stdout.split())
    if unknown := words - set(target.words):
        raise ConfigError(f"{parser}: {sorted(unknown)} are no words of the target; take the generator that it was trained with")
    return np.array([word in words for word in target.words])


class Run:
    """A drafter in training: one call of `advance` is one step."""

    def __init__(self, config: Config, target: Target, texts: Texts, facts: np.ndarray, seed: int):
        torch.manual_seed(seed)
        self.config, self.seed, self.data = config, seed, texts.identity
        self.facts = torch.from_numpy(facts)
        self.drafter = Drafter(config, target.decoder)
        # Other runs that this one builds on, by what it takes of them.
        self.origin = {}
        self.batches = TrainingBatches(texts, config.train, seed)
        self.step = 0
        self._optimise()

    def _optimise(self) -> None:
        groups = decayed(_Trained(self.drafter), self.config.train.weight_decay)
        self.optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95), fused=True)

    def begin_from(self, path: Path) -> None:
        """Takes the weights of another run, of a drafter of the same shape."""
        state = checkpoint.load(path)
        if other := [part for part in ("compress", "draft") if state["config"][part] != self.config.to_dict()[part]]:
            raise ConfigError(f"{path} is of another {', '.join(other)}; begin from a run of this drafter")
        self.drafter.load_state_dict(state["model"])
        self.origin["init"] = checkpoint_identity(state)

    def look_as(self, path: Path) -> None:
        """Takes the vision adaptor of another run and leaves it as it is: both forms share one in the car."""
        state = checkpoint.load(path)
        other = {name.removeprefix("compressor."): value for name, value in state["model"].items() if name.startswith("compressor.")}
        self.drafter.compressor.load_state_dict(other)
        self.drafter.compressor.requires_grad_(False)
        self.origin["look_as"] = checkpoint_identity(state)
        self._optimise()

    @property
    def steps(self) -> int:
        return self.config.train.steps

    def rate(self) -> float:
        train = self.config.train
        return train.learning_rate * warm_cosine(self.step, train.steps, train.warmup_steps, FLOOR)

    def resume(self, path: Path) -> None:
        self.step = checkpoint.restore(path, self.drafter, self.optimiser, **self._facts())

    def save(self, path: Path) -> None:
        checkpoint.keep(path, self.step, self.drafter, self.optimiser, **self._facts())

    def _facts(self) -> dict:
        return {"config": self.config.to_dict(), "seed": self.seed, "data": self.data, "origin": self.origin}

    def advance(self) -> dict[str, float]:
        """One step. Gives the parts of the loss and the norm of the gradient."""
        self.drafter.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        batch = self.batches.get(self.step)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.train.bfloat16):
            parts = losses(self.drafter, batch, self.facts, self.config)
        told = descend(self.drafter, self.optimiser, parts, self.config.train.clip_norm, self.step)
        self.step += 1
        return told


class _Trained(torch.nn.Module):
    """The parameters of a drafter that are learnt."""

    def __init__(self, drafter: Drafter):
        super().__init__()
        for i, parameter in enumerate(p for p in drafter.parameters() if p.requires_grad):
            self.register_parameter(f"p{i}", parameter)


def checkpoint_identity(state: dict) -> dict:
    return {"name": state["config"]["name"], "seed": state["seed"], "data": state["data"], "step": state["step"]}


def load_drafter(path: str | Path, target: Target) -> tuple[Drafter, dict]:
    """A drafter from the checkpoint of its run, ready to run, and the state as saved."""
    state = checkpoint.load(path)
    drafter = Drafter(configs.from_dict(state["config"]), target.decoder)
    drafter.load_state_dict(state["model"])
    return drafter.eval(), state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--target", required=True, help="folder of the target, models/scene-vlm-s")
    parser.add_argument("--data", required=True, action="append", help="folder of collected texts; may be given several times")
    parser.add_argument("--parser", required=True, help="the program drafthorse-scenes, which knows the fact-bearing words")
    parser.add_argument("--init", type=Path, help="checkpoint of another run, whose weights this one begins with")
    parser.add_argument("--look-as", type=Path, help="checkpoint of another run, whose vision adaptor is taken as it is")
    parser.add_argument("--test", type=Path, help="folder of held-out texts to judge by at the end: OUT/test.json")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run: checkpoint.pt, log.jsonl")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=1.0, help="share of the schedule's steps")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    prepare(options.threads)
    target = Target(options.target)
    facts = fact_mask(options.parser, target)
    run = Run(configs.load(options.config).scaled(options.share), target, Texts(options.data, len(target.words)), facts, options.seed)
    if options.init:
        run.begin_from(options.init)
    if options.look_as:
        run.look_as(options.look_as)
    done = train(run, options.out, options.minutes, save_every=200)
    if done and options.test:
        held_out = Texts([options.test], len(target.words))
        found = report(run.drafter.eval(), held_out, held_out.of_kind(GREEDY), facts)
        (options.out / "test.json").write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps(found))
    print(f"{run.step} of {run.steps} steps{', done' if done else ''}")


if __name__ == "__main__":
    main()
