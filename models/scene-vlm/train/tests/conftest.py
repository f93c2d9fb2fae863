import dataclasses
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT.parents[1] / "training")]
torch.set_num_threads(1)


@pytest.fixture
def config():
    """The configuration with a network and a schedule that a test can afford."""
    from scene_vlm import config as configs

    base = configs.load(ROOT / "configs" / "s.toml")
    vision = dataclasses.replace(base.vision, stem=[8, 8, 8], width=48, layers=1, heads=6)
    text = dataclasses.replace(base.text, layers=3, width=48, heads=6, feed_forward=64)
    match = dataclasses.replace(base.match, width=16)
    stages = [dataclasses.replace(s, steps=4, batch=3, warmup_steps=1) for s in base.stages]
    return configs.checked(dataclasses.replace(base, vision=vision, text=text, match=match, stages=stages))


@pytest.fixture
def scenes(tmp_path):
    from folders import write_scenes

    write_scenes(tmp_path / "scenes", 8)
    return tmp_path / "scenes"
