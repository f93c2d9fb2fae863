"""A model from the checkpoint of its run."""

from pathlib import Path

from drafthorse_training.checkpoint import load

from . import config as configs
from .config import Config
from .model import Detector


def load_model(path: str | Path) -> tuple[Detector, Config, dict]:
    """The model ready to run, its configuration, and the state as saved."""
    state = load(path)
    config = configs.from_dict(state["config"])
    model = Detector(config)
    model.load_state_dict(state["model"])
    return model.eval(), config, state
