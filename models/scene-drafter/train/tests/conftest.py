import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

ROOT = Path(__file__).parent.parent
MODELS = ROOT.parents[1]
sys.path[:0] = [str(ROOT), str(MODELS / "training"), str(MODELS / "scene-vlm" / "train"), str(MODELS / "scene-vlm" / "train" / "tests")]
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A folder of made-up scenes, an untrained target, and what it says of them."""
    from folders import write_scenes
    from scene_drafter.collect import collect
    from scene_drafter.target import Target
    from scene_vlm import config as configs
    from scene_vlm.export import export
    from scene_vlm.model import SceneVlm
    from scene_vlm.scenes import Scenes

    root = tmp_path_factory.mktemp("world")
    write_scenes(root / "scenes", 8)
    data = Scenes(root / "scenes")
    base = configs.load(MODELS / "scene-vlm" / "train" / "configs" / "s.toml")
    vision = dataclasses.replace(base.vision, stem=[8, 8, 8], width=48, layers=1, heads=6)
    text = dataclasses.replace(base.text, layers=2, width=48, heads=6, feed_forward=64, max_words=40)
    config = configs.checked(dataclasses.replace(base, vision=vision, text=text, match=dataclasses.replace(base.match, width=16)))
    torch.manual_seed(0)
    model = SceneVlm(config, data.language).eval()
    # Untrained words hardly differ; make them.
    torch.nn.init.normal_(model.decoder.embedding.weight, std=0.7)
    export(model, root / "target")
    target = Target(root / "target")
    (root / "texts").mkdir()
    save_file(collect(target, [data[i] for i in range(8)], 0, 2, True), root / "texts" / "train-000.safetensors")
    parser = root / "parser"
    parser.write_text("#!/bin/sh\nprintf 'left\\nright\\nfog\\ncar\\n'\n")
    parser.chmod(0o755)
    return root, model, data, target


@pytest.fixture
def texts(world):
    from scene_drafter.texts import Texts

    root, _, _, target = world
    return Texts([root / "texts"], len(target.words))


@pytest.fixture
def config():
    """Configurations by form, with networks and schedules that a test can afford."""
    from scene_drafter import config as configs

    def small(name):
        base = configs.load(ROOT / "configs" / f"{name}.toml")
        train = dataclasses.replace(base.train, steps=4, batch=4, warmup_steps=1, words=20)
        return configs.checked(dataclasses.replace(base, train=train))

    return small


@pytest.fixture
def facts(world):
    from scene_drafter.train import fact_mask

    root, _, _, target = world
    return fact_mask(root / "parser", target)


def differ(a, b) -> float:
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())
