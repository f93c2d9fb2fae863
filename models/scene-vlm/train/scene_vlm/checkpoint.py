"""A run's state on disk: everything that the next step depends on. Written whole or not at all."""

import os
from pathlib import Path

import torch

from . import config as configs
from .config import Config, ConfigError
from .language import Language
from .model import SceneVlm


def save(path: Path, model: SceneVlm, optimiser, seed: int, data: str, step: int) -> None:
    """Saves after `step` finished steps on the scenes of identity `data`."""
    state = {
        "config": model.config.to_dict(),
        "language": model.language.to_dict(),
        "seed": seed,
        "data": data,
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


def load_model(path: str | Path) -> tuple[SceneVlm, dict]:
    """The model ready to run, and the state as saved."""
    state = load(path)
    config: Config = configs.from_dict(state["config"])
    model = SceneVlm(config, Language(**state["language"]))
    model.load_state_dict(state["model"])
    return model.eval(), state
