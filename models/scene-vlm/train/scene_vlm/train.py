"""Trains one model. A run can be stopped at any time and goes on from its last checkpoint to the same bytes.

`--share` shortens the schedule; `--minutes` only ends this call early.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch

from . import checkpoint
from . import config as configs
from .batches import TrainingBatches, name_batch
from .config import Config, ConfigError
from .losses import losses
from .model import SceneVlm
from .scenes import Scenes


def learning_rate(step: int, config: Config) -> float:
    """In each stage: linear warm-up, then half a cosine down to a fiftieth."""
    stage, step, _ = config.stage_of(step)
    if step < stage.warmup_steps:
        return stage.learning_rate * (step + 1) / stage.warmup_steps
    along = (step - stage.warmup_steps) / max(1, stage.steps - stage.warmup_steps)
    return stage.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * along)))


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

    def resume(self, path: Path) -> None:
        state = checkpoint.load(path)
        own = {"config": self.config.to_dict(), "seed": self.seed, "language": self.language.to_dict(), "data": self.data}
        if other := [name for name, value in own.items() if state.get(name) != value]:
            raise ConfigError(f"{path} is of another {', '.join(other)}; choose another --out")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def advance(self) -> dict[str, float]:
        """One step. Gives the parts of the loss and the norm of the gradient."""
        self.model.train()
        stage, _, first = self.config.stage_of(self.step)
        batch = self.batches.get(first, stage.batch)
        names = name_batch(self.language, np.random.default_rng([self.seed, 3, self.step]))
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.config)
        parts = losses(self.model, batch, names, self.config, stage.decoder)
        self.optimiser.zero_grad(set_to_none=True)
        sum(parts.values()).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.train.clip_norm)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"the gradient of step {self.step} is not finite; lower the learning rate")
        self.optimiser.step()
        self.step += 1
        return {name: float(part.detach()) for name, part in parts.items()} | {"gradient": float(norm)}


def train(run: Run, folder: Path, minutes: float = math.inf, log_every: int = 50, save_every: int = 250) -> bool:
    """Trains to the end of the schedule or for `minutes`. True where the schedule is done."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "checkpoint.pt"
    if path.exists():
        run.resume(path)
        forget_after(folder / "log.jsonl", run.step)
    begun, sums, logged_at, logged_step = time.monotonic(), {}, time.monotonic(), run.step
    with open(folder / "log.jsonl", "a") as log:
        while run.step < run.config.steps and time.monotonic() - begun < 60 * minutes:
            for name, value in run.advance().items():
                sums.setdefault(name, []).append(value)
            if run.step % log_every == 0 or run.step == run.config.steps:
                count, now = run.step - logged_step, time.monotonic()
                line = {"step": run.step, "learning_rate": learning_rate(run.step - 1, run.config)}
                line |= {name: round(sum(values) / len(values), 4) for name, values in sums.items()}
                line["ms_a_step"] = round(1000 * (now - logged_at) / count, 1)
                print(json.dumps(line), file=log, flush=True)
                sums, logged_at, logged_step = {}, now, run.step
            if run.step % save_every == 0:
                checkpoint.save(path, run.model, run.optimiser, run.seed, run.data, run.step)
        checkpoint.save(path, run.model, run.optimiser, run.seed, run.data, run.step)
    return run.step >= run.config.steps


def forget_after(log: Path, step: int) -> None:
    """Drops the lines of steps that will be done again."""
    if log.exists():
        kept = [line for line in log.read_text().splitlines() if json.loads(line)["step"] <= step]
        log.write_text("".join(line + "\n" for line in kept))


def prepare(threads: int) -> None:
    """Fixes what results depend on beside the seed."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Nothing reads memory that was never written; filling it costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True, help="folder of scenes to learn from")
    parser.add_argument("--out", required=True, type=Path, help="folder of the run: checkpoint.pt, log.jsonl")
    parser.add_argument("--blind", action="store_true", help="the baseline that sees no picture")
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
    done = train(run, options.out, options.minutes)
    print(f"{run.step} of {config.steps} steps{', done' if done else ''}")


if __name__ == "__main__":
    main()
