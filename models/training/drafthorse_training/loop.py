"""The loop of a run that can be stopped at any time and goes on from its last checkpoint to the same bytes."""

import json
import math
import time
from pathlib import Path
from typing import Protocol

import torch


class Run(Protocol):
    """A model in training: one call of `advance` is one step, and `rate` its learning rate."""

    step: int
    steps: int

    def advance(self) -> dict[str, float]: ...
    def rate(self) -> float: ...
    def save(self, path: Path) -> None: ...
    def resume(self, path: Path) -> None: ...


def train(run: Run, folder: Path, minutes: float = math.inf, log_every: int = 50, save_every: int = 250) -> bool:
    """Trains to the end of the schedule or for `minutes`. True where the schedule is done."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "checkpoint.pt"
    if path.exists():
        run.resume(path)
        forget_after(folder / "log.jsonl", run.step)
    begun, sums, logged_at, logged_step = time.monotonic(), {}, time.monotonic(), run.step
    with open(folder / "log.jsonl", "a") as log:
        while run.step < run.steps and time.monotonic() - begun < 60 * minutes:
            rate = run.rate()
            # Not every step has every part of the loss.
            for name, value in run.advance().items():
                sums.setdefault(name, []).append(value)
            if run.step % log_every == 0 or run.step == run.steps:
                count, now = run.step - logged_step, time.monotonic()
                line = {"step": run.step, "learning_rate": rate}
                line |= {name: round(sum(values) / len(values), 4) for name, values in sums.items()}
                line["ms_a_step"] = round(1000 * (now - logged_at) / count, 1)
                print(json.dumps(line), file=log, flush=True)
                sums, logged_at, logged_step = {}, now, run.step
            if run.step % save_every == 0:
                run.save(path)
        run.save(path)
    return run.step >= run.steps


def descend(model, optimiser, parts: dict[str, torch.Tensor], clip_norm: float, step: int) -> dict[str, float]:
    """One step down the sum of the parts. Gives the parts and the norm of the gradient."""
    optimiser.zero_grad(set_to_none=True)
    sum(parts.values()).backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    if not torch.isfinite(norm):
        raise FloatingPointError(f"the gradient of step {step} is not finite; lower the learning rate")
    optimiser.step()
    return {name: float(part.detach()) for name, part in parts.items()} | {"gradient": float(norm)}


def warm_cosine(step: int, steps: int, warmup_steps: int, floor: float = 0.0) -> float:
    """Share of the learning rate: linear warm-up, then half a cosine down to `floor`."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    along = (step - warmup_steps) / max(1, steps - warmup_steps)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * along))


def forget_after(log: Path, step: int) -> None:
    """Drops the lines of steps that will be done again."""
    if log.exists():
        kept = [line for line in log.read_text().splitlines() if json.loads(line)["step"] <= step]
        log.write_text("".join(line + "\n" for line in kept))


def prepare(threads: int) -> None:
    """Fixes what results depend on beside the seed."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Nothing reads memory that was never written; filling it costs a sixth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False
