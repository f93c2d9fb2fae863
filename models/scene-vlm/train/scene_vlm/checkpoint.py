"""A model from the checkpoint of its run."""

from pathlib import Path

from drafthorse_training.checkpoint import load

from . import config as configs
from .config import Config
from .language import Language
from .model import SceneVlm


def load_model(path: str | Path) -> tuple[SceneVlm, dict]:
    """The model ready to run, and the state as saved."""
    state = load(path)
    config: Config = configs.from_dict(state["config"])
    model = SceneVlm(config, Language(**state["language"]))
    model.load_state_dict(state["model"])
    return model.eval(), state
