"""The exported files in ONNX Runtime and in tract say what PyTorch says, with lengths left open."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import tract
from conftest import ROOT, differ

from scene_drafter import train as training
from scene_drafter.code import Code, Shape
from scene_drafter.collect import GREEDY
from scene_drafter.config import slot_positions
from scene_drafter.drafter import Drafter
from scene_drafter.evaluate import evaluate
from scene_drafter.export import export_code, export_compressor, export_form, narrow
from scene_drafter.export_router import export_router
from scene_drafter.router import Router
from scene_drafter.speculate import report
from scene_vlm.config import PATCHES
from scene_vlm.decoder import bias_of
from scene_vlm.export import past_names

PLAIN = {
    "Add", "Cast", "Concat", "Constant", "CumSum", "Div", "Equal", "Erf", "Exp", "Expand", "Gather", "Gemm", "GreaterOrEqual", "Identity", "Less",
    "LessOrEqual", "Clip", "Log", "MatMul", "Mul", "Neg", "Not", "Pow", "ReduceMean", "ReduceSum", "Reshape", "Round",
    "Shape", "Sigmoid", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze", "Where", "ConstantOfShape",
}


def run_both(path, facts, feeds, bound=1e-4):
    """Outputs of ONNX Runtime, compared with tract's."""
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert kinds <= PLAIN, sorted(kinds - PLAIN)
    model = tract.onnx().load(str(path))
    names = [model.input_name(i) for i in range(model.input_count())]
    for i, name in enumerate(names):
        model.set_input_fact(i, facts[name])
    ours = model.into_model().into_runnable().run([feeds[name] for name in names])
    theirs = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, feeds)
    for a, b in zip(ours, theirs, strict=True):
        assert differ(a.to_numpy().astype(np.float32), b.astype(np.float32)) <= bound * max(1.0, np.abs(b).max())
    return theirs


