import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT.parents[1] / "training")]
torch.set_num_threads(1)


@pytest.fixture
def config():
    """The small configuration, with a grid and a network that a test can afford."""
    import dataclasses

    from radar_gaussian import config as configs

    base = configs.load(ROOT / "configs" / "s.toml")
    grid = dataclasses.replace(base.grid, x_max_m=12.8, y_min_m=-6.4, y_max_m=6.4)
    encoder = dataclasses.replace(base.encoder, channels=8)
    backbone = dataclasses.replace(
        base.backbone, layers=[0, 0, 0], widths=[8, 8, 8], up_widths=[8, 8, 8], neck_width=8
    )
    head = dataclasses.replace(base.head, shared_width=8)
    data = dataclasses.replace(base.data, eval_stride=1)
    train = dataclasses.replace(base.train, steps=8, batch=2, warmup_steps=2)
    return configs.checked(
        dataclasses.replace(base, grid=grid, encoder=encoder, backbone=backbone, head=head, train=train, data=data)
    )
