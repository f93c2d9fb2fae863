"""Training goes on exactly where it stopped, and learns."""

import dataclasses
import json

import pytest
import torch

from scene_vlm import train as training
from scene_vlm.config import COLUMNS, PATCH_PX, ConfigError
from scene_vlm.evaluate import Stated, answers, caption_facts, encoder_facts, retrieval, shares
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
    first.save(tmp_path / "parts" / "checkpoint.pt")
    assert training.train(training.Run(config, data, 0), tmp_path / "parts")
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole["step"] == parts["step"] == 8
    assert all(torch.equal(whole["model"][name], parts["model"][name]) for name in whole["model"])


def test_another_seed_or_other_scenes_are_refused(config, scenes, tmp_path):
    data = Scenes(scenes)
    training.train(training.Run(config, data, 0), tmp_path / "run")
    with pytest.raises(ConfigError, match="another seed"):
        training.Run(config, data, 1).resume(tmp_path / "run" / "checkpoint.pt")
    manifest = json.loads((scenes / "manifest.json").read_text())
    (scenes / "manifest.json").write_text(json.dumps(manifest | {"verified": False}))
    with pytest.raises(ConfigError, match="another data"):
        training.Run(config, Scenes(scenes), 0).resume(tmp_path / "run" / "checkpoint.pt")
    (scenes / "manifest.json").write_text(json.dumps(manifest | {"scenes": 9}))
    with pytest.raises(ConfigError, match="holds 8 scenes"):
        Scenes(scenes)


def test_a_mirror_exchanges_sides_in_all_that_is_said(scenes):
    data = Scenes(scenes)
    for i in range(len(data)):
        scene, mirrored = data[i], data[i].mirror(data.language)
        twice = mirrored.mirror(data.language)
        assert (twice.picture() == scene.picture()).all() and (twice.patches == scene.patches).all()
        assert twice.facts == scene.facts and twice.questions == scene.questions and twice.captions == scene.captions
        assert {scene.facts["where.car"], mirrored.facts["where.car"]} == {"left", "right"}
        assert scene.facts["weather"] == mirrored.facts["weather"]
        # The bright square, its patch's bits and its middle are in one place.
        column = mirrored.picture()[72, :, 0].argmax() // PATCH_PX
        assert mirrored.patches.reshape(-1, COLUMNS)[4].nonzero()[0] == column == mirrored.centres[0].patch % COLUMNS
        assert mirrored.questions[0][2] == mirrored.facts["where.car"]
        assert (mirrored.labels >= 0).tolist() == (scene.labels >= 0).tolist()


def test_a_run_begins_with_another_ones_weights(config, scenes, tmp_path):
    data = Scenes(scenes)
    training.train(training.Run(config, data, 0), tmp_path / "first")
    second = training.Run(config, data, 1)
    second.begin_from(tmp_path / "first" / "checkpoint.pt")
    first = weights(tmp_path / "first")["model"]
    assert second.step == 0 and all(torch.equal(first[n], w) for n, w in second.model.state_dict().items())
    other = dataclasses.replace(config, text=dataclasses.replace(config.text, layers=1))
    with pytest.raises(ConfigError, match="another text"):
        training.Run(other, data, 0).begin_from(tmp_path / "first" / "checkpoint.pt")


def test_a_text_longer_than_the_model_has_room_for_is_refused(config, scenes):
    short = dataclasses.replace(config, text=dataclasses.replace(config.text, max_words=4))
    with pytest.raises(ConfigError, match="raise text.max_words"):
        training.Run(short, Scenes(scenes), 0)


def test_a_thinned_folder_is_spread_over_the_whole(scenes):
    data = Scenes(scenes)
    data.thin(5)
    assert [int(data[i].name.split("/")[1]) for i in range(len(data))] == [0, 1, 3, 4, 6]


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


def test_stated_facts_are_right_wrong_or_unsettled_and_silence_costs_recall(scenes):
    data = Scenes(scenes)
    first = Stated({"where.car": data[0].facts["where.car"], "light": "day"}, [])
    told = [first, Stated({"weather": "snow"}, []), Stated({}, ["where.car"])] + [Stated({}, [])] * 5
    found = caption_facts(told, data)
    assert (found["precision"], found["stated"], found["unsettled"], found["contradicted"]) == (0.3333, 3, 1, 1)
    assert (found["recall"], found["settled"]) == (0.0625, 16)
    assert found["by_kind"]["where"] == {"precision": 0.5, "stated": 2, "recall": 0.125, "settled": 8}


def test_learning_rate_rises_and_falls_in_each_stage(config, scenes):
    stages = [dataclasses.replace(s, steps=20, warmup_steps=4, learning_rate=1e-3) for s in config.stages]
    config = dataclasses.replace(config, stages=stages)
    run = training.Run(config, Scenes(scenes), 0)
    rates = []
    for run.step in range(40):
        rates.append(run.rate())
    assert rates[4] == rates[24] == 1e-3 and rates[0] == rates[20] == 2.5e-4
    assert rates[19] < 5e-5 and rates[39] < 5e-5
