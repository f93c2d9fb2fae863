"""Training goes on exactly where it stopped, and learns."""

import json

import pytest
import torch

from drives import write_splits
from radar_gaussian import train as training
from radar_gaussian.config import ConfigError
from radar_gaussian.data.batches import open_split


@pytest.fixture
def drives(tmp_path):
    write_splits(tmp_path / "drives")
    return tmp_path / "drives"


def run(config, drives, seed=0):
    return training.Run(config, open_split(drives, "train", config), seed)


def weights(path):
    return torch.load(path / "checkpoint.pt", weights_only=True)


@pytest.mark.parametrize("variant", ["pillar", "gaussian+bgl"])
def test_a_stopped_run_ends_as_an_unbroken_one(config, drives, tmp_path, variant):
    training.prepare(1)
    config = config.with_variant(variant)
    assert training.train(run(config, drives), tmp_path / "whole")
    first = run(config, drives)
    for _ in range(4):
        first.advance()
    (tmp_path / "parts").mkdir()
    first.save(tmp_path / "parts" / "checkpoint.pt")
    assert training.train(run(config, drives), tmp_path / "parts")
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole["step"] == parts["step"] == 8
    assert all(torch.equal(whole["model"][name], parts["model"][name]) for name in whole["model"])
    for a, b in zip(whole["optimiser"]["state"].values(), parts["optimiser"]["state"].values()):
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_seeds_differ(config, drives):
    a, b = run(config, drives, 0), run(config, drives, 1)
    assert a.advance() != b.advance()


def test_the_loss_falls(config, drives):
    config = config.with_train(steps=120, warmup_steps=5)
    this = run(config, drives)
    totals = [sum(v for k, v in this.advance().items() if k != "gradient") for _ in range(120)]
    assert sum(totals[-10:]) < 0.7 * sum(totals[:10])


def test_another_configuration_is_refused(config, drives, tmp_path):
    training.train(run(config, drives), tmp_path / "run")
    with pytest.raises(ConfigError, match="another seed"):
        run(config, drives, seed=1).resume(tmp_path / "run" / "checkpoint.pt")


def test_time_is_a_budget_of_the_call_only(config, drives, tmp_path):
    this = run(config, drives)
    assert not training.train(this, tmp_path / "run", minutes=0)
    assert training.train(run(config, drives), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 8
