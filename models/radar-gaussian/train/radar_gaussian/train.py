"""Trains one model. A run can be stopped at any time and goes on from its last checkpoint to the same bytes.

`--steps` is the length of the schedule; `--minutes` only ends this call early.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch

from . import checkpoint
from . import config as configs
from .config import Config, ConfigError
from .data.batches import TrainingBatches, evaluation_frames, open_split
from .evaluate import detect
from .losses import losses
from .metrics import Evaluation
from .model import Detector
from .targets import draw


def learning_rate(step: int, config: Config) -> float:
    """Linear warm-up, then half a cosine down to zero at the last step."""
    train = config.train
    if step < train.warmup_steps:
        return train.learning_rate * (step + 1) / train.warmup_steps
    along = (step - train.warmup_steps) / max(1, train.steps - train.warmup_steps)
    return train.learning_rate * 0.5 * (1 + math.cos(math.pi * along))


class Run:
    """A model in training: one call of `advance` is one step."""

    def __init__(self, config: Config, data, seed: int, device: str = "cpu"):
        torch.manual_seed(seed)
        self.config, self.seed, self.device = config, seed, device
        self.model = Detector(config).to(device).to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), weight_decay=config.train.weight_decay, fused=True)
        self.batches = TrainingBatches(data, config, seed)
        self.step = 0

    def resume(self, path: Path) -> None:
        state = checkpoint.load(path)
        if state["config"] != self.config.to_dict() or state["seed"] != self.seed:
            raise ConfigError(f"{path} is of another configuration or seed; choose another --out")
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def advance(self) -> dict[str, float]:
        """One step. Gives the parts of the loss and the norm of the gradient."""
        self.model.train()
        batch = self.batches[self.step]
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.config)
        logits, boxes = self.model(batch.points.to(self.device), batch.valid.to(self.device))
        parts = losses(logits.cpu(), boxes.cpu(), draw(batch.frames, self.config), self.config)
        self.optimiser.zero_grad(set_to_none=True)
        sum(parts.values()).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.train.clip_norm)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"the gradient of step {self.step} is not finite; lower train.learning_rate")
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
        while run.step < run.config.train.steps and time.monotonic() - begun < 60 * minutes:
            for name, value in run.advance().items():
                sums[name] = sums.get(name, 0.0) + value
            if run.step % log_every == 0 or run.step == run.config.train.steps:
                count, now = run.step - logged_step, time.monotonic()
                line = {"step": run.step, "learning_rate": learning_rate(run.step - 1, run.config)}
                line |= {name: round(value / count, 4) for name, value in sums.items()}
                line["ms_a_step"] = round(1000 * (now - logged_at) / count, 1)
                print(json.dumps(line), file=log, flush=True)
                sums, logged_at, logged_step = {}, now, run.step
            if run.step % save_every == 0:
                checkpoint.save(path, run.model, run.optimiser, run.config, run.seed, run.step)
        checkpoint.save(path, run.model, run.optimiser, run.config, run.seed, run.step)
    return run.step >= run.config.train.steps


def forget_after(log: Path, step: int) -> None:
    """Drops the lines of steps that will be done again."""
    if log.exists():
        kept = [line for line in log.read_text().splitlines() if json.loads(line)["step"] <= step]
        log.write_text("".join(line + "\n" for line in kept))


def score(run: Run, data, folder: Path, split: str) -> dict:
    """Average precision on `data`, also written to the run's log."""
    frames = evaluation_frames(data, run.config, run.config.data.eval_stride)
    summary = Evaluation(frames, detect(run.model, frames, run.config), run.config).summary()
    with open(folder / "log.jsonl", "a") as log:
        print(json.dumps({"step": run.step, "split": split, "frames": len(frames), **summary}), file=log)
    return summary


def prepare(threads: int) -> None:
    """Fixes what results depend on beside the seed."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Nothing reads memory that was never written; filling it costs a sixth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False


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
