"""Training goes on exactly where it stopped, and learns."""

import dataclasses

import pytest
import torch

from scene_vlm import train as training
from scene_vlm.config import ConfigError
from scene_vlm.evaluate import answers, caption_facts, encoder_facts, retrieval, shares
from scene_vlm.scenes import Scenes


def weights(path):
    return torch.load(path / "checkpoint.pt", weights_only=True)


def test_a_stopped_run_ends_as_an_unbroken_one(config, scenes, tmp_path):
    training.prepare(1)
    data = Scenes(scenes)
    assert training.train(training.Run(config, data, 0), tmp_path / "whole")
    first = training.Run(config, data, 0)
    for _ in range(5):
        first.advance()
    (tmp_path / "parts").mkdir()
    training.checkpoint.save(tmp_path / "parts" / "checkpoint.pt", first.model, first.optimiser, 0, first.step)
    assert training.train(training.Run(config, data, 0), tmp_path / "parts")
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole["step"] == parts["step"] == 8
    assert all(torch.equal(whole["model"][name], parts["model"][name]) for name in whole["model"])


def test_another_seed_or_language_is_refused(config, scenes, tmp_path):
    data = Scenes(scenes)
    training.train(training.Run(config, data, 0), tmp_path / "run")
    with pytest.raises(ConfigError, match="another configuration, seed or language"):
        training.Run(config, data, 1).resume(tmp_path / "run" / "checkpoint.pt")


def test_it_learns_what_the_picture_shows_and_the_blind_one_does_not(config, scenes):
    stages = [dataclasses.replace(s, steps=100, batch=8, learning_rate=3e-3, warmup_steps=5) for s in config.stages]
    config = dataclasses.replace(config, stages=stages)
    data = Scenes(scenes)
    run = training.Run(config, data, 0)
    for _ in range(config.steps):
        run.advance()
    model = run.model.eval()
    found = shares(answers(model, data), "key")
    assert found["where"]["right"] == found["weather"]["right"] == 1.0
    assert shares(answers(model, data, keep=0.5), "key")["weather"]["right"] > 0.7
    assert encoder_facts(model, data)["where"] == 1.0
    assert retrieval(model, data)["recall_10"] == 1.0
    blind = training.Run(config.as_blind(), data, 0)
    for _ in range(config.stages[1].steps):
        blind.advance()
    found = shares(answers(blind.model.eval(), data), "key")
    assert found["where"]["right"] <= found["where"]["commonest"] < 1.0


def test_facts_that_nobody_can_know_are_not_counted_as_wrong(config, scenes):
    data = Scenes(scenes)
    stated = [{"where.car": data[0].facts["where.car"], "light": "day"}] + [{"weather": "snow"}] + [{}] * 6
    found = caption_facts(stated, data)
    assert (found["right"], found["facts"], found["unsettled"]) == (0.5, 2, 1)


def test_learning_rate_rises_and_falls_in_each_stage(config):
    stages = [dataclasses.replace(s, steps=20, warmup_steps=4, learning_rate=1e-3) for s in config.stages]
    config = dataclasses.replace(config, stages=stages)
    rates = [training.learning_rate(step, config) for step in range(40)]
    assert rates[4] == rates[24] == 1e-3 and rates[0] == rates[20] == 2.5e-4
    assert rates[19] < 5e-5 and rates[39] < 5e-5
