"""A run's state on disk: everything that the next step depends on. Written whole or not at all."""

import os
from pathlib import Path

import torch

from . import config as configs
from .config import Config, ConfigError
from .model import Detector


def save(path: Path, model: Detector, optimiser, config: Config, seed: int, step: int) -> None:
    """Saves after `step` finished steps."""
    state = {
        "config": config.to_dict(),
        "seed": seed,
        "step": step,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load(path: str | Path) -> dict:
    if not Path(path).is_file():
        raise ConfigError(f"{path} is no checkpoint; train first")
    return torch.load(path, map_location="cpu", weights_only=True)


def load_model(path: str | Path) -> tuple[Detector, Config, dict]:
    """The model ready to run, its configuration, and the state as saved."""
    state = load(path)
    config = configs.from_dict(state["config"])
    model = Detector(config)
    model.load_state_dict(state["model"])
    return model.eval(), config, state
