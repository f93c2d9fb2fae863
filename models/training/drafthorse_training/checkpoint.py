"""A run's state on disk: everything that the next step depends on. Written whole or not at all."""

import os
from pathlib import Path

import torch

from .tables import ConfigError


def save(path: Path, state: dict) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load(path: str | Path) -> dict:
    if not Path(path).is_file():
        raise ConfigError(f"{path} is no checkpoint; train first")
    return torch.load(path, map_location="cpu", weights_only=True)


def own(path: Path, **facts) -> dict:
    """The state at `path`, which has to be of these facts."""
    state = load(path)
    if other := [name for name, value in facts.items() if state.get(name) != value]:
        raise ConfigError(f"{path} is of another {', '.join(other)}; choose another --out")
    return state


def keep(path: Path, step: int, model, optimiser, **facts) -> None:
    """Saves a run of these facts after `step` steps."""
    save(path, facts | {"step": step, "model": model.state_dict(), "optimiser": optimiser.state_dict()})


def restore(path: Path, model, optimiser, **facts) -> int:
    """Puts model and optimiser where a run of these facts left them. Gives its steps."""
    state = own(path, **facts)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return state["step"]