@pytest.mark.parametrize("name", ["standalone", "colocated", "plain"])
@pytest.mark.parametrize("bits", [32, 16, 8])
@torch.no_grad()
def test_a_drafter(config, world, tmp_path, name, bits):
    torch.manual_seed(2)
    drafter = Drafter(config(name), world[3].decoder).eval()
    path = tmp_path / f"{name}.onnx"
    export_form(drafter, path)
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    # How many tokens are new is all that a graph has to look up. Powers: two norms and the scale of scores a layer, and the last norm.
    assert kinds.count("Shape") <= 1 and kinds.count("Pow") == 1 + 3 * len(drafter.layers)
    if bits < 32:
        before = path.stat().st_size
        narrow(path, bits)
        assert path.stat().st_size < {16: 0.75, 8: 0.6}[bits] * before
    width, heads, layers = drafter.words.shape[1], drafter.layers[0].heads, len(drafter.layers)
    rng = np.random.default_rng(0)
    for new, past in ((7, 0), (1, 7), (4, 3)):
        places = np.array(slot_positions(drafter.slots) + list(range(PATCHES, PATCHES + 20)))[past : past + new]
        feeds = {
            "inputs_embeds": rng.normal(size=(1, new, width)).astype(np.float32),
            "global": rng.normal(size=(1, width)).astype(np.float32),
            "position_ids": places[None],
            "attention_mask": np.ones((1, past + new), dtype=np.int64),
        }
        facts = {"inputs_embeds": f"1,T,{width},f32", "global": f"1,{width},f32", "position_ids": "1,T,i64", "attention_mask": "1,T+P,i64"}
        hidden = None
        if drafter.config.draft.colocated:
            feeds["hidden_states_in"] = rng.normal(size=(1, new, width)).astype(np.float32)
            facts["hidden_states_in"], hidden = f"1,T,{width},f32", torch.from_numpy(feeds["hidden_states_in"])
        for part in past_names(layers, "past_key_values"):
            feeds[part] = rng.normal(size=(1, heads, past, width // heads)).astype(np.float32)
            facts[part] = f"1,{heads},P,{width // heads},f32"
        given = {part: torch.from_numpy(value) for part, value in feeds.items()}
        pairs = [(given[f"past_key_values.{i}.key"], given[f"past_key_values.{i}.value"]) for i in range(layers)]
        index = torch.arange(past + new)
        embeds, whole = given["inputs_embeds"], given["global"]
        if name == "plain":
            embeds, whole = embeds * (given["position_ids"] >= PATCHES)[..., None], 0 * whole
        ours = drafter.step(embeds, whole, given["position_ids"], bias_of(index[None] <= index[past:, None]), pairs, hidden)
        theirs = run_both(path, facts, feeds)
        bound = {32: 1e-3, 16: 0.01, 8: 0.1}[bits] * max(1.0, float(ours[0].abs().max()))
        assert differ(ours[0], theirs[0]) < bound and differ(ours[1], theirs[1]) < bound


@torch.no_grad()
def test_the_vision_adaptor(config, world, tmp_path):
    drafter = Drafter(config("standalone"), world[3].decoder).eval()
    export_compressor(drafter, tmp_path / "compress.onnx")
    width = drafter.words.shape[1]
    for count in (PATCHES, 5):
        image = 0.05 * np.random.default_rng(count).normal(size=(1, count, width)).astype(np.float32)
        places = np.arange(count)[None]
        slots, whole = run_both(tmp_path / "compress.onnx", {"image_features": f"1,N,{width},f32", "position_ids": "1,N,i64"}, {"image_features": image, "position_ids": places})
        ours = drafter.picture(torch.from_numpy(image), torch.from_numpy(places))
        assert slots.shape == (1, drafter.slots, width) and whole.shape == (1, width)
        assert differ(ours[0], slots) < 1e-4 and differ(ours[1], whole) < 1e-4


@torch.no_grad()
def test_the_code_and_the_router(tmp_path):
    torch.manual_seed(0)
    code, router = Code(Shape(6, 4), 48, 16).eval(), Router(48, 8).eval()
    export_code(code, 48, tmp_path)
    export_router(router, 48, tmp_path)
    image = 0.05 * torch.randn(1, 20, 48)
    (codes,) = run_both(tmp_path / "fsq_encode.onnx", {"image_features": "1,N,48,f32"}, {"image_features": image.numpy()}, 0.0)
    assert codes.dtype == np.uint8 and (codes == code.encode(image).numpy()).all()
    (tokens,) = run_both(tmp_path / "fsq_decode.onnx", {"codes": "1,N,6,u8"}, {"codes": codes})
    assert differ(tokens, code.decode(torch.from_numpy(codes))) < 1e-5
    feeds = {"hidden_states": torch.randn(1, 11, 48), "confidence": torch.randn(1, 11, 3), "global": torch.randn(1, 48)}
    facts = {"hidden_states": "1,T,48,f32", "confidence": "1,T,3,f32", "global": "1,48,f32"}
    (score,) = run_both(tmp_path / "router.onnx", facts, {name: value.numpy() for name, value in feeds.items()})
    assert score.shape == (1,) and differ(score, router(*feeds.values())) < 1e-5


def test_the_command_writes_a_whole_folder(config, world, texts, facts, tmp_path):
    root, _, _, target = world
    checkpoints = {}
    for name in ("standalone", "colocated", "plain"):
        run = training.Run(config(name), target, texts, facts, 0)
        (tmp_path / name).mkdir()
        checkpoints[name] = tmp_path / name / "checkpoint.pt"
        run.save(checkpoints[name])
    command = [sys.executable, "-m", "scene_drafter.export", "--target", root / "target", "--parser", root / "parser", "--narrow"]
    command += ["--standalone", checkpoints["standalone"], "--colocated", checkpoints["colocated"], "--rung", checkpoints["plain"]]
    subprocess.run([*map(str, command), "--out", str(tmp_path / "model")], check=True, env={"PYTHONPATH": ":".join(sys.path)}, cwd=ROOT)
    written = {path.name for path in (tmp_path / "model" / "onnx").iterdir()}
    assert written == {"compress.onnx", "standalone.onnx", "colocated.onnx", "colocated_plain.onnx"}


@pytest.mark.parametrize("name", ["standalone", "colocated"])
def test_drafts_as_they_run_hold_as_often_as_those_read_off_the_text(config, world, texts, facts, tmp_path, name):
    base = config(name)
    learning = dataclasses.replace(base.train, steps=60, learning_rate=3e-3, warmup_steps=5, bfloat16=False)
    run = training.Run(dataclasses.replace(base, train=learning), world[3], texts, facts, 0)
    for _ in range(run.steps):
        run.advance()
    drafter = run.drafter.eval()
    (tmp_path / "onnx").mkdir()
    export_form(drafter, tmp_path / "onnx" / f"{name}.onnx")
    export_compressor(drafter, tmp_path / "onnx" / "compress.onnx")
    heads, width = drafter.layers[0].heads, drafter.words.shape[1]
    described = {"num_attention_heads": heads, "head_dim": width // heads, "slot_positions": slot_positions(drafter.slots)}
    (tmp_path / "config.json").write_text(json.dumps(described | {"fact_tokens": np.nonzero(facts)[0].tolist()}))
    ran = evaluate(tmp_path, name, texts, world[3], 5, None)
    read = report(drafter, texts, texts.of_kind(GREEDY), facts)
    assert ran["tokens_per_call"] == pytest.approx(read["tokens_per_call"], abs=0.02)
    assert ran["other_agreement"] == pytest.approx(read["other_agreement"], abs=0.01)
    # Neither never right nor always.
    assert 1.1 < ran["tokens_per_call"] < 5.5
