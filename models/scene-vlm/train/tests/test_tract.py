"""The pure-Rust engine runs every file, the decoder with lengths left open, and agrees with ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
import torch
import tract

from scene_vlm.config import HEIGHT_PX, WIDTH_PX
from scene_vlm.export import export, past_names
from scene_vlm.model import SceneVlm
from scene_vlm.scenes import Scenes


@pytest.fixture
def folder(config, scenes, tmp_path):
    torch.manual_seed(0)
    export(SceneVlm(config, Scenes(scenes).language).eval(), tmp_path / "model")
    return tmp_path / "model" / "onnx"


def compare(path, facts, feeds):
    model = tract.onnx().load(str(path))
    names = [model.input_name(i) for i in range(model.input_count())]
    for i, name in enumerate(names):
        model.set_input_fact(i, facts[name])
    ours = model.into_model().into_runnable().run([feeds[name] for name in names])
    theirs = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, feeds)
    for a, b in zip(ours, theirs):
        assert np.abs(a.to_numpy() - b).max() <= 1e-4 * max(1.0, np.abs(b).max())


@pytest.mark.parametrize("name", ["vision_encoder", "image_match"])
def test_pictures(folder, name):
    pixels = np.random.default_rng(0).uniform(-1, 1, (1, 1, 3, HEIGHT_PX, WIDTH_PX)).astype(np.float32)
    compare(folder / f"{name}.onnx", {"pixel_values": f"1,1,3,{HEIGHT_PX},{WIDTH_PX},f32"}, {"pixel_values": pixels})


@pytest.mark.parametrize("name", ["embed_tokens", "text_match"])
def test_words(folder, name):
    compare(folder / f"{name}.onnx", {"input_ids": "1,S,i64"}, {"input_ids": np.array([[7, 9, 8, 7]])})


@pytest.mark.parametrize("new, past", [(40, 0), (1, 40), (3, 7)])
def test_the_decoder_with_open_lengths(folder, config, new, past):
    rng = np.random.default_rng(1)
    text = config.text
    d = text.width // text.heads
    facts = {"inputs_embeds": f"1,T,{text.width},f32", "attention_mask": "1,T+P,i64", "position_ids": "1,T,i64"}
    feeds = {
        "inputs_embeds": rng.normal(size=(1, new, text.width)).astype(np.float32),
        "attention_mask": np.ones((1, past + new), dtype=np.int64),
        "position_ids": np.arange(past, past + new)[None] + 5,
    }
    for name in past_names(text.layers, "past_key_values"):
        facts[name] = f"1,{text.heads},P,{d},f32"
        feeds[name] = rng.normal(size=(1, text.heads, past, d)).astype(np.float32)
    compare(folder / "decoder_model_merged.onnx", facts, feeds)
    bias = np.where(rng.random((1, 1, new, past + new)) < 0.3, -1e4, 0.0).astype(np.float32)
    tree = {name: value for name, value in feeds.items() if name != "attention_mask"} | {"attention_bias": bias}
    compare(folder / "decoder_tree.onnx", facts | {"attention_bias": "1,1,T,T+P,f32"}, tree)
    if past == 0:
        head = {name: feeds[name] for name in ("inputs_embeds", "attention_mask", "position_ids")}
        open_length = {name: fact.replace("T+P", "T") for name, fact in facts.items()}
        compare(folder / "decoder_head.onnx", open_length, head)
