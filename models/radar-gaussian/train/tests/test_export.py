"""An exported model says the same as the trained one, read back from its files alone."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from drives import write_splits
from radar_gaussian import ablate, cluster_boost, evaluate, export, predict
from radar_gaussian import train as training
from radar_gaussian.data.batches import open_split
from radar_gaussian.encoder.gaussian import GaussianEncoder


@pytest.fixture
def trained(config, tmp_path):
    write_splits(tmp_path / "drives")
    run = training.Run(config, open_split(tmp_path / "drives", "train", config), 0)
    training.train(run, tmp_path / "run")
    return tmp_path


def call(module, monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["program", *map(str, words)])
    module.main()


def test_files_agree_with_each_other(config, trained, monkeypatch):
    out = trained / "export"
    call(export, monkeypatch, "--checkpoint", trained / "run/checkpoint.pt", "--data", trained / "drives", "--out", out, "--reference", 3)
    reference = load_file(out / "reference.safetensors")
    weights = load_file(out / "encoder.safetensors")
    with safe_open(out / "encoder.safetensors", "np") as file:
        meta = file.metadata()
    assert meta["features"] == ",".join(config.points.features) and json.loads(meta["grid"])["width"] == config.grid.width

    encoder = GaussianEncoder(config)
    encoder.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items() if not name.startswith("stem.")})
    stem = lambda bev: torch.relu(torch.nn.functional.conv2d(bev, *(torch.from_numpy(weights[f"stem.{part}"]) for part in ("weight", "bias")), 2, 1))
    session = onnxruntime.InferenceSession(str(out / "backbone.onnx"))
    assert {node.op_type for node in __import__("onnx").load(str(out / "backbone.onnx")).graph.node} <= {"Conv", "ConvTranspose", "Relu", "Concat"}
    for k in range(3):
        rows = slice(*reference["points_start"][k : k + 2])
        points = torch.from_numpy(reference["points"][rows])[None]
        bev = encoder(points, torch.ones(points.shape[:2], dtype=torch.bool)).detach()
        sparse = np.zeros((config.grid.height * config.grid.width, config.encoder.channels), np.float32)
        cells = slice(*reference["bev_start"][k : k + 2])
        sparse[reference["bev_cell"][cells]] = reference["bev_value"][cells]
        assert np.abs(bev[0].numpy() - sparse.T.reshape(bev.shape[1:])).max() < 1e-6
        heat, box = session.run(None, {"stem": stem(bev).numpy()})
        assert np.abs(heat[0] - reference["heatmap"][k]).max() < 1e-3
        assert np.abs(box[0] - reference["box"][k]).max() < 1e-3
    described = json.loads((out / "decode.json").read_text())
    assert [c["name"] for c in described["classes"]] == config.class_names


def test_prediction_and_evaluation_run(trained, monkeypatch, capsys):
    checkpoint = trained / "run/checkpoint.pt"
    call(predict, monkeypatch, "--checkpoint", checkpoint, "--data", trained / "drives", "--out", trained / "found.jsonl")
    lines = [json.loads(line) for line in (trained / "found.jsonl").read_text().splitlines()]
    assert len(lines) == 12 and lines[0]["scene"] == "drive-0/000000"
    call(evaluate, monkeypatch, "--checkpoint", checkpoint, "--data", trained / "drives")
    assert json.loads(capsys.readouterr().out)["frames"] == 12


def test_ablation_trains_each_once_and_writes_the_table(config, trained, monkeypatch, capsys):
    from radar_gaussian import config as configs

    monkeypatch.setattr(configs, "load", lambda path: config)
    words = ["--config", "-", "--data", trained / "drives", "--out", trained / "runs", "--seeds", 0, "--steps", 4]
    words += ["--group", "pillar", "gaussian+bgl"]
    call(ablate, monkeypatch, *words)
    assert capsys.readouterr().out.count("seed 0") == 2
    call(ablate, monkeypatch, *words)
    assert capsys.readouterr().out == ""
    call(ablate, monkeypatch, *words, "--score", "test", "--draws", 5)
    assert "| gaussian+bgl - pillar |" in (trained / "runs/test.md").read_text()


def test_cluster_boost_finds_what_it_was_trained_on(config, trained):
    """Scored on the drives that it was fitted to, it knows most of them."""
    frames = cluster_boost.cropped(open_split(trained / "drives", "train", config), config, 1)
    setting = cluster_boost.Settings((1.0, 3.0), 0.3, 60, 7)
    summary = cluster_boost.evaluate(frames, frames, config, setting).summary()
    assert summary["distance_map"] > 50
